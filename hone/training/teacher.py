"""Teacher scores in the labels: which judge assigned them, and whether a loss that needs them
finds any.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused, listed

NOTE = "graded by "


def note(judge: pl.Expr) -> pl.Expr:
    """The `reason` of a labelled positive that a judge graded. Its `judge` column still names
    the collection.
    """
    return pl.lit(NOTE) + judge


def grader() -> pl.Expr:
    """The judge that graded a label. Null for grades from the collection, which use another
    scale.
    """
    noted = pl.when(pl.col("reason").str.starts_with(NOTE)).then(
        pl.col("reason").str.strip_prefix(NOTE)
    )
    return pl.when(pl.col("judge") == "qrels").then(noted).otherwise("judge")


def graded_by(judge: str) -> pl.Expr:
    """Which labels have a grade of this judge that is a number. Training ignores unknown pairs,
    whatever their grade.
    """
    return (grader() == judge) & (pl.col("label") != "unknown") & pl.col("grade").is_finite()


def teacher_of(labels: pl.DataFrame, where: str) -> str:
    """The judge that graded a round's negatives.

    Args:
        labels: labels of the round.
        where: the setting that needs a teacher, for the message.

    Raises:
        Refused: no judge graded them, or several judges did, each on its own scale.
    """
    mined = labels.filter(pl.col("rank").is_not_null() & pl.col("grade").is_finite()).select(
        judge=grader()
    )
    judges = mined["judge"].drop_nulls().unique().sort().to_list()
    if not judges:
        raise Refused(
            f"{where} needs the grades of a judge, but no negative of this round has one. Add a "
            "section `relabel` with `grades: "
            "true` and a judge that returns grades to the recipe."
        )
    if len(judges) > 1:
        raise Refused(
            f"{where} needs the grades of a single judge, but this round has grades of "
            f"{listed(judges)}. Keep one of them."
        )
    return judges[0]
