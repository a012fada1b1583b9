"""STAR's loss, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import PROJECT
from tests.train.made_up import batch_of

torch = pytest.importorskip("torch")


def pair(margin: float) -> float:
    return log(1 + exp(margin))


def with_own(batch, own: list):
    return replace(batch, own=torch.tensor(own) & batch.usable)


def test_worked_by_hand():
    from tasks.train.losses.star import star

    # Query 0: positive .5, negatives .3 (its own) and .1; query 1: positive .4, .2 and .3 (its
    # own). Temperature .1.
    scores, usable = [[0.5, 0.3, 0.1], [0.2, 0.4, 0.3]], [[False, True, True], [True, False, True]]
    batch = with_own(batch_of(scores, [0, 1], usable), [[False, True, False], [False, False, True]])
    assert star(batch, temperature=0.1).tolist() == pytest.approx(
        [(pair(-2) + pair(-4)) / 2, (pair(-2) + pair(-1)) / 2], abs=1e-6
    )
    by_parts = [0.75 * pair(-2) + 0.25 * pair(-4), 0.75 * pair(-1) + 0.25 * pair(-2)]
    assert star(batch, temperature=0.1, hard=0.75).tolist() == pytest.approx(by_parts, abs=1e-6)


def test_relevant_documents_of_the_batch_are_masked():
    from tasks.train.losses.star import star

    loss = star(batch_of([[0.5, 0.9, 0.1]], [0], [[False, False, True]]), temperature=0.1)
    assert loss.item() == pytest.approx(pair(-4), abs=1e-6)


def test_a_hard_negative_is_not_drowned_by_random_ones():
    """One hard negative at the positive's score among 30 random ones: infonce spreads its
    gradient by softmax, star's mean does not.
    """
    from tasks.train.losses.infonce import infonce
    from tasks.train.losses.star import star

    def shares(loss, **parameters):
        scores = torch.tensor([[0.5, 0.5, *[0.3] * 30]], requires_grad=True)
        usable = [[False, *[True] * 31]]
        own = [[False, True, *[False] * 30]]
        loss(with_own(batch_of(scores, [0], usable), own), **parameters).sum().backward()
        return (scores.grad[0, 1] / scores.grad[0, 1:].sum()).item()

    # infonce: e^0 against 30 e^-4. star: sigmoid(0) against 30 sigmoid(-4). By parts: half of the
    # weight is the hard one's.
    sigmoid = 1 / (1 + exp(4))
    assert shares(infonce) == pytest.approx(1 / (1 + 30 * exp(-4)), abs=1e-5)
    assert shares(star) == pytest.approx(0.5 / (0.5 + 30 * sigmoid), abs=1e-5)
    assert shares(star, hard=0.5) == pytest.approx(0.5 / (0.5 + sigmoid), abs=1e-5)


def test_a_query_without_one_of_the_parts_has_the_other():
    from tasks.train.losses.star import star

    usable = [[False, True, True], [True, False, True]]
    batch = with_own(
        batch_of([[0.5, 0.3, 0.1], [0.2, 0.4, 0.3]], [0, 1], usable),
        [[False, True, True], [False, False, False]],
    )
    assert star(batch, temperature=0.1, hard=0.7).tolist() == pytest.approx(
        [(pair(-2) + pair(-4)) / 2, (pair(-2) + pair(-1)) / 2], abs=1e-6
    )


def test_all_weight_on_the_own_ones_is_a_softmax_of_two_for_each(monkeypatch: pytest.MonkeyPatch):
    """ANCE's triples, as recipes/ance.yaml trains them: -log( e^(s+ / t) / (e^(s+ / t) + e^(s- /
    t)) ), whatever else is in the batch.
    """
    from hone.config import recipe
    from tasks.train.losses.star import star

    monkeypatch.chdir(PROJECT)
    [line] = recipe.read("ance").train.losses
    assert line == {"method": "star", "parameters": {"temperature": 0.05, "hard": 1.0}}
    batch = with_own(
        batch_of([[0.5, 0.45, 0.6, 0.95]], [0], [[False, True, True, True]]),
        [[False, True, True, False]],
    )
    two = [-log(exp(10) / (exp(10) + exp(other))) for other in (9, 12)]
    assert star(batch, **line["parameters"]).item() == pytest.approx(sum(two) / 2, abs=1e-5)
    without = with_own(batch, [[False] * 4])
    assert star(without, **line["parameters"]).item() == 0.0  # no triple
    assert star(without, temperature=0.05, hard=0.5).item() > 0.0


def test_without_a_usable_negative_there_is_nothing_to_learn():
    from tasks.train.losses.star import star

    for hard in (None, 0.0, 0.5, 1.0):
        scores = torch.tensor([[0.5, 0.9]], requires_grad=True)
        loss = star(batch_of(scores, [0], [[False, False]]), hard=hard)
        loss.sum().backward()
        assert loss.item() == 0.0
        assert scores.grad.abs().sum().item() == 0.0


def test_a_negative_counts_as_often_as_its_weight_says():
    from tasks.train.losses.star import star

    batch = batch_of([[0.5, 0.3, 0.1]], [0], [[False, True, True]], weights=[[1.0, 3.0, 1.0]])
    assert star(batch, temperature=0.1).item() == pytest.approx(
        (3 * pair(-2) + pair(-4)) / 4, abs=1e-6
    )


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(2, 20), st.floats(0, 1))
def test_the_parts_lie_on_either_side_of_their_mixture(seed, queries, documents, hard):
    from tasks.train.losses.star import star

    draw = torch.Generator().manual_seed(seed)
    scores = torch.rand(queries, documents, generator=draw) * 2 - 1
    positive = torch.randint(documents, (queries,), generator=draw)
    usable = torch.rand(queries, documents, generator=draw) < 0.8
    usable[torch.arange(queries), positive] = False
    own = usable & (torch.rand(queries, documents, generator=draw) < 0.3)
    batch = replace(batch_of(scores, positive.tolist(), usable), own=own)
    made, first, second = star(batch, hard=hard), star(batch, hard=1.0), star(batch, hard=0.0)
    assert (made >= 0).all()
    assert (made <= torch.maximum(first, second) + 1e-5).all()
    assert (made >= torch.minimum(first, second) - 1e-5).all()
