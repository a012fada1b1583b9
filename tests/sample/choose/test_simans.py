"""SimANS: p by hand in each form and space, and successive draws that follow it."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from math import exp, log, sqrt

import numpy as np
import polars as pl
import pytest

from hone.data.query_groups import Segments
from hone.lots import lots, pair_keys, unit
from tasks.sample.choose.simans import log_weights
from tests.sample.choose.pools import chosen, docs, pool_of, tables_of

THREE = {"above": 0.9, "beside": 0.7, "below": 0.5}
HALF_AT_A_FIFTH = log(2) / 0.04  # a, by which a gap of .2 weighs half


def weights(
    form: str = "text",
    a: float = HALF_AT_A_FIFTH,
    b: float = 0.0,
    scale: str = "raw",
    given=(0.9, 0.7, 0.5),
    positive=0.7,
):
    scores = np.array(given, dtype=np.float32)
    references = np.full(len(given), positive, dtype=np.float32)
    return np.exp(
        log_weights(scores, references, Segments(np.array([0, len(given)])), form, a, b, scale)
    ).tolist()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [0.5, 1, 0.5]),  # gaps .2, 0, -.2
        ({"b": 0.2}, [1, 0.5, 1 / 16]),  # s - s+ - b: 0, -.2, -.4
        ({"b": 0.2, "form": "code"}, [1 / 16, 0.5, 1]),  # s - s+ + b: .4, .2, 0
        ({"form": "absolute", "a": log(2) / 0.2}, [0.5, 1, 0.5]),
        ({"form": "absolute", "a": log(2) / 0.2, "b": 0.2}, [0.5, 1, 0.5]),  # it has no b
        (
            {"a": 0.5, "given": (1.0, 0.7), "positive": 0.7},
            [exp(-0.5 * 0.09), 1],
        ),  # .956: uniform, on cosines
        (
            {"a": 0.5, "scale": "deviation"},
            [exp(-0.75), 1, exp(-0.75)],
        ),  # sd is sqrt(.08 / 3), so gaps squared are 1.5
        (
            {"a": 0.5, "scale": "deviation", "given": (0.4, 0.4)},
            [exp(-0.5 * 0.09)] * 2,
        ),  # no deviation: all alike
    ],
)
def test_weights_by_hand(parameters: dict, expected: list[float]):
    assert weights(**parameters) == pytest.approx(expected, rel=1e-5)


def test_a_unit_of_scores_changes_nothing():
    """Cosines, or the same times 40 and 3 more as a dot product: the same p, unless scores are
    taken raw.
    """
    wide = {"given": tuple(40 * score + 3 for score in (0.9, 0.7, 0.5)), "positive": 40 * 0.7 + 3}
    assert weights(scale="deviation", a=0.5, **wide) == pytest.approx(
        weights(scale="deviation", a=0.5), rel=1e-4
    )
    assert weights(a=0.5, **wide)[0] < 1e-9 < weights(a=0.5)[0]


def many(times: int) -> dict:
    pool = pl.concat([pool_of({"q": THREE})] * times).with_columns(
        query_id=pl.format("q{}", pl.int_range(3 * times) // 3)
    )
    return tables_of(pool, {f"q{number}": 0.7 for number in range(times)})


def test_draws_follow_p():
    """p is 1/4, 1/2, 1/4; a second draw is by p over what is left: beside and then above 1/2 *
    1/2, above and then below 1/4 * 1/3.
    """
    times = 20_000
    drawn = chosen("simans", many(times), a=HALF_AT_A_FIFTH, scale="raw", n=2)
    orders = Counter(zip(drawn["doc_id"][::2], drawn["doc_id"][1::2], strict=True))
    p = {"above": 1 / 4, "beside": 1 / 2, "below": 1 / 4}
    for first, second in permutations(p, 2):
        expected = p[first] * p[second] / (1 - p[first])
        assert orders[first, second] / times == pytest.approx(
            expected, abs=5 * sqrt(expected * (1 - expected) / times)
        )


def test_the_first_n_are_the_draw_of_n():
    """Training may use fewer than were drawn: the first of fifteen are a draw of their own."""
    assert (
        docs(chosen("simans", many(9), n=2), "q4") == docs(chosen("simans", many(9), n=3), "q4")[:2]
    )


def test_the_key_is_log_e_minus_log_p():
    tables = tables_of(
        pool_of({"q": {f"d{number}": 0.9 - number / 20 for number in range(12)}}), {"q": 0.6}
    )
    drawn = -np.log1p(
        -unit(
            lots(pair_keys(tables["pool"]), tables["seed"], tables["draws"], "sample.choose.simans")
        )
    )
    gaps = np.array([0.9 - number / 20 - 0.6 for number in range(12)])
    expected = np.argsort(drawn / np.exp(-30 * gaps**2))[:5]
    assert docs(chosen("simans", tables, a=30, scale="raw", n=5)) == [
        f"d{number}" for number in expected
    ]


def test_what_is_not_scored_comes_last():
    tables = tables_of(pool_of({"q": THREE | {"nobody": 0.1, "number": 0.1}}), {"q": 0.7})
    tables["scores"] = (
        tables["scores"]
        .filter(pl.col("doc_id") != "nobody")
        .with_columns(
            score=pl.when(pl.col("doc_id") == "number")
            .then(float("nan"))
            .otherwise("score")
            .cast(pl.Float32)
        )
    )
    assert docs(chosen("simans", tables, n=5))[3:] == ["nobody", "number"]
    assert set(docs(chosen("simans", tables, n=3))) == set(THREE)


def test_without_a_scored_positive_it_is_top():
    tables = tables_of(pool_of({"q": THREE}), {})
    assert docs(chosen("simans", tables, n=2)) == ["above", "beside"]


def test_the_lowest_of_several_positives_is_the_reference():
    """Positives .9 and .5: the reference is .5. A sharp `a` then takes `below` and never
    `above`.
    """
    tables = tables_of(pool_of({"q": THREE}), {"q": 0.9})
    more = pl.DataFrame({"query_id": ["q"], "doc_id": ["second"]})
    tables["positives"] = pl.concat([tables["positives"], more])
    scored = more.with_columns(score=pl.lit(0.5, dtype=pl.Float32), scorer=pl.lit("dense"))
    tables["scores"] = pl.concat([tables["scores"], scored.select(tables["scores"].columns)])
    assert docs(chosen("simans", tables, a=5000, scale="raw", n=1)) == ["below"]


def test_nearer_to_the_positive_than_the_top():
    """A hundred candidates from 1 to .01, the positive at .5: the top four are all above .96;
    ambiguous ones lie around .5.
    """
    tables = tables_of(
        pool_of({"q": {f"d{number}": 1 - number / 100 for number in range(100)}}), {"q": 0.5}
    )
    ambiguous = chosen("simans", tables, a=8, n=15)["score"].to_numpy()
    assert np.abs(ambiguous - 0.5).mean() < 0.2
    assert (ambiguous < 0.5).any()
    assert (ambiguous > 0.5).any()
    assert np.abs(chosen("top", tables, n=15)["score"].to_numpy() - 0.5).mean() > 0.4
