"""InfoNCE, worked by hand."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.made_up import batch_of

torch = pytest.importorskip("torch")

ALL = [[False, True, True], [True, False, True]]


def test_worked_by_hand():
    from tasks.train.losses.infonce import infonce

    # One query, positive .5, negatives .3 and .1, at temperature .1: -log(e^5 / (e^5 + e^3 + e^1)).
    loss = infonce(batch_of([[0.5, 0.3, 0.1]], [0], [[False, True, True]]), temperature=0.1)
    assert loss.item() == pytest.approx(log((exp(5) + exp(3) + exp(1)) / exp(5)), abs=1e-6)


def test_what_is_not_usable_does_not_count():
    from tasks.train.losses.infonce import infonce

    loss = infonce(batch_of([[0.5, 0.9, 0.1]], [0], [[False, False, True]]), temperature=0.1)
    assert loss.item() == pytest.approx(log((exp(5) + exp(1)) / exp(5)), abs=1e-6)


def test_without_a_usable_negative_there_is_nothing_to_learn():
    from tasks.train.losses.infonce import infonce

    scores = torch.tensor([[0.5, 0.9]], requires_grad=True)
    loss = infonce(batch_of(scores, [0], [[False, False]]))
    loss.sum().backward()
    assert loss.item() == 0.0
    assert scores.grad.abs().sum().item() == 0.0


def test_a_negative_counts_as_often_as_its_weight_says():
    from tasks.train.losses.infonce import infonce

    scores = [[0.5, 0.3, 0.1], [0.2, 0.4, 0.3]]
    made = infonce(
        batch_of(scores, [0, 1], ALL, weights=[[1.0, 0.25, 1.0], [1.0, 1.0, 3.0]]), temperature=0.1
    )
    # Query 0: document 1 a quarter of a time. Query 1: document 2 three times.
    by_hand = [
        log((exp(5) + 0.25 * exp(3) + exp(1)) / exp(5)),
        log((exp(4) + exp(2) + 3 * exp(3)) / exp(4)),
    ]
    assert made.tolist() == pytest.approx(by_hand, abs=1e-6)


def test_a_negative_of_weight_zero_is_left_out():
    from tasks.train.losses.infonce import infonce

    scores = torch.tensor([[0.5, 0.9, 0.1], [0.2, 0.4, 0.3]], requires_grad=True)
    weighted = infonce(
        batch_of(scores, [0, 1], ALL, weights=[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), temperature=0.1
    )
    without = infonce(
        batch_of(scores, [0, 1], [[False, False, True], [False, False, False]]), temperature=0.1
    )
    assert torch.equal(weighted, without)
    weighted.sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0, 1] == 0
    assert scores.grad[1].tolist() == [0.0, 0.0, 0.0]


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 40))
def test_weights_of_one_are_no_weights_to_the_last_bit(seed, queries, documents):
    """Loss and gradient of the formula as it was without weights."""
    from tasks.train.losses.infonce import infonce

    draw = torch.Generator().manual_seed(seed)
    given_scores = torch.rand(queries, documents, generator=draw) * 2 - 1
    positive = torch.randint(documents, (queries,), generator=draw)
    usable = torch.rand(queries, documents, generator=draw) < 0.8
    usable[torch.arange(queries), positive] = False
    weighted, plain = (given_scores.clone().requires_grad_() for _ in range(2))
    loss = infonce(batch_of(weighted, positive.tolist(), usable))
    logits, place = plain / 0.05, positive[:, None]
    masked = logits.masked_fill(~usable.scatter(1, place, True), float("-inf"))
    expected = masked.logsumexp(1) - logits.gather(1, place).squeeze(1)
    loss.mean().backward()
    expected.mean().backward()
    assert torch.equal(loss, expected)
    assert torch.equal(weighted.grad, plain.grad)
