"""RocketQA's thresholds, worked by hand."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.errors import Refused
from tasks.sample.filters.cross_encoder import cross_encoder
from tests.sample.filters.tables import NUMBERS, left, numbered, pool, scores

CE = "cross-encoder"


def test_worked_by_hand():
    """Below .1 stays; .25 is in doubt and goes; .95 goes as a suspected answer. The first two
    ranks, which top takes, are gone.
    """
    rows = pool("c0", "c1", "c2", "c3")
    found = cross_encoder(rows, scores(CE, c0=0.95, c1=0.25, c2=0.0625, c3=0.001))
    assert left(rows, found) == ["c2", "c3"]
    assert found["detail"].to_list() == [
        "scores 0.95, threshold 0.1: suspected false negative",
        "scores 0.25, threshold 0.1",
    ]


def test_the_bounds_themselves():
    rows = pool("x", "y")
    found = cross_encoder(rows, scores(CE, x=0.5, y=0.25), negative=0.25, positive=0.5)
    assert left(rows, found) == []
    assert not any("suspected" in detail for detail in found["detail"])


def test_what_has_no_number_goes():
    rows = pool("x", "y", "z")
    found = cross_encoder(rows, scores(CE, x=nan, y=0.01))
    assert left(rows, found) == ["y"]
    assert found["detail"].to_list() == ["scores nothing, threshold 0.1"] * 2


def test_logits_are_refused():
    with pytest.raises(
        Refused,
        match="thresholds are probabilities, but 'cross-encoder' scores 4.5 for query 'q' and "
        "document 'x'",
    ):
        cross_encoder(pool("x", "y"), scores(CE, x=4.5, y=-3.0))


def test_a_scorer_that_is_missing_is_refused():
    with pytest.raises(Refused, match="'cross-encoder', which has none; valid: dense"):
        cross_encoder(pool("x"), scores("dense", x=0.5))


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(Refused, match="is above"):
        cross_encoder(pool("x"), scores(CE, x=0.5), negative=0.9, positive=0.1)


@pytest.mark.parametrize("parameters", [{"negative": 1.5}, {"positive": -0.1}])
def test_a_bound_out_of_range_is_refused_before_work(parameters):
    with pytest.raises(Refused, match="positive|negative"):
        methods.checked("sample.filters", {CE: parameters}, "test")


@given(NUMBERS, st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_what_stays_is_surely_irrelevant_and_never_suspected(values, one, two):
    low, high = sorted((one, two))
    rows = pool(*numbered(values))
    found = cross_encoder(rows, scores(CE, **numbered(values)), negative=low, positive=high)
    assert left(rows, found) == [name for name, value in numbered(values).items() if value < low]
    assert sum("suspected" in detail for detail in found["detail"]) == sum(
        value > high for value in values
    )
