"""Whose a grade is, and what is refused where a loss wants a teacher."""

from __future__ import annotations

import polars as pl
import pytest

from hone.config.sections.train import Train
from hone.data import tables
from hone.errors import Refused
from hone.training.teacher import graded_by, note, teacher_of


def labels(*rows: tuple) -> pl.DataFrame:
    columns = ["query_id", "doc_id", "label", "grade", "rank", "judge", "reason"]
    return tables.shaped(
        "labels", pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    )


GRADED = [
    ("q", "p", "positive", -0.5, None, "qrels", "graded by lm"),
    (
        "q",
        "r",
        "positive",
        2.0,
        None,
        "qrels",
        None,
    ),  # the collection's own grade: relevance, another scale
    ("q", "s", "positive", 3.0, None, "strong", None),  # promoted by another judge in another round
    ("q", "a", "negative", -1.5, 1, "lm", None),
    ("q", "b", "negative", float("nan"), 2, "lm", None),
    ("q", "c", "negative", None, 3, None, None),
    ("q", "u", "unknown", -1.0, None, "lm", "timed out"),
]


def test_only_the_teachers_own_grades_count():
    assert labels(*GRADED).filter(graded_by("lm"))["doc_id"].to_list() == ["p", "a"]


def test_a_note_says_whose_the_grade_of_a_known_answer_is():
    frame = labels(*GRADED[1:4]).with_columns(
        reason=pl.when(pl.col("doc_id") == "r").then(note(pl.lit("lm"))).otherwise("reason")
    )
    assert frame.filter(graded_by("lm"))["doc_id"].to_list() == ["r", "a"]


def test_the_teacher_is_who_graded_the_rounds_negatives():
    assert teacher_of(labels(*GRADED), "the loss distil") == "lm"


def test_without_a_teacher_it_is_refused():
    with pytest.raises(
        Refused,
        match=r"the loss distil needs the grades of a judge, but no negative.*`grades: true`",
    ):
        teacher_of(labels(*GRADED[1:3], GRADED[5]), "the loss distil")


def test_two_teachers_are_refused():
    with pytest.raises(
        Refused, match="grades of a single judge, but this round has grades of 'cheap', 'lm'"
    ):
        teacher_of(
            labels(*GRADED, ("q", "d", "negative", 0.5, 4, "cheap", None)), "the loss distil"
        )


def test_the_stage_knows_which_losses_want_one():
    from tasks.train.fit import learns_from_grades

    assert (
        learns_from_grades(Train(losses=[{"method": "infonce"}, {"method": "distil"}])) == "distil"
    )
    assert learns_from_grades(Train(losses=[{"method": "infonce"}])) is None
