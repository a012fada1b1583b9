"""The distance between two models' margins, worked by hand."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.made_up import batch_of

torch = pytest.importorskip("torch")


def loss_of(scores, teacher, own, positive=None, **parameters):
    from tasks.train.losses.margin_mse import margin_mse

    return margin_mse(
        batch_of(scores, positive or [0] * len(scores), own, teacher=teacher), **parameters
    )


def test_worked_by_hand():
    # Student margins .2 and .4, at temperature .1: 2 and 4. Teacher margins 3 and 1. ((2 - 3)^2 +
    # (4 - 1)^2) / 2 = 5. Query 1's positive is the second document; only the third is its own:
    # margin (.5 - .1) / .1 = 4, the teacher's 2 - -1 = 3.
    scores = [[0.5, 0.3, 0.1], [0.9, 0.5, 0.1]]
    teacher = [[4.0, 1.0, 3.0], [9.0, 2.0, -1.0]]
    own = [[False, True, True], [False, False, True]]
    assert loss_of(scores, teacher, own, [0, 1], temperature=0.1).tolist() == pytest.approx(
        [5, 1], abs=1e-5
    )


def test_a_teacher_of_cosines_is_brought_to_the_students_scale():
    """With a scale of 1 / temperature both margins are divided by the temperature: ((.2 - .3) /
    .1)^2 = 1.
    """
    made = loss_of([[0.5, 0.3]], [[0.9, 0.6]], [[False, True]], temperature=0.1, teacher_scale=10.0)
    assert made.item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("teacher", "own"),
    [
        ([[nan, 1.0, 2.0]], [[False, True, True]]),
        ([[1.0, nan, nan]], [[False, True, True]]),
        ([[1.0, 2.0, 3.0]], [[False] * 3]),
    ],
)
def test_without_a_margin_there_is_no_loss_and_no_gradient(teacher: list, own: list):
    scores = torch.tensor([[0.5, 0.3, 0.1]], requires_grad=True)
    loss = loss_of(scores, teacher, own)
    loss.sum().backward()
    assert loss.item() == 0
    assert scores.grad.abs().max().item() == 0


def test_other_queries_documents_play_no_part():
    own = [[False, True, False]]
    one = loss_of([[0.5, 0.3, 0.1]], [[4.0, 1.0, 3.0]], own)
    other = loss_of([[0.5, 0.3, 0.9]], [[4.0, 1.0, -7.0]], own)
    assert one == other


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6), st.floats(-5, 5))
def test_a_student_whose_margins_are_the_teachers_has_nothing_to_learn(
    values: list[float], moved: float
):
    """Whatever is added to all grades of a query: margins alone count."""
    teacher = [[value / 0.05 + moved for value in values]]
    own = [[False] + [True] * (len(values) - 1)]
    assert loss_of([values], teacher, own).item() == pytest.approx(0, abs=1e-6)
    assert loss_of(
        [values], [[grade + 20 * (place > 0) for place, grade in enumerate(teacher[0])]], own
    ).item() == pytest.approx(400, rel=1e-4)


def test_a_recipe_may_name_it_where_a_judge_grades(workspace):
    from pathlib import Path

    from hone.config.recipe import check
    from hone.errors import Refused

    given = "about: a test\nretrieve: [dense]\ntrain: {losses: [margin-mse]}\n"
    Path("mine.yaml").write_text(given)
    with pytest.raises(Refused, match="the loss margin-mse learns from judges' grades"):
        check(Path("mine.yaml"))
    Path("mine.yaml").write_text(
        given + "relabel: {cascade: [{judge: {scores: {scorer: dense}}}], grades: true}\n"
    )
    assert check(Path("mine.yaml")).train.losses[0]["parameters"] == {
        "temperature": 0.05,
        "teacher_scale": 1.0,
    }
