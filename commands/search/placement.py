"""Two rankings side by side: the move of each document from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from commands.search.labels import Label

UP, DOWN = "↑", "↓"
NEW, LEFT, SAME = "new", "left", "="


@dataclass(frozen=True)
class Hit:
    """A document in the ranking of a model.

    Attributes:
        rank: from 1.
        doc_id: a document, or the parent of chunks.
        score: the model's similarity.
        other_rank: the rank in the other model's ranking. Null: there is none, or it is lower than
            the search depth.
        move: in the second ranking "↑3", "↓2", "=" or "new". In the first ranking "left" if the
            second one does not show the document. Otherwise empty.
        label: the label of the pair. Null: not labelled.
        text: title and text.
    """

    rank: int
    doc_id: str
    score: float
    other_rank: int | None
    move: str
    label: Label | None
    text: str


def place(
    ranked: dict[str, pl.DataFrame],
    texts: dict[str, str],
    labels: dict[str, Label],
    top: int,
) -> dict[str, list[Hit]]:
    """The first `top` documents of each model with their moves.

    Args:
        ranked: doc_id, score of each model in descending order, at least `top` rows if the
            collection has them. One or two models, the baseline first.
        texts: by document id.
        labels: by document id.
        top: documents per model.
    """
    ranks = {
        name: {doc: rank for rank, doc in enumerate(rows["doc_id"], start=1)}
        for name, rows in ranked.items()
    }
    first = next(iter(ranked))
    lists: dict[str, list[Hit]] = {}
    for name, rows in ranked.items():
        other = next((ranks[one] for one in ranked if one != name), None)
        lists[name] = [
            Hit(
                rank,
                doc,
                score,
                None if other is None else other.get(doc),
                "" if other is None else describe_move(rank, other.get(doc), top, name == first),
                labels.get(doc),
                texts.get(doc, ""),
            )
            for rank, (doc, score) in enumerate(rows.head(top).iter_rows(), start=1)
        ]
    return lists


def describe_move(rank: int, other: int | None, top: int, in_first: bool) -> str:
    """The move of a document between the rankings; see `Hit.move`.

    Args:
        rank: its rank here.
        other: its rank in the other ranking. Null: below the search depth.
        top: shown documents per model.
        in_first: whether `rank` is its rank in the first ranking.
    """
    shown = other is not None and other <= top
    if in_first:
        return "" if shown else LEFT
    if not shown:
        return NEW
    if other == rank:
        return SAME
    return f"{UP}{other - rank}" if other > rank else f"{DOWN}{rank - other}"


def describe_label(label: Label | None, min_relevance: int) -> str:
    """A label as words: "relevant (2), held out". Empty if the pair is not labelled."""
    if label is None:
        return ""
    kind = "relevant" if label.grade >= min_relevance else "not relevant"
    return f"{kind} ({label.grade}){', held out' if label.held_out else ''}"


def describe_origin(hit: Hit) -> str:
    """The move, and for a new or left document its rank in the other ranking if it is known."""
    if hit.move in (NEW, LEFT) and hit.other_rank is not None:
        return f"{hit.move} ({hit.other_rank})"
    return hit.move
