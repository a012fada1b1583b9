"""Margins of training pairs in later models: the positive's score minus the negative's, and
forgotten pairs.

A round learns a pair if its model ranks the negative below the positive. A later model forgets it
by ranking the negative above the positive again. (Toneva et al. 2019, arXiv 1812.05159, count such
events for training examples of a classifier. Here the units are pairs, and the events are between
rounds.)
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data import tables
from hone.encoders.search import pair_scores
from hone.layout import round_table
from tasks.drift.moved import Sample, Seen

PAIRS = 1_000  # of each round; the standard error of a fraction is at most 0.016 [Hone default]
MAX_EXAMPLES = 10  # forgotten pairs listed with ids


def trained_pairs(trained: pl.DataFrame) -> pl.DataFrame:
    """query_id, positive, negative: each mined negative once, with the positive of its last
    training step.

    Args:
        trained: the table `trained` of a round.
    """
    positives = trained.filter(pl.col("role") == "positive").select(
        "step", "query_id", positive="doc_id"
    )
    negatives = trained.filter(pl.col("role") == "negative").select(
        "step", "query_id", negative="doc_id"
    )
    return (
        negatives.join(positives, on=["step", "query_id"], how="inner", maintain_order="left")
        .unique(["query_id", "negative"], keep="last", maintain_order=True)
        .select("query_id", "positive", "negative")
        .sort("query_id", "negative")
    )


def drawn(pairs: pl.DataFrame, draw: np.random.Generator, most: int = PAIRS) -> pl.DataFrame:
    """A random sample of at most this number of pairs."""
    return pairs if len(pairs) <= most else pairs[np.sort(draw.permutation(len(pairs))[:most])]


def margins(pairs: pl.DataFrame, sample: Sample, seen: Seen) -> np.ndarray:
    """The margin of each pair, [pairs], in one model."""
    query_rows = sample.query_rows(pairs["query_id"])
    scores = [
        pair_scores(
            seen.queries,
            seen.documents,
            np.column_stack([query_rows, sample.document_rows(pairs[name])]),
        )
        for name in ("positive", "negative")
    ]
    return scores[0] - scores[1]


def remembered(
    rounds: dict[str, dict], name: str, margin: dict[str, np.ndarray], pairs: pl.DataFrame
) -> dict:
    """The later margins of the pairs that one round trained on.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        name: the round.
        margin: for every model of its lineage, margins [pairs]. The start round comes first.
        pairs: query_id, positive, negative.

    Returns:
        pairs: number of pairs. models: for each model, the number of negatives ranked above their
            positive, the mean margin, and
        `forgotten`: how many of these the round's own model had ranked below (null for that model
            and the previous one). examples: the most
        clearly forgotten pairs of the last model that forgets any, with both margins.
    """
    learnt = margin[name] >= 0
    models, examples = [], []
    for model, values in margin.items():
        later = model not in (name, rounds[name]["from"])
        forgotten = learnt & (values < 0) if later else np.zeros(len(values), dtype=bool)
        models.append(
            {
                "model": model,
                "above": int((values < 0).sum()),
                "gap": float(values.mean()),
                "forgotten": int(forgotten.sum()) if later else None,
            }
        )
        if forgotten.any():
            examples = list_examples(pairs, model, margin[name], values, forgotten)
    return {
        "pairs": len(pairs),
        "learnt": int(learnt.sum()),
        "models": models,
        "examples": examples,
    }


def list_examples(
    pairs: pl.DataFrame, model: str, before: np.ndarray, after: np.ndarray, forgotten: np.ndarray
) -> list[dict]:
    rows = np.flatnonzero(forgotten)
    rows = rows[np.argsort(after[rows], kind="stable")][:MAX_EXAMPLES]
    return [
        pairs.row(int(row), named=True)
        | {"model": model, "before": float(before[row]), "after": float(after[row])}
        for row in rows
    ]


def pairs_of(name: str) -> pl.DataFrame:
    """The training pairs of a round whose negative was mined."""
    return trained_pairs(tables.read("trained", round_table(name, "trained")))
