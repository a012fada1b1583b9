"""Late stopping, worked by hand on tables of what training saw."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.data import tables
from hone.errors import Refused
from tasks.sample.filters.late_stopping import late_stopping
from tests.sample.filters.tables import trained

RIGHT, WRONG = (0.6, [0.5, 0.1]), (0.4, [0.5, 0.1])


def course(**given: str) -> pl.DataFrame:
    """Queries seen in turn, once an epoch: `r` where the positive was above both negatives, `w`
    where it was not.
    """
    epochs = max(map(len, given.values()))
    steps = [
        (query, *(RIGHT if marks[epoch] == "r" else WRONG))
        for epoch in range(epochs)
        for query, marks in given.items()
        if epoch < len(marks)
    ]
    return trained(*steps)


def list_removed(frame: pl.DataFrame) -> list[tuple[str, str | None, str]]:
    return sorted(frame.rows())


def test_worked_by_hand():
    """Two in a row: a is learned at visit 2, b at 3, c at 5, d never. Half of four queries
    leave: d and c.
    """
    found = late_stopping(course(a="rrrrr", b="wrrrr", c="rwwrr", d="wrwrw"), share=0.5, in_a_row=2)
    assert list_removed(found) == [
        ("c", None, "learned at visit 5 of 5"),
        ("d", None, "not learned in 5 visits"),
    ]
    assert late_stopping(
        course(a="rrrrr", b="wrrrr", c="rwwrr", d="wrwrw"), share=0.25, in_a_row=2
    )["query_id"].to_list() == ["d"]


def test_of_equals_the_one_that_is_further_behind():
    near, far = ("near", 0.49, [0.5]), ("far", 0.1, [0.5])
    easy = ("easy", 0.9, [0.1])
    assert late_stopping(trained(*[near, far, easy] * 4), share=0.4, in_a_row=3)[
        "query_id"
    ].to_list() == ["far"]


def test_a_large_loss_that_is_learned_early_is_no_reason():
    """hard is right from the start with a small margin and a large loss; wrong is learned last
    with a small loss.
    """
    steps = [
        one
        for late in (False, False, False, True)
        for one in [("hard", 0.51, [0.5]), ("wrong", 0.9 if late else 0.1, [0.5])]
    ]
    made = trained(*steps, loss=[3.0, 0.1] * 4)
    assert late_stopping(made, share=0.5, in_a_row=3)["query_id"].to_list() == ["wrong"]


def test_what_is_learned_as_early_as_can_be_stays_though_the_share_is_not_full():
    assert late_stopping(course(a="rrrr", b="rrrr", c="rrrr"), share=0.9).is_empty()


@pytest.mark.parametrize("marks", ["w", "ww", "www"])
def test_in_too_few_epochs_it_never_acts(marks):
    assert late_stopping(course(a=marks, b="r" * len(marks)), share=0.5, in_a_row=3).is_empty()


def test_without_own_negatives_it_never_acts():
    assert late_stopping(trained(*[("a", 0.1, []), ("b", 0.9, [])] * 6), share=0.5).is_empty()


def test_a_training_that_has_not_been():
    assert late_stopping(tables.empty("trained"), share=0.5).is_empty()


def test_who_is_seen_less_often_stays():
    assert late_stopping(course(a="rrrrr", b="wwwww", c="www"), share=0.99, in_a_row=3)[
        "query_id"
    ].to_list() == ["b"]


@pytest.mark.parametrize("parameters", [{"share": 1.0}, {"share": 0}, {"in_a_row": 0}])
def test_a_constant_out_of_range_is_refused_before_work(parameters):
    with pytest.raises(Refused, match="share|in_a_row"):
        methods.checked("sample.filters", {"late-stopping": parameters}, "test")


COURSES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.text("rw", min_size=1, max_size=8), min_size=1
)


@given(COURSES, st.floats(0.01, 0.99), st.integers(1, 4))
def test_at_most_the_share_and_none_that_was_learned_before_one_that_stays(
    courses, share, in_a_row
):
    long_courses = {name: marks for name, marks in courses.items() if len(marks) > in_a_row}
    learned = {
        name: marks.find("r" * in_a_row) + in_a_row if "r" * in_a_row in marks else 99
        for name, marks in long_courses.items()
    }
    out = late_stopping(course(**courses), share=share, in_a_row=in_a_row)["query_id"].to_list()
    assert set(out) <= set(long_courses)
    assert len(out) <= share * len(long_courses) + 1e-6
    assert all(learned[name] > in_a_row for name in out)
    stays = [learned[name] for name in long_courses if name not in out]
    if out and stays:
        assert min(learned[name] for name in out) >= max(stays)
