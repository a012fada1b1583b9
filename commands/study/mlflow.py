"""Log a study to MLflow: every arm after every round, the mean of each seed, and the contrasts."""

from __future__ import annotations

import re
from typing import Any

from commands.study.arms import Fingerprints
from commands.study.design import Question
from commands.study.results import MEASURE, ArmRound, ByArm, Known, Result
from hone.config.params import Params
from hone.present.mlflow_study import Child, log

REFUSED = re.compile(r"[^\w\-. :/]", re.ASCII)  # not allowed in MLflow names


def log_study(
    name: str, question: Question, found: list[Result], by_arm: ByArm, given: Params
) -> int:
    """Log the current results. A second call with the same results logs nothing.

    Args:
        name: the name of the study.
        question: its question.
        found: its result on each collection.
        by_arm: the trials of each arm.
        given: the user's params.yaml.

    Returns:
        The number of new runs.
    """
    children = [
        child(arm, place, round, question, found, by_arm)
        for arm, trials in by_arm.items()
        if trials
        for place, round in enumerate(trials[0].facts["rounds"], start=1)
    ]
    return log(
        name,
        asks(question, given),
        children,
        contrasts(found),
        max(map(len, by_arm.values()), default=0),
    )


def asks(question: Question, given: Params) -> dict[str, Any]:
    """The settings that identify the study. The number of seeds is not one of them."""
    own = question.model_dump(mode="json", exclude={"seeds"})
    return own | {
        "model": given.model.model_dump(mode="json"),
        "train_on": list(given.train_on),
        "evaluate_on": list(given.evaluate_on),
    }


def child(
    arm: str, place: int, round: str, question: Question, found: list[Result], by_arm: ByArm
) -> Child:
    here = {
        result.collection: one
        for result in found
        for one in result.rounds
        if (one.arm, one.round) == (arm, round)
    }
    some = next(iter(here.values()))
    by_seed = {
        named(f"{result.collection}.{MEASURE}.by_seed"): {
            trial.facts["seed"]: float(
                trial.measured(round, result.collection, result.split)[MEASURE].mean()
            )
            for trial in by_arm[arm]
        }
        for result in found
    }
    metrics = {
        key: value
        for collection, one in here.items()
        for key, value in measures(collection, one).items()
    }
    return Child(
        arm,
        round,
        place,
        {
            "arm": arm,
            "recipe": some.recipe,
            "question": question.question,
            "steps": some.updates,
            "seeds": some.seeds,
            "round": round,
        },
        metrics | counts(some),
        by_seed,
        {
            trial.facts["seed"]: Fingerprints(**trial.facts["fingerprints"]).address
            for trial in by_arm[arm]
        },
    )


def measures(collection: str, one: ArmRound) -> dict[str, float]:
    """{"scifact.ndcg_at_10": .., "scifact.ndcg_at_10.low": .., ".high": ..}"""
    return {
        key: value
        for name, found in one.measures.items()
        for key, value in ends(f"{collection}.{name}", found).items()
    }


def ends(name: str, found: Known) -> dict[str, float]:
    return {
        named(name): found.mean,
        named(f"{name}.low"): found.low,
        named(f"{name}.high"): found.high,
    }


def counts(one: ArmRound) -> dict[str, float]:
    """The measured cost of the arm, the counts of its queries, and the false-negative rate if it
    has negatives.
    """
    read = {"texts": one.texts, "encoded": one.encoded, "pairs": one.pairs, "scored": one.scored}
    judged = {"judged": one.judged, "judged_free": one.judged_free}
    attrition = {"queries": one.queries, "queries_left": one.left, "queries_short": one.short}
    found = read | judged | attrition | {"seconds": one.cost, "updates": one.updates}
    found |= {"hidden_share": one.hidden_share, "inactive": float(one.inactive)}
    return {key: value for key, value in found.items() if value is not None}


def contrasts(found: list[Result]) -> dict[str, float]:
    """The difference with its interval and p, for every contrast with results."""
    known = {
        f"{result.collection}.{one.other} - {one.one}": one.difference
        for result in found
        for one in result.contrasts
        if one.difference is not None
    }
    points = {
        key: value
        for name, difference in known.items()
        for key, value in ends(name, difference).items()
    }
    return points | {
        named(f"{name}.p"): difference.p
        for name, difference in known.items()
        if difference.p is not None
    }


def named(name: str) -> str:
    """A name with only the characters that MLflow allows."""
    return REFUSED.sub("_", name)
