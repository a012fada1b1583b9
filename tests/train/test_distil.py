"""The distance to a teacher's order, worked by hand, and what must hold whatever the teacher
says.
"""

from __future__ import annotations

from math import exp, inf, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.made_up import batch_of

torch = pytest.importorskip("torch")

NONE = [[False] * 3, [False] * 3]


def shares(*values: float) -> list[float]:
    total = sum(exp(value) for value in values)
    return [exp(value) / total for value in values]


def kl(wanted: list[float], given: list[float]) -> float:
    return sum(p * log(p / q) for p, q in zip(wanted, given, strict=True))


def loss_of(scores, teacher, **parameters):
    from tasks.train.losses.distil import distil

    usable = torch.zeros(len(scores), len(scores[0]), dtype=torch.bool)
    return distil(batch_of(scores, [0] * len(scores), usable, teacher=teacher), **parameters)


def test_worked_by_hand():
    # Query 0 is graded on all three documents, query 1 on the last two: its first document is
    # another query's.
    scores = [[0.5, 0.3, 0.1], [0.9, 0.2, 0.4]]
    teacher = [[-1.0, -3.0, -2.0], [nan, -4.0, -2.0]]
    made = loss_of(scores, teacher, temperature=0.1, teacher_temperature=2.0)
    by_hand = [kl(shares(-0.5, -1.5, -1.0), shares(5, 3, 1)), kl(shares(-2.0, -1.0), shares(2, 4))]
    assert made.tolist() == pytest.approx(by_hand, abs=1e-6)


def test_teacher_first_student_second():
    """KL is not symmetric: with the two exchanged the value would be another."""
    made = loss_of([[0.4, 0.0]], [[0.0, 2.0]], temperature=0.1).item()
    assert made == pytest.approx(kl(shares(0, 2), shares(4, 0)), abs=1e-6)
    assert made != pytest.approx(kl(shares(4, 0), shares(0, 2)), abs=0.1)


def test_which_document_is_the_positive_plays_no_part():
    from tasks.train.losses.distil import distil

    scores, teacher = [[0.5, 0.3, 0.1]] * 2, [[-1.0, -3.0, -2.0]] * 2
    first, second = distil(batch_of(scores, [0, 2], NONE, teacher=teacher))
    assert first == second


def test_a_student_that_agrees_has_nothing_to_learn():
    scores = torch.tensor([[0.5, 0.3, 0.1, 0.9]], requires_grad=True)
    teacher = (scores.detach() / 0.05 + 7).masked_fill(
        torch.tensor([[False, False, False, True]]), nan
    )
    loss = loss_of(scores, teacher)
    loss.sum().backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert scores.grad.abs().max().item() < 1e-5


def test_the_gradient_is_the_difference_of_the_shares():
    scores = torch.tensor([[0.5, 0.3, 0.1]], requires_grad=True)
    loss_of(scores, [[-1.0, nan, -2.0]], temperature=0.1).sum().backward()
    wanted, given_ = shares(-1, -2), shares(5, 1)
    assert scores.grad[0].tolist() == pytest.approx(
        [(given_[0] - wanted[0]) * 10, 0, (given_[1] - wanted[1]) * 10], abs=1e-5
    )


@pytest.mark.parametrize(
    "teacher", [[nan, nan, nan], [nan, -1.0, nan], [inf, -1.0, nan], [-inf, nan, 2.0]]
)
def test_fewer_than_two_grades_teach_nothing(teacher):
    scores = torch.tensor([[0.5, 0.3, 0.1], [0.5, 0.3, 0.1]], requires_grad=True)
    loss = loss_of(scores, [teacher, [-1.0, -2.0, -3.0]])
    loss.sum().backward()
    assert loss[0].item() == 0.0
    assert scores.grad[0].tolist() == [0.0, 0.0, 0.0]
    assert scores.grad[1].abs().sum() > 0


GRADES = st.one_of(st.floats(-1000, 1000, width=32), st.sampled_from([nan, inf, -inf]))
ROWS = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.tuples(
            st.lists(st.floats(-1, 1, width=32), min_size=width, max_size=width),
            st.lists(GRADES, min_size=width, max_size=width),
        ),
        min_size=1,
        max_size=4,
    )
)


@given(ROWS)
def test_never_below_zero_and_always_a_number(rows):
    scores = torch.tensor([row for row, _ in rows], requires_grad=True)
    teacher = torch.tensor([row for _, row in rows])
    loss = loss_of(scores, teacher)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert (loss >= -1e-5).all()
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[~teacher.isfinite()] == 0).all()
