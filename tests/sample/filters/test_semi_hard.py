"""The band below the positive, worked by hand."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.errors import Refused
from tasks.sample.filters.semi_hard import semi_hard
from tests.sample.filters.tables import NUMBERS, left, numbered, pool, scores


def test_worked_by_hand():
    """Positive .75, margin .25: what lies strictly between .5 and .75 stays. top would take c0,
    which the encoder ranks above it.
    """
    rows = pool("c0", "level", "c2", "c3", "end", "far")
    given_scores = scores(p=0.75, c0=0.8, level=0.75, c2=0.74, c3=0.51, end=0.5, far=0.1)
    assert left(rows, semi_hard(rows, pool("p"), given_scores, margin=0.25)) == ["c2", "c3"]


def test_the_band_may_begin_below_the_positive():
    rows = pool("near", "inside")
    assert left(
        rows,
        semi_hard(
            rows, pool("p"), scores(p=0.75, near=0.625, inside=0.5625), margin=0.25, gap=0.125
        ),
    ) == ["inside"]


def test_facenets_alpha_of_squared_distances_is_half_of_it_in_cosine():
    """Unit vectors at cosine .8 (positive), .75 and .65: squared distances .4, .5, .7; with
    alpha .2 the first negative is in the band.
    """
    squared = {"p": 0.4, "x": 0.5, "y": 0.7}
    rows = pool("x", "y")
    by_distance = [name for name in ("x", "y") if squared["p"] < squared[name] < squared["p"] + 0.2]
    assert (
        left(
            rows,
            semi_hard(rows, pool("p"), scores(**{name: 1 - d / 2 for name, d in squared.items()})),
        )
        == by_distance
        == ["x"]
    )


def test_what_has_no_number_goes():
    rows = pool("x", "y", "z")
    found = semi_hard(rows, pool("p"), scores(p=0.5, x=nan, y=0.45))
    assert left(rows, found) == ["y"]
    assert found["detail"].to_list() == ["scores nothing, outside the band 0.4 to 0.5"] * 2


def test_an_empty_band_is_refused():
    with pytest.raises(Refused, match="empty"):
        semi_hard(pool("x"), pool("p"), scores(p=0.5, x=0.4), margin=0.1, gap=0.1)


@pytest.mark.parametrize("parameters", [{"margin": 0}, {"gap": -0.1}])
def test_a_constant_out_of_range_is_refused_before_work(parameters):
    with pytest.raises(Refused, match="margin|gap"):
        methods.checked("sample.filters", {"semi-hard": parameters}, "test")


@given(NUMBERS, st.floats(0, 1, width=32), st.floats(0.0625, 1, width=32))
def test_all_that_stays_lies_in_the_band_and_nothing_else_does(values, positive, margin):
    rows = pool(*numbered(values))
    stays = left(
        rows, semi_hard(rows, pool("p"), scores(p=positive, **numbered(values)), margin=margin)
    )
    bound = scores(p=positive)["score"][0] - margin
    clear = {name for name, value in numbered(values).items() if abs(value - bound) > 1e-6}
    assert {name for name in clear if bound < numbered(values)[name] < positive} == set(
        stays
    ) & clear
