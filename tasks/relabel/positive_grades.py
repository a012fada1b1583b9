"""Grades of labelled positives by the last judge, for a loss that learns from grades."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hone.data.labels import labelled_positives
from hone.data.pair_lookup import places
from hone.data.questions import in_blocks
from hone.data.training_set import TrainingSet
from hone.judging.context import Desk
from hone.judging.run_judge import ask
from hone.layout import PAIR
from hone.training.teacher import note


def grade_positives(
    labels: pl.DataFrame, line: dict, known: pl.DataFrame, training: TrainingSet, desk: Desk
) -> Iterator[pl.DataFrame]:
    """Judgments of labelled positives by the judge of a line, block by block.

    They have place 0: they are not judgments of negatives, and no rule escalates them.

    Args:
        labels: labels whose positives are graded.
        line: of the cascade.
        known: labels of the parent round.
        training: source of the texts.
        desk: judgment log, budget, encoders.
    """
    for questions in in_blocks(labelled_positives(labels).select(PAIR), known, training):
        yield ask(line, questions, desk).with_columns(
            place=pl.lit(0, dtype=pl.Int32), judge=pl.lit(line["name"])
        )


def with_grades(labels: pl.DataFrame, graded: pl.DataFrame, judge: str) -> pl.DataFrame:
    """Labels with the grades of a judge.

    Args:
        labels: of the round.
        graded: query_id, doc_id, grade.
        judge: name of the judge.
    """
    grade = graded["grade"].gather(places(labels, graded))
    return labels.with_columns(
        reason=pl.when(grade.is_not_null()).then(note(pl.lit(judge))).otherwise("reason"),
        grade=pl.coalesce(grade, "grade"),
    )


def of_same_text(
    labels: pl.DataFrame, retrieved: pl.DataFrame, training: TrainingSet
) -> pl.DataFrame:
    """The labels whose document, or one with the same text, was retrieved for the query."""
    texts = training.texts(pl.concat([labels["doc_id"], retrieved["doc_id"]]).unique()).select(
        "doc_id", "full_text"
    )
    same_texts = (
        retrieved.join(texts, on="doc_id", how="inner").select("query_id", "full_text").unique()
    )
    return labels.join(texts, on="doc_id", how="left", maintain_order="left").join(
        same_texts, on=["query_id", "full_text"], how="semi", maintain_order="left"
    )
