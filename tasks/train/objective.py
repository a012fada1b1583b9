"""The training objective: from vectors of a batch to the recipe's losses, with a record of each
step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from hone.data import tables
from hone.encoders.batched_inference import Features, part_of, token_counts
from tasks.train.examples import Examples

ROWS_PER_PART = 32


@dataclass(frozen=True)
class Batch:
    """The input of a loss. B queries, D documents, d dimensions.

    Attributes:
        queries: vectors [B, d] in fp32, normalized if the model uses cosine.
        documents: vectors [D, d].
        scores: inner products [B, D].
        positive: [B], the column of each query's positive. -1 if there is none, only for losses
            that need none.
        usable: [B, D], which documents may be negatives of which query: neither its positive nor
            another positive or masked document of it, whichever query added it to the batch.
        own: [B, D], which of these were mined for this query.
        weights: [B, D], the weight of a document as a negative of a query: 1 by default.
        teacher: [B, D], a judge's grade of a document for a query. NaN if missing.
        positive_weight: [B], weight of each query's positive. The objective applies it, not the
            losses.
    """

    queries: torch.Tensor
    documents: torch.Tensor
    scores: torch.Tensor
    positive: torch.Tensor
    usable: torch.Tensor
    own: torch.Tensor
    weights: torch.Tensor
    teacher: torch.Tensor
    positive_weight: torch.Tensor


Loss = Callable[[Batch], torch.Tensor]


def weighted_mean(losses: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The weighted mean of [B] losses. 0 if all weights are 0."""
    total = weight.sum()
    return (losses * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


class Objective(nn.Module):
    """The sum of the recipe's losses, as a loss module for sentence-transformers' trainer.

    A batch's loss is the mean over its queries, weighted by their positives. The record is
    unweighted.

    Args:
        model: the model in training.
        losses: each maps a batch to one loss per query [B].
        cosine: whether vectors are normalized.
        examples: the training examples, for the record.
    """

    def __init__(
        self, model: SentenceTransformer, losses: dict[str, Loss], cosine: bool, examples: Examples
    ) -> None:
        super().__init__()
        self.model = model
        self.losses, self.cosine, self.examples = losses, cosine, examples
        self.step = 0
        self.record: list[pl.DataFrame] = []

    def forward(
        self, features: list[dict[str, torch.Tensor]], labels: torch.Tensor
    ) -> torch.Tensor:
        query_features, document_features = (dict(part) for part in features)
        numbers = document_features.pop("numbers")
        targets = {name: document_features.pop(name, None) for name in ("weights", "teacher")}
        weight = query_features.pop("weight", None)
        batch = self.batch(
            self._vectors(query_features),
            self._vectors(document_features),
            labels,
            **targets,
            positive_weight=weight,
        )
        losses = torch.stack([loss(batch) for loss in self.losses.values()]).sum(0)
        if self.training:
            self._note(batch, labels[:, 0], numbers, losses)
        return losses.mean() if weight is None else weighted_mean(losses, weight)

    def batch(
        self,
        queries: torch.Tensor,
        documents: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None = None,
        teacher: torch.Tensor | None = None,
        positive_weight: torch.Tensor | None = None,
    ) -> Batch:
        """The input of the losses, scored in fp32 whatever the encoder's precision. Negatives of
        weight 0 are not usable.
        """
        with torch.autocast(queries.device.type, enabled=False):
            positive, role = labels[:, 1], labels[:, 2:]
            usable = role >= 0
            with_positive = (positive >= 0).nonzero().squeeze(1)
            usable[with_positive, positive[with_positive]] = False
            if weights is not None:
                usable &= weights > 0
            scores = queries @ documents.T
            return Batch(
                queries,
                documents,
                scores,
                positive,
                usable,
                usable & (role == 1),
                torch.ones_like(scores) if weights is None else weights,
                torch.full_like(scores, torch.nan) if teacher is None else teacher,
                scores.new_ones(len(positive)) if positive_weight is None else positive_weight,
            )

    def _vectors(self, features: Features) -> torch.Tensor:
        """Vectors of all texts of one route, in order: [n, d]. On a CPU they are computed in
        length-sorted parts.
        """
        count = next(len(value) for value in features.values() if torch.is_tensor(value))
        parts, order = self._parts(features, count)
        made = torch.cat([self.model(part)["sentence_embedding"].float() for part in parts])
        vectors = made[torch.from_numpy(np.argsort(order)).to(made.device)]
        return nn.functional.normalize(vectors, dim=1) if self.cosine else vectors

    def _parts(self, features: Features, count: int) -> tuple[list[Features], np.ndarray]:
        """Features in parts, and the row of each text in the order of the parts.

        A CPU gains nothing from one large batch, and length-sorted parts need little padding.
        """
        order = np.argsort(-token_counts(features, count), kind="stable")
        device = next(self.model.parameters()).device
        if device.type != "cpu" or count <= ROWS_PER_PART:
            return [features], np.arange(count)
        return [
            part_of(features, rows, count)
            for rows in np.array_split(order, -(-count // ROWS_PER_PART))
        ], order

    def _note(
        self, batch: Batch, rows: torch.Tensor, numbers: torch.Tensor, losses: torch.Tensor
    ) -> None:
        """Record this step: each query's positive with its loss, and its own negatives. Without a
        positive, the loss is stored with the first negative.
        """
        scores, loss, positive = (
            batch.scores.detach().cpu().numpy(),
            losses.detach().float().cpu().numpy(),
            batch.positive.cpu().numpy(),
        )
        pairs = self.examples.pairs[rows.cpu().numpy()]
        query, column = batch.own.cpu().numpy().nonzero()
        seen = {
            "query": pairs["query_id"].to_list(),
            "document": [self.examples.document_ids[n] for n in numbers.tolist()],
        }
        at = np.flatnonzero(positive >= 0)
        positives = {
            "query_id": pairs["query_id"].gather(at),
            "doc_id": pairs["doc_id"].gather(at),
            "role": "positive",
            "loss": loss[at],
            "score": scores[at, positive[at]],
        }
        first = np.append(True, query[1:] != query[:-1])[: len(query)] & (positive[query] < 0)
        negatives = {
            "query_id": [seen["query"][n] for n in query],
            "doc_id": [seen["document"][n] for n in column],
            "role": "negative",
            "loss": pl.Series(np.where(first, loss[query], np.nan)).fill_nan(None),
            "score": scores[query, column],
        }
        for rows_of_role in (positives, negatives):
            if len(rows_of_role["score"]):
                frame = pl.DataFrame(rows_of_role).with_columns(step=pl.lit(self.step))
                self.record.append(tables.shaped("trained", frame))

    @property
    def trained(self) -> pl.DataFrame:
        """The table `trained` so far."""
        return pl.concat(self.record) if self.record else tables.empty("trained")

    def get_config_dict(self) -> dict[str, str]:
        """Data for the model card."""
        return {"losses": " + ".join(self.losses)}
