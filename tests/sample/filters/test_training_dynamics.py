"""EL2N and the loss, worked by hand on tables of what training saw."""

from __future__ import annotations

from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.data import tables
from hone.errors import Refused
from tasks.sample.filters.training_dynamics import training_dynamics, with_el2n
from tasks.sample.training_history import visits
from tests.sample.filters.tables import trained


def by_hand(positive: float, negatives: list[float], temperature: float) -> float:
    weights = [exp(score / temperature) for score in (positive, *negatives)]
    shares = [one / sum(weights) for one in weights]
    return sqrt((1 - shares[0]) ** 2 + sum(one**2 for one in shares[1:]))


def test_el2n_worked_by_hand():
    """Positive .2 and negatives .1, .2 at temperature .1: weights e^2, e, e^2."""
    error = with_el2n(visits(trained(("q", 0.2, [0.1, 0.2]))), 0.1)["error"].item()
    total = exp(2) + exp(1) + exp(2)
    assert error == pytest.approx(
        sqrt((1 - exp(2) / total) ** 2 + (exp(1) / total) ** 2 + (exp(2) / total) ** 2), abs=1e-6
    )


def test_the_largest_mean_error_leaves_or_the_smallest():
    """Three epochs. wrong's positive lies under its negative; easy's far above; middle's a
    little above.
    """
    seen = [("wrong", 0.1, [0.5]), ("middle", 0.5, [0.45]), ("easy", 0.9, [0.1])]
    made = trained(*seen * 3)
    found = training_dynamics(made, share=0.34)
    assert found.rows() == [
        ("wrong", None, f"a mean el2n of {round(by_hand(0.1, [0.5], 0.05), 4)} over 3 visits")
    ]
    assert training_dynamics(made, share=0.34, end="smallest")["query_id"].to_list() == ["easy"]


def test_by_loss_the_error_is_what_the_batch_gave():
    steps = [("a", 0.9, [0.1]), ("b", 0.9, [0.1])] * 3
    made = trained(*steps, loss=[0.1, 2.0, 0.1, 2.0, 0.1, 2.0])
    assert training_dynamics(made, by="loss", share=0.5).rows() == [
        ("b", None, "a mean loss of 2.0 over 3 visits")
    ]


def test_by_loss_no_own_negatives_are_needed_and_by_el2n_they_are():
    made = trained(*[("a", 0.9, []), ("b", 0.2, [])] * 3, loss=[0.1, 2.0] * 3)
    assert training_dynamics(made, by="loss", share=0.5)["query_id"].to_list() == ["b"]
    assert training_dynamics(made, by="el2n", share=0.5).is_empty()


@pytest.mark.parametrize("epochs", [1, 2])
def test_in_too_few_epochs_it_never_acts(epochs):
    made = trained(*[("a", 0.1, [0.5]), ("b", 0.9, [0.5])] * epochs)
    assert training_dynamics(made, share=0.5).is_empty()
    assert training_dynamics(made, by="loss", share=0.5).is_empty()


def test_a_training_that_has_not_been():
    assert training_dynamics(tables.empty("trained"), share=0.5).is_empty()


@pytest.mark.parametrize(
    "parameters", [{"share": 0}, {"least": 1}, {"temperature": 0}, {"by": "grand"}]
)
def test_a_constant_out_of_range_is_refused_before_work(parameters):
    with pytest.raises(Refused, match=next(iter(parameters))):
        methods.checked("sample.filters", {"training-dynamics": parameters}, "test")


SCORE = st.floats(-1, 1, width=32)


@given(
    st.lists(st.tuples(SCORE, st.lists(SCORE, min_size=1, max_size=5)), min_size=1, max_size=6),
    st.floats(0.05, 2),
)
def test_the_formula_and_its_bounds(rows, temperature):
    found = with_el2n(
        visits(trained(*((f"q{n}", *row) for n, row in enumerate(rows)))), temperature
    ).sort("query_id")
    assert found["error"].to_list() == pytest.approx(
        [by_hand(*row, temperature) for row in rows], abs=1e-4
    )
    assert found["error"].is_between(0, sqrt(2) + 1e-5).all()


@given(
    st.lists(st.integers(-8, 8).map(lambda n: n / 16), min_size=1, max_size=9),
    st.floats(0.01, 0.99),
)
def test_the_two_ends_are_of_the_same_size_and_ordered(positives, share):
    made = trained(*[(f"q{n}", one, [0.0]) for n, one in enumerate(positives)] * 3)
    largest, smallest = (
        training_dynamics(made, share=share, end=end)["query_id"].to_list()
        for end in ("largest", "smallest")
    )
    assert len(largest) == len(smallest) == int(share * len(positives) + 1e-9)
    if largest:
        of = {f"q{n}": one for n, one in enumerate(positives)}
        assert max(of[name] for name in largest) <= min(
            [one for name, one in of.items() if name not in largest], default=2
        )
        assert min(of[name] for name in smallest) >= max(
            [one for name, one in of.items() if name not in smallest], default=-2
        )
