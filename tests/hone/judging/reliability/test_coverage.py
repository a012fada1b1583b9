"""The accuracy-coverage curve and the ceiling of votes, by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.judging.reliability.coverage import (
    COVERAGES,
    accuracy_at_coverage,
    ceiling_of_votes,
    curve,
)


def accuracies(*points: dict) -> dict[float, float]:
    return {one["coverage"]: one["accuracy"] for one in points}


def test_ten_pairs_by_hand():
    """The surest five are right, then wrong and right in turn: 6 of 10 ends at 5 + 2 right of 9,
    7 of 10.
    """
    confidence = np.linspace(0.95, 0.5, 10)
    right = [True] * 5 + [False, True, False, True, False]
    found = accuracy_at_coverage(confidence, np.array(right))
    assert accuracies(*found) == pytest.approx(
        {
            0.1: 1,
            0.2: 1,
            0.3: 1,
            0.4: 1,
            0.5: 1,
            0.6: 5 / 6,
            0.7: 6 / 7,
            0.8: 6 / 8,
            0.9: 7 / 9,
            1.0: 7 / 10,
        }
    )
    assert [one["confidence"] for one in found] == pytest.approx(confidence)


def test_equal_confidence_counts_as_the_mean_over_all_orders():
    """One sure pair that is right, and four of .6 of which half are: of the surest .4, two
    pairs, 1 + .5 are right.
    """
    found = accuracies(
        *accuracy_at_coverage(np.array([0.6, 0.9, 0.6, 0.6, 0.6]), np.array([1, 1, 0, 1, 0]))
    )
    assert found[0.2] == pytest.approx(1)
    assert found[0.4] == pytest.approx(1.5 / 2)
    assert found[1.0] == pytest.approx(3 / 5)


def test_a_pair_that_stands_for_three_counts_three_times():
    found = accuracies(
        *accuracy_at_coverage(np.array([0.9, 0.6]), np.array([True, False]), np.array([3.0, 1.0]))
    )
    assert found[0.7] == pytest.approx(1)
    assert found[1.0] == pytest.approx(3 / 4)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 0.7, 0.9, 1.0]), st.booleans(), st.integers(1, 3)),
        min_size=1,
        max_size=20,
    )
)
def test_at_full_coverage_it_is_the_accuracy_and_weights_are_copies(
    pairs: list[tuple[float, bool, int]],
):
    confidence, right, weight = (np.array(column) for column in zip(*pairs, strict=True))
    found = accuracy_at_coverage(confidence, right, weight)
    copied = accuracy_at_coverage(np.repeat(confidence, weight), np.repeat(right, weight))
    assert [one["accuracy"] for one in found] == pytest.approx([one["accuracy"] for one in copied])
    assert found[-1]["accuracy"] == pytest.approx(np.average(right, weights=weight))
    assert [one["coverage"] for one in found] == list(COVERAGES)
    assert all(-1e-12 <= one["accuracy"] <= 1 + 1e-12 for one in found)
    assert accuracy_at_coverage(confidence[:0], right[:0]) == []


def judged(*rows: tuple[str, float | None, str | None, bool]) -> pl.DataFrame:
    schema = {
        "verdict": pl.String,
        "probability": pl.Float32,
        "reason": pl.String,
        "truth": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_curve_is_of_verdicts_with_a_probability_and_a_no_may_be_sure():
    """no at .1 (sure .9, right), yes at .8 (wrong), yes without a probability: left out."""
    found = curve(
        judged(
            ("negative", 0.1, None, False),
            ("positive", 0.8, None, False),
            ("positive", None, None, True),
        ),
        "truth",
    )
    assert [
        (one["coverage"], round(one["accuracy"], 3))
        for one in found
        if one["coverage"] in (0.5, 1.0)
    ] == [(0.5, 1.0), (1.0, 0.5)]


def test_the_ceiling_of_votes_by_hand():
    """Of six pairs with a known vote the majority is right on 2; two more have a vote that is
    right; two are unanimous and wrong.
    """
    rows = judged(
        ("positive", None, None, True),  # unanimous, right
        ("negative", None, "2 of 3 votes", False),  # split, right
        ("positive", None, "2 of 3 votes", False),  # split, wrong: one vote was right
        ("unknown", None, "the votes are tied: 1 to 1", True),  # half of them right
        ("negative", None, None, True),  # unanimous, wrong
        ("positive", None, None, False),  # unanimous, wrong
        ("unknown", None, "timed out", True),  # no vote is known
    )
    assert ceiling_of_votes(rows, 3) == {
        "pairs": 6,
        "accuracy": pytest.approx(2 / 6),
        "ceiling": pytest.approx(4 / 6),
    }
    assert ceiling_of_votes(rows, 1) is None
    assert ceiling_of_votes(rows.tail(1), 3) is None
