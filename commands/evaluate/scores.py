"""Scores of a model on collections: one row for each, and the means of benchmarks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from commands.evaluate.benchmarks import Target
from hone.stats.bootstrap import Interval


@dataclass(frozen=True)
class Scored:
    """The scores of a model on one collection.

    Attributes:
        target: the collection.
        split: "test" or "dev".
        queries: the number of evaluated queries.
        documents: the number of documents.
        ndcg: the mean nDCG@10 with its 95 % interval over queries.
        recall: the mean recall@100.
        mteb: the main score of the MTEB task. Null: the collection is not one.
        measure: the name of the main score. Null likewise.
        encoded: the number of texts that were not in the embedding cache.
    """

    target: Target
    split: str
    queries: int
    documents: int
    ndcg: Interval
    recall: float
    mteb: float | None
    measure: str | None
    encoded: int


@dataclass(frozen=True)
class Mean:
    """The mean of several tasks.

    Attributes:
        name: a benchmark, or "all".
        tasks: the number of tasks. The parts of one task count once.
        ndcg, recall: means over tasks.
        mteb: the mean main score. Null: not all of them are MTEB tasks.
    """

    name: str
    tasks: int
    ndcg: float
    recall: float
    mteb: float | None


def average(rows: Iterable[Scored]) -> list[Mean]:
    """The mean of every benchmark with several collections, and of all tasks if the names of
    `--on` are not one benchmark.

    The parts of a task are averaged first, as BEIR and MTEB do.
    """
    rows = list(rows)
    benchmarks = list(dict.fromkeys(row.target.benchmark for row in rows))
    means = [
        average_tasks(name, [row for row in rows if row.target.benchmark == name])
        for name in benchmarks
        if name is not None
    ]
    if len(rows) > 1 and (len(benchmarks) > 1 or benchmarks == [None]):
        means.append(average_tasks("all", rows))
    return means


def average_tasks(name: str, rows: list[Scored]) -> Mean:
    """The mean over tasks of the mean over each task's parts."""
    parts: dict[tuple[str, str], list[Scored]] = {}
    for row in rows:
        parts.setdefault((row.target.source, row.target.task), []).append(row)

    def over_tasks(values: dict[tuple[str, str], list[float]]) -> float:
        return fmean(fmean(of_task) for of_task in values.values())

    main = {task: [row.mteb for row in own] for task, own in parts.items()}
    return Mean(
        name,
        len(parts),
        over_tasks({task: [row.ndcg.mean for row in own] for task, own in parts.items()}),
        over_tasks({task: [row.recall for row in own] for task, own in parts.items()}),
        None if any(None in own for own in main.values()) else over_tasks(main),
    )
