"""The decision whether to use a model: worked cases, and what holds for all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.compare.decision import Effect, choose, decide, mean_gain
from tests.conftest import PROJECT

BETTER = Effect("ours", "test", 0.1, 0.05, 0.15, True)
OPEN = Effect("other", "test", 0.01, -0.02, 0.04, False)
WORSE = Effect("third", "test", -0.1, -0.15, -0.05, True)


def test_a_model_is_used_if_it_is_better_somewhere_and_worse_nowhere():
    found = decide("r2", "r0", [BETTER, OPEN])
    assert (found.ship, found.reason, found.where) == (True, "better", ("ours",))


def test_one_significant_loss_is_enough_to_keep_the_base_model():
    found = decide("r2", "r0", [BETTER, WORSE])
    assert (found.ship, found.reason, found.where) == (False, "worse", ("third",))


def test_a_difference_that_may_be_chance_is_no_reason_to_ship():
    assert decide("r2", "r0", [OPEN]).reason == "open"


def test_dev_queries_that_chose_the_model_do_not_prove_it():
    dev = Effect("ours", "dev", 0.1, 0.05, 0.15, True)
    assert decide("r2", "r0", [dev]).reason == "same-queries"
    both = decide("r2", "r0", [dev, OPEN])
    assert (both.ship, both.reason) == (False, "open")  # the gain on dev queries does not count


@given(
    effects=st.lists(
        st.builds(
            Effect,
            st.sampled_from("abc"),
            st.just("dev"),
            st.floats(-1, 1),
            st.just(-1.0),
            st.just(1.0),
            st.booleans(),
        ),
        max_size=4,
    ),
    generated=st.lists(st.sampled_from("abc"), unique=True).map(tuple),
)
def test_dev_queries_alone_never_ship(effects: list[Effect], generated: tuple[str, ...]):
    found = decide("r2", "r0", effects, generated)
    assert not found.ship
    assert found.generated == (generated if effects else ())


def test_the_collections_with_generated_dev_queries_are_kept_with_every_reason():
    for effects in ([BETTER], [WORSE], [OPEN]):
        assert decide("r2", "r0", effects, ("other",)).generated == ("other",)
    assert decide("r0", "r0", [], ("other",)).generated == ("other",)


def test_the_base_model_may_be_the_best():
    assert decide("r0", "r0", []).reason == "base-best"
    assert decide("r2", "r0", []).reason == "no-base"


def test_the_highest_mean_over_collections_wins_and_the_first_of_equal_ones():
    dev = {"r0": {"a": 0.5, "b": 0.5}, "r1": {"a": 0.9, "b": 0.3}, "r2": {"a": 0.6, "b": 0.6}}
    assert choose(dev) == "r1"  # .5, .6, .6
    assert choose(dev | {"r1": {"a": None, "b": 0.3}}) == "r2"
    assert choose(dev | {"r1": {"a": None, "b": None}}) is None
    assert choose({}) is None


def test_a_gain_counts_the_collections_that_both_have():
    assert mean_gain({"a": 0.6, "b": 0.4, "c": 0.9}, {"a": 0.5, "b": 0.5, "d": 0.1}) == (
        pytest.approx(0.0)
    )
    assert mean_gain({"a": None}, {"a": 0.5}) is None
    assert mean_gain({"a": 0.5}, {"a": None}) is None


EFFECTS = st.lists(
    st.builds(
        lambda mean, half, split: Effect(
            "c", split, mean, mean - half, mean + half, abs(mean) > half
        ),
        st.floats(-1, 1, allow_nan=False),
        st.floats(0, 1, allow_nan=False),
        st.sampled_from(["test", "dev"]),
    ),
    max_size=5,
)


@given(EFFECTS)
def test_no_model_ships_with_a_significant_loss_or_without_a_significant_gain(effects):
    if decide("r1", "r0", effects).ship:
        assert not any(one.significant and one.mean < 0 for one in effects)
        assert any(one.significant and one.mean > 0 and one.split == "test" for one in effects)


@given(EFFECTS)
def test_another_loss_never_makes_a_model_ship(effects):
    assert not decide("r1", "r0", [*effects, WORSE]).ship


def test_the_rule_loads_nothing_heavy():
    """A flow process imports it, and Ctrl-C must still stop that process."""
    code = (
        "import sys, hone.compare.decision; print({'polars', 'numpy', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=PROJECT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"
