"""A teacher's scores in the labels: which judge gave a grade, and whether a loss that learns from grades finds one to learn from."""

from __future__ import annotations

import polars as pl

from hone.errors import Refused, listed

NOTE = "graded by "


def note(judge: pl.Expr) -> pl.Expr:
    """The `reason` of a known answer whose grade is a judge's: its own judge, the collection, stays in its place."""
    return pl.lit(NOTE) + judge


def grader() -> pl.Expr:
    """Who gave a label's grade; null for grades that came with the collection: they are on another scale."""
    noted = pl.when(pl.col("reason").str.starts_with(NOTE)).then(pl.col("reason").str.strip_prefix(NOTE))
    return pl.when(pl.col("judge") == "qrels").then(noted).otherwise("judge")


def graded_by(judge: str) -> pl.Expr:
    """Which labels have a grade of this judge, a number. Unknown pairs train neither way, whatever their grade."""
    return (grader() == judge) & (pl.col("label") != "unknown") & pl.col("grade").is_finite()


def teacher_of(labels: pl.DataFrame, where: str) -> str:
    """The judge that has graded a round's negatives.

    Args:
        labels: of the round.
        where: what wants a teacher, for the message.

    Raises:
        Refused: nobody has graded them, or several have, each on a scale of its own.
    """
    mined = labels.filter(pl.col("rank").is_not_null() & pl.col("grade").is_finite()).select(judge=grader())
    judges = mined["judge"].drop_nulls().unique().sort().to_list()
    if not judges:
        raise Refused(
            f"{where} learns from the grades of a judge, and no negative of this round has one. "
            "Give the recipe a section `relabel` with `grades: true` and a judge that grades."
        )
    if len(judges) > 1:
        raise Refused(f"{where} learns from the grades of one judge, and this round's are those of {listed(judges)}. Keep one of them.")
    return judges[0]
