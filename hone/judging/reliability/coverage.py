"""A judge's accuracy on the pairs with the highest confidence, and the ceiling of any majority of
its votes.

A judge that may escalate pairs (`escalate: confidence`) has an accuracy for each coverage: El-Yaniv
and Wiener, "On the Foundations of Noise-free Selective Classification" (2010), whose risk is 1 -
accuracy. A majority cannot correct an error that all votes share: "Inference Scaling FLaws: The
Limits of LLM Resampling with Imperfect Verifiers".
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.judging.votes import SPLIT

COVERAGES = tuple(tenth / 10 for tenth in range(1, 11))


def accuracy_at_coverage(
    confidence: np.ndarray, right: np.ndarray, weight: np.ndarray | None = None
) -> list[dict]:
    """The accuracy on the most confident pairs: a tenth of them, two tenths, and so on to all
    pairs.

    Pairs of equal confidence count together: a part of them has the accuracy of all, which is the
    mean over their orders.

    Args:
        confidence: max(p, 1 - p) of each pair, from 0.5 to 1.
        right: whether its verdict is correct.
        weight: number of pairs that each pair represents; null: one.

    Returns:
        coverage, accuracy, and confidence: that of the least confident pair included. Empty without
            pairs.
    """
    if not len(confidence):
        return []
    weight = np.ones(len(confidence)) if weight is None else np.asarray(weight, dtype=float)
    levels, level = np.unique(-np.asarray(confidence, dtype=float), return_inverse=True)
    covered = np.cumsum(np.bincount(level, weight))
    correct = np.cumsum(np.bincount(level, weight * np.asarray(right, dtype=float)))
    targets = np.array(COVERAGES) * covered[-1]
    known = np.interp(targets, np.append(0, covered), np.append(0, correct))
    last = np.minimum(np.searchsorted(covered, targets - 1e-9 * covered[-1]), len(levels) - 1)
    return [
        {"coverage": coverage, "accuracy": float(found / of), "confidence": float(-levels[place])}
        for coverage, found, of, place in zip(COVERAGES, known, targets, last, strict=True)
    ]


def curve(answered: pl.DataFrame, truth: str, weight: str | None = None) -> list[dict]:
    """The curve of verdicts that have a probability.

    Args:
        answered: verdict (none unknown), probability, and the columns named below.
        truth: the column that is true for relevant pairs.
        weight: the column of weights; null: equal weights.
    """
    sure = answered.filter(pl.col("probability").is_not_null() & pl.col(truth).is_not_null())
    probability = sure["probability"].to_numpy().astype(float)
    yes = (sure["verdict"].cast(pl.String) == "positive").to_numpy()
    right = yes == sure[truth].to_numpy().astype(bool)
    return accuracy_at_coverage(
        np.maximum(probability, 1 - probability), right, sure[weight].to_numpy() if weight else None
    )


def ceiling_of_votes(rows: pl.DataFrame, votes: int) -> dict | None:
    """The accuracy of the majority of a judge's votes, and the maximum accuracy of any rule that
    combines these votes.

    If all votes agree and are wrong, no majority, threshold or weight is correct. The ceiling is
    the fraction of the other pairs. It is an upper bound, because the verdicts of unparsable votes
    are unknown.

    Args:
        rows: truth, verdict, reason of pairs.
        votes: number of answers per question.

    Returns:
        pairs (with a known vote), accuracy of the majority (a tie is not correct), ceiling; null
        for one vote, or without known votes.
    """
    verdict, split = (
        pl.col("verdict").cast(pl.String),
        pl.col("reason").str.contains(SPLIT).fill_null(False),
    )
    counted = rows.filter((verdict != "unknown") | split).select(
        right=(verdict == "positive") == pl.col("truth"), known=verdict != "unknown", split=split
    )
    if votes < 2 or counted.is_empty():
        return None
    right = counted["right"] & counted["known"]
    return {
        "pairs": len(counted),
        "accuracy": float(right.mean()),
        "ceiling": float((right | counted["split"]).mean()),
    }
