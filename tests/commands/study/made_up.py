"""Results of a study as its core would have made them, by hand."""

from __future__ import annotations

from commands.study.design import Arm, Question
from commands.study.results import MEASURE, RECALL, ArmRound, Contrast, Known, Result

RANDOM = {"method": "random", "did": "negatives that are not the first", "count": 96}


def known(
    mean: float,
    reach: float = 0.02,
    p: float | None = None,
    least: float | None = None,
    seeds: int = 5,
) -> Known:
    return Known(mean, mean - reach, mean + reach, p, least, seeds)


def after(arm: str, mean: float, **changes: object) -> ArmRound:
    """An arm after a round."""
    given = {
        "arm": arm,
        "round": "r1",
        "recipe": arm,
        "seeds": 5,
        "measures": {MEASURE: known(mean), RECALL: known(min(0.95, mean + 0.3))},
        "against": {"r0": known(mean - 0.4, 0.01)},
        "updates": 40.0,
        "negatives": 480,
        "hidden": 12,
        "candidates": 9600,
        "removed": {"labelled": 47},
        "acts": [],
        "rankers": [],
        "queries": 120.0,
        "left": 0.0,
        "short": 0.0,
        "filled": 0.0,
        "texts": 5184.0,
        "encoded": 0.0,
        "pairs": 0.0,
        "scored": 0.0,
        "judged": 0.0,
        "judged_free": 0.0,
        "seconds": {"retrieve": 2.0, "train": 34.0, "evaluate": 3.0},
    }
    return ArmRound(**given | changes)


def result(
    *rounds: ArmRound, contrasts: list[Contrast] = (), collection: str = "scifact"
) -> Result:
    return Result(
        collection,
        "test",
        300,
        {MEASURE: known(0.4, 0.03), RECALL: known(0.7, 0.03)},
        list(rounds),
        list(contrasts),
    )


def question(*arms: str, **changes: object) -> Question:
    return Question(
        question="What do harder negatives do here?",
        arms={name: Arm(recipe=name) for name in arms},
        **changes,
    )
