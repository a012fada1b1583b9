"""guide, worked by hand."""

from __future__ import annotations

from math import nan

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.errors import Refused
from tasks.sample.filters.guide import guide
from tests.sample.filters.tables import NUMBERS, left, numbered, pool, scores

GUIDE = "encoder:teacher"


def test_worked_by_hand():
    """The guide gives the positives .8 and .6: .61 goes, .6 (as near as the lowest) stays, .2
    stays.
    """
    rows = pool("above", "level", "below")
    given_scores = scores(GUIDE, p=0.8, low=0.6, above=0.61, level=0.6, below=0.2)
    assert left(rows, guide(rows, pool("p", "low"), given_scores, scorer=GUIDE)) == [
        "level",
        "below",
    ]


def test_a_margin_takes_what_is_nearly_as_close():
    rows = pool("x", "y")
    assert left(
        rows,
        guide(rows, pool("p"), scores(GUIDE, p=0.5, x=0.375, y=0.25), scorer=GUIDE, margin=0.1875),
    ) == ["y"]


def test_it_takes_what_the_guide_finds_an_answer_and_top_would_take():
    """The mining encoder ranks c0 first, under the positive: `top` and positive-aware take it.
    The guide finds it above the answer.
    """
    own = scores("dense", p=0.9, c0=0.7, c1=0.6)
    both = pl.concat([own, scores(GUIDE, p=0.7, c0=0.8, c1=0.3)])
    rows = pool("c0", "c1")
    assert left(rows, guide(rows, pool("p"), both, scorer=GUIDE)) == ["c1"]
    assert left(rows, guide(rows, pool("p"), both, scorer="dense", own=True)) == ["c0", "c1"]


def test_what_has_no_number_goes():
    rows = pool("x", "y", "z")
    found = guide(rows, pool("p"), scores(GUIDE, p=0.5, x=nan, y=0.1), scorer=GUIDE)
    assert left(rows, found) == ["y"]
    assert found["detail"].to_list() == ["the guide scores nothing, threshold 0.5"] * 2


def test_a_guide_that_scored_nothing_is_refused():
    with pytest.raises(
        Refused,
        match="guide needs the scores of 'encoder:techer', which has none; did you mean "
        "'encoder:teacher'",
    ):
        guide(pool("x"), pool("p"), scores(GUIDE, p=1.0, x=0.5), scorer="encoder:techer")


def test_the_rounds_own_model_is_a_guide_only_by_name():
    with pytest.raises(Refused, match="own: true"):
        guide(pool("x"), pool("p"), scores("dense", p=1.0, x=0.5), scorer="dense")


@pytest.mark.parametrize("parameters", [{}, {"scorer": GUIDE, "margin": -0.1}])
def test_parameters_are_checked_before_work(parameters):
    with pytest.raises(Refused, match="scorer|margin"):
        methods.checked("sample.filters", {"guide": parameters}, "test")


@given(NUMBERS, st.floats(0, 1, width=32), st.floats(0, 0.5, width=32))
def test_a_wider_margin_never_keeps_more_and_nothing_above_the_positive_stays(
    values, positive, margin
):
    rows, given_scores = pool(*numbered(values)), scores(GUIDE, p=positive, **numbered(values))
    plain = left(rows, guide(rows, pool("p"), given_scores, scorer=GUIDE))
    assert plain == [name for name, value in numbered(values).items() if value <= positive]
    assert set(
        left(rows, guide(rows, pool("p"), given_scores, scorer=GUIDE, margin=margin))
    ) <= set(plain)
