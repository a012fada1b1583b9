"""How much of each ranking nobody has judged, and whether that could turn a difference round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.ir.unjudged_bounds import Bounds, Seen, bounds, judged_wrong, seen
from hone.layout import DATA
from hone.present.number_format import count, share, signed


@dataclass(frozen=True)
class UnjudgedBounds:
    """One ranking of a collection.

    Attributes:
        seen: how much of it is judged.
        bounds: of what it gives more than `other`; null for that itself.
    """

    name: str
    seen: Seen
    other: str
    bounds: Bounds | None


@dataclass(frozen=True)
class Judgments:
    """The judgments that rankings of a collection are held against: query_id, doc_id, relevance of one split."""

    collection: str
    qrels: pl.DataFrame
    min_relevance: int

    @property
    def wrong(self) -> int:
        return judged_wrong(self.qrels, self.min_relevance)


def read_judgments(collection: str, split: str, min_relevance: int) -> Judgments:
    return Judgments(collection, tables.read("qrels", DATA / collection / split / "qrels.parquet"), min_relevance)


def bound_differences(names: list[str], other: str, by: Judgments, ranking: Callable[[str], pl.DataFrame]) -> list[UnjudgedBounds]:
    """Every name's ranking (query_id, doc_id, rank, by its name), and how far its difference from that of `other` could move."""
    base = ranking(other)
    made = []
    for name in names:
        run = base if name == other else ranking(name)
        between = None if name == other else bounds(base, run, by.qrels, by.min_relevance)
        made.append(UnjudgedBounds(name, seen(run, by.qrels, by.min_relevance), other, between))
    return made


def describe_bounds(one: UnjudgedBounds) -> str:
    """What unjudged documents could do to a difference."""
    found = one.bounds
    change = (
        f"{one.name} gives {signed(found.observed)} more than {one.other} in rank-biased precision where what nobody has judged is wrong"
    )
    if not found.unjudged:
        return f"{change}; they rank no unjudged document differently."
    documents = count(found.unjudged, "unjudged document")
    could = f"between {signed(found.low)} and {signed(found.high)} whatever the {documents} that they rank differently would be judged"
    return f"{change}, {could}: {'its sign is open' if found.open else 'its sign does not hang on them'}."


def describe_unjudged(found: list[UnjudgedBounds], by: Judgments) -> list[str]:
    """What to know before believing a difference on a collection."""
    parts = ", ".join(f"{share(one.seen.judged)} of {one.name}'s" for one in found)
    sentences = [f"Of the first ten documents are judged: {parts}.", *(describe_bounds(one) for one in found if one.bounds)]
    if not by.wrong:
        sentences.append(
            f"In {by.collection} only right answers are labelled: every other document counts as unjudged here, and as wrong in nDCG."
        )
    return sentences
