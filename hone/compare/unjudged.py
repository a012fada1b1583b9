"""Unjudged documents in each ranking, and whether they could reverse a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.data.eval_splits import evaluation_table
from hone.ir.unjudged_bounds import Bounds, Seen, bounds, judged_wrong, seen
from hone.present.number_format import count, format_change, share


@dataclass(frozen=True)
class UnjudgedBounds:
    """One ranking of a collection.

    Attributes:
        seen: how much of it is judged.
        bounds: of its difference from `other`; null for `other` itself.
    """

    name: str
    seen: Seen
    other: str
    bounds: Bounds | None


@dataclass(frozen=True)
class Judgments:
    """The judgments of one split of a collection: query_id, doc_id, relevance."""

    collection: str
    qrels: pl.DataFrame
    min_relevance: int

    @property
    def wrong(self) -> int:
        """Number of judged non-relevant documents."""
        return judged_wrong(self.qrels, self.min_relevance)


def read_judgments(collection: str, split: str, min_relevance: int) -> Judgments:
    """The qrels of a split."""
    return Judgments(
        collection,
        tables.read("qrels", evaluation_table(collection, "qrels", split)),
        min_relevance,
    )


def bound_differences(
    names: list[str], other: str, by: Judgments, ranking: Callable[[str], pl.DataFrame]
) -> list[UnjudgedBounds]:
    """Bounds of the difference between every ranking and that of `other`.

    Args:
        names: of the rankings.
        other: the baseline.
        by: the judgments.
        ranking: reads a ranking by its name: query_id, doc_id, rank.
    """
    base = ranking(other)
    made = []
    for name in names:
        run = base if name == other else ranking(name)
        between = None if name == other else bounds(base, run, by.qrels, by.min_relevance)
        made.append(UnjudgedBounds(name, seen(run, by.qrels, by.min_relevance), other, between))
    return made


def describe_bounds(one: UnjudgedBounds) -> str:
    """Sentences: the difference, and how far unjudged documents could move it."""
    found = one.bounds
    change = (
        f"The difference of {one.name} from {one.other} in rank-biased precision is "
        f"{format_change(found.observed)} if all unjudged "
        "documents are non-relevant."
    )
    if not found.unjudged:
        return f"{change} Both rank all unjudged documents alike."
    documents = count(found.unjudged, "unjudged document")
    bounds = (
        f"judging these could move it to any value from {format_change(found.low)} to "
        f"{format_change(found.high)}"
    )
    return (
        f"{change} They rank {documents} differently: {bounds}, which "
        f"{'could' if found.open else 'cannot'} reverse its sign."
    )


def describe_unjudged(found: list[UnjudgedBounds], by: Judgments) -> list[str]:
    """Sentences: how much of each ranking is judged, and how reliable the differences are."""
    parts = ", ".join(f"{share(one.seen.judged)} ({one.name})" for one in found)
    sentences = [
        f"Judged among the first ten documents: {parts}.",
        *(describe_bounds(one) for one in found if one.bounds),
    ]
    if not by.wrong:
        sentences.append(
            f"{by.collection} has labels of relevant documents only. All others count as unjudged "
            "here and as non-relevant in nDCG."
        )
    return sentences
