"""Means over tasks: the parts of one task count once."""

from __future__ import annotations

import pytest

from commands.evaluate.benchmarks import Target
from commands.evaluate.scores import Scored, average
from hone.stats.bootstrap import Interval


def scored(
    ndcg: float, task: str, benchmark: str | None = None, mteb: float | None = None
) -> Scored:
    target = Target("mteb", f"{task}{ndcg}", task=task, benchmark=benchmark)
    return Scored(target, "test", 9, 9, Interval(ndcg, 0, 1), ndcg / 2, mteb, "ndcg_at_10", 0)


def test_the_parts_of_a_task_are_averaged_first():
    """(0.8 + (0.1 + 0.3) / 2) / 2 = 0.5, and not the mean of three numbers, 0.4."""
    rows = [
        scored(0.8, "one", "B", 0.7),
        scored(0.1, "two", "B", 0.2),
        scored(0.3, "two", "B", 0.4),
    ]
    (mean,) = average(rows)
    assert (mean.name, mean.tasks) == ("B", 2)
    assert (mean.ndcg, mean.recall, mean.mteb) == pytest.approx((0.5, 0.25, 0.5))


def test_a_benchmark_and_another_collection_have_a_mean_of_all():
    rows = [scored(0.8, "one", "B"), scored(0.4, "two", "B"), scored(0.3, "three")]
    assert [(mean.name, mean.tasks, pytest.approx(mean.ndcg)) for mean in average(rows)] == [
        ("B", 2, 0.6),
        ("all", 3, 0.5),
    ]
    assert average(rows)[1].mteb is None


def test_one_collection_has_no_mean():
    assert average([scored(0.3, "one")]) == []
