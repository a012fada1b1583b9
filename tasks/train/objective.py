"""The objective: vectors of a batch -> the recipe's losses, and a record of what each step saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from tasks import tables
from tasks.encode.forward import Features, part_of, token_counts
from tasks.train.examples import Examples

ROWS_PER_PART = 32


@dataclass(frozen=True)
class Batch:
    """What a loss sees. B queries, D documents, d dimensions.

    Attributes:
        queries: vectors [B, d] in fp32, of length 1 where the model compares by cosine.
        documents: vectors [D, d].
        scores: inner products [B, D].
        positive: [B], the column of each query's positive.
        usable: [B, D], which documents may be negatives of which query: never its positive, nor another known positive
            of it or one whose label is unknown, whichever query brought it into the batch.
        own: [B, D], which of these were mined for this query.
    """

    queries: torch.Tensor
    documents: torch.Tensor
    scores: torch.Tensor
    positive: torch.Tensor
    usable: torch.Tensor
    own: torch.Tensor


Loss = Callable[[Batch], torch.Tensor]


class Objective(nn.Module):
    """The sum of the recipe's losses, in the form that sentence-transformers' trainer takes.

    Args:
        model: in training.
        losses: each from a batch to one loss a query [B].
        cosine: whether vectors are brought to length 1.
        examples: for the record.
    """

    def __init__(self, model: SentenceTransformer, losses: dict[str, Loss], cosine: bool, examples: Examples) -> None:
        super().__init__()
        self.model = model
        self.losses, self.cosine, self.examples = losses, cosine, examples
        self.step = 0
        self.record: list[pl.DataFrame] = []

    def forward(self, features: list[dict[str, torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
        query_features, document_features = (dict(part) for part in features)
        numbers = document_features.pop("numbers")
        batch = self.batch(self._vectors(query_features), self._vectors(document_features), labels)
        losses = torch.stack([loss(batch) for loss in self.losses.values()]).sum(0)
        if self.training:
            self._note(batch, labels[:, 0], numbers, losses)
        return losses.mean()

    def batch(self, queries: torch.Tensor, documents: torch.Tensor, labels: torch.Tensor) -> Batch:
        """What losses see, scored in fp32 whatever the precision of the encoder."""
        with torch.autocast(queries.device.type, enabled=False):
            positive, role = labels[:, 1], labels[:, 2:]
            usable = role >= 0
            usable[torch.arange(len(positive), device=positive.device), positive] = False
            return Batch(queries, documents, queries @ documents.T, positive, usable, usable & (role == 1))

    def _vectors(self, features: Features) -> torch.Tensor:
        """Vectors of all texts of one route, in their order: [n, d], on a processor made in parts of like length."""
        count = next(len(value) for value in features.values() if torch.is_tensor(value))
        parts, order = self._parts(features, count)
        made = torch.cat([self.model(part)["sentence_embedding"].float() for part in parts])
        vectors = made[torch.from_numpy(np.argsort(order)).to(made.device)]
        return nn.functional.normalize(vectors, dim=1) if self.cosine else vectors

    def _parts(self, features: Features, count: int) -> tuple[list[Features], np.ndarray]:
        """Features in parts, and the row of each text in the order of the parts.

        A processor has no use for one large batch, and in parts of like length little of it is padding.
        """
        order = np.argsort(-token_counts(features, count), kind="stable")
        device = next(self.model.parameters()).device
        if device.type != "cpu" or count <= ROWS_PER_PART:
            return [features], np.arange(count)
        return [part_of(features, rows, count) for rows in np.array_split(order, -(-count // ROWS_PER_PART))], order

    def _note(self, batch: Batch, rows: torch.Tensor, numbers: torch.Tensor, losses: torch.Tensor) -> None:
        """Remember what this step saw: each query's positive with its loss, and its own negatives."""
        scores = batch.scores.detach().cpu().numpy()
        at = np.arange(len(rows))
        pairs = self.examples.pairs[rows.cpu().numpy()]
        query, column = batch.own.cpu().numpy().nonzero()
        seen = {"query": pairs["query_id"].to_list(), "document": [self.examples.document_ids[n] for n in numbers.tolist()]}
        positives = {
            "query_id": seen["query"], "doc_id": pairs["doc_id"], "role": "positive",
            "loss": losses.detach().float().cpu().numpy(), "score": scores[at, batch.positive.cpu().numpy()],
        }  # fmt: skip
        negatives = {
            "query_id": [seen["query"][n] for n in query], "doc_id": [seen["document"][n] for n in column],
            "role": "negative", "loss": None, "score": scores[query, column],
        }  # fmt: skip
        for rows_of_role in (positives, negatives):
            if len(rows_of_role["score"]):
                frame = pl.DataFrame(rows_of_role).with_columns(step=pl.lit(self.step))
                self.record.append(tables.shaped("trained", frame))

    @property
    def trained(self) -> pl.DataFrame:
        """The table `trained` so far."""
        return pl.concat(self.record) if self.record else tables.empty("trained")

    def get_config_dict(self) -> dict[str, str]:
        """For the model card."""
        return {"losses": " + ".join(self.losses)}
