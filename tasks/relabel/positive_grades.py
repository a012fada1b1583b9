"""Grades of labelled positives by the last judge, for a loss that learns from grades."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from hone.data.labels import labelled_positives
from hone.data.pair_lookup import places
from hone.data.questions import in_blocks
from hone.data.training_set import TrainingSet
from hone.judging.cascade import nothing_said
from hone.judging.context import Desk
from hone.judging.run_judge import ask
from hone.layout import PAIR
from hone.training.teacher import note


def with_grades_of_positives(
    labels: pl.DataFrame,
    shown: pl.DataFrame,
    line: dict,
    known: pl.DataFrame,
    training: TrainingSet,
    desk: Desk,
    keep: Callable[[pl.DataFrame], None],
) -> pl.DataFrame:
    """Labels whose known positives have the last judge's grade too, for a loss that learns from grades.

    `shown` are the labels whose known positives it grades. What it says of them is kept as answers of the place 0: they are no
    negatives, and no rule passes them on.
    """
    positives = labelled_positives(shown).select(PAIR)
    graded = [nothing_said().select(*PAIR, "grade")]
    for questions in in_blocks(positives, known, training):
        answered = ask(line, questions, desk)
        keep(answered.with_columns(place=pl.lit(0, dtype=pl.Int32), judge=pl.lit(line["name"])))
        graded.append(answered.select(*PAIR, "grade"))
    own = pl.concat(graded)
    grade = own["grade"].gather(places(labels, own))
    return labels.with_columns(
        reason=pl.when(grade.is_not_null()).then(note(pl.lit(line["name"]))).otherwise("reason"), grade=pl.coalesce(grade, "grade")
    )


def of_same_text(labels: pl.DataFrame, retrieved: pl.DataFrame, training: TrainingSet) -> pl.DataFrame:
    """The labels whose document, or a copy of it, was retrieved for the query."""
    texts = training.texts(pl.concat([labels["doc_id"], retrieved["doc_id"]]).unique()).select("doc_id", "full_text")
    there = retrieved.join(texts, on="doc_id", how="inner").select("query_id", "full_text").unique()
    return labels.join(texts, on="doc_id", how="left", maintain_order="left").join(
        there, on=["query_id", "full_text"], how="semi", maintain_order="left"
    )
