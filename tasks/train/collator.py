"""Collator: from rows of a batch to tokens. Each text occurs once, with its role for every
query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from tasks.train.examples import NO_POSITIVE, Examples
from tasks.train.negatives import Negatives


@dataclass
class Collator:
    """Builds batches of queries and documents, every document once, with the same prompts as in
    encoding.

    Args:
        examples: the training examples.
        preprocess: the model's preprocessing.
        prompts: by route.
        negatives: the negatives of this epoch.
        valid_label_columns: required by sentence-transformers' trainer. Empty.
    """

    examples: Examples
    preprocess: Callable[..., dict[str, Any]]
    prompts: dict[str, str]
    negatives: Callable[[], Negatives]
    valid_label_columns: list[str] = field(default_factory=list)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Features of `query` and `document`, and `label`.

        `label` [B, 2 + documents]: the row of `pairs`, the column of the positive (-1: none), and
        for each document 1 if it is one of the query's own negatives, 0 if it is another query's,
        -1 if it must not be a negative. If labels have weights: `query_weight` [B] of the positives
        and `document_weights` [B, documents] of the negatives. If a teacher has graded:
        `document_teacher` [B, documents].
        """
        chosen = np.array([row["row"] for row in rows])
        queries = self._column("query")[chosen]
        positives = self._column("document")[chosen]
        own, counts = self.negatives().of(queries)
        has_positive = positives != NO_POSITIVE
        documents, place = np.unique(
            np.concatenate([positives[has_positive], own]), return_inverse=True
        )
        known = int(has_positive.sum())
        positive = np.full(len(rows), NO_POSITIVE)
        positive[has_positive] = place[:known]
        role = np.zeros((len(rows), len(documents)), dtype=np.int64)
        role[np.repeat(np.arange(len(rows)), counts), place[known:]] = 1
        role[self.examples.is_known(queries, documents)] = -1
        batch: dict[str, Any] = {
            "label": torch.from_numpy(np.column_stack([chosen, positive, role])),
            "document_numbers": torch.from_numpy(documents),
        }
        if self.examples.weighted:
            batch["query_weight"] = torch.from_numpy(self._column("weight")[chosen])
            batch["document_weights"] = torch.from_numpy(
                self.examples.weights_of(queries, documents)
            )
        if len(self.examples.grades.keys):
            batch["document_teacher"] = torch.from_numpy(
                self.examples.grades_of(queries, documents)
            )
        for route, texts in (
            ("query", [self.examples.query_texts[query] for query in queries]),
            ("document", [self.examples.document_texts[document] for document in documents]),
        ):
            features = self.preprocess(texts, prompt=self.prompts[route] or None, task=route)
            batch |= {f"{route}_{name}": value for name, value in features.items()}
        return batch

    def _column(self, name: str) -> np.ndarray:
        return self.examples.pairs[name].to_numpy()
