"""InfoNCE, worked by hand."""

from __future__ import annotations

from math import exp, log

import pytest

torch = pytest.importorskip("torch")


def batch_of(scores, positive, usable):
    from tasks.train.objective import Batch

    usable = torch.tensor(usable)
    return Batch(torch.empty(0), torch.empty(0), torch.tensor(scores), torch.tensor(positive), usable, usable)


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
    usable = torch.tensor([[False, False]])
    from tasks.train.objective import Batch

    loss = infonce(Batch(torch.empty(0), torch.empty(0), scores, torch.tensor([0]), usable, usable))
    loss.sum().backward()
    assert loss.item() == 0.0
    assert scores.grad.abs().sum().item() == 0.0
