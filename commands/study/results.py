"""The results of all trials: each arm with its interval, each contrast with its minimum
detectable effect, and inactive arms.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from commands.study.cost import PAIRS, TEXTS, Cost, seconds_of
from commands.study.design import Question, controls_of
from commands.study.method_activity import inactive
from commands.study.trial_results import TrialResult
from hone.errors import Refused
from hone.layout import BASE
from hone.seeds import generator
from hone.stats.bootstrap import intervals
from hone.stats.paired_tests import LEVEL, detectable, holm, t_test
from hone.stats.seeds_and_queries import over_seeds

MEASURE, RECALL = "ndcg_at_10", "recall_at_100"
ByArm = dict[str, list[TrialResult]]  # the trials of each arm, by seed


@dataclass(frozen=True)
class Known:
    """A mean, or a difference of means, with its 95 % interval over queries and seeds.

    Attributes:
        p: two-sided p of the null hypothesis 0. For a contrast, it is adjusted for all contrasts of
            the study.
        least: the minimum detectable effect at 80 % power. For a contrast, it is at the strictest
            level of Holm's method. It is null if the values do not vary.
        seeds: number of seeds that both sides have.
    """

    mean: float
    low: float
    high: float
    p: float | None
    least: float | None
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class ArmRound:
    """One arm after one of its rounds, over its seeds.

    Attributes:
        measures: nDCG@10 and recall@100.
        against: the difference in nDCG@10 to each control and to the base model.
        updates: training steps since the base model.
        negatives, hidden: number of negatives that training read, and of held-out positives among
            them, over all seeds.
        candidates, removed: number of candidates, and of those removed by each filter, over all
            rounds so far and all seeds.
        acts: method, did, count; summed over all rounds so far and all seeds.
        rankers: (encoder, cross-encoder): nDCG@10 on dev queries, for the in-loop cross-encoder of
            every seed and every collection.
        queries: training queries at the start of the first round that mines, mean over seeds; null
            if none mines.
        left: how many of these were dropped in all rounds so far.
        short, filled: queries with fewer negatives than the recipe requests in this round, and
            queries that had too few negatives before other ones were added.
        texts: texts that the models of one trial encode in all rounds so far, as if nothing were
            shared; null if not counted.
        encoded: how many of these were not in the embedding cache when the trials ran.
        pairs, scored: as `texts` and `encoded`, for pairs that cross-encoders read outside of
            training and judging.
        judged: pairs judged by LLMs or people, in all rounds so far of one trial.
        judged_free: pairs judged by models on this machine.
        seconds: seconds by kind of stage, for all rounds so far of one trial; empty if not
            measured.
    """

    arm: str
    round: str
    recipe: str
    seeds: int
    measures: dict[str, Known]
    against: dict[str, Known]
    updates: float
    negatives: int
    hidden: int
    candidates: int
    removed: dict[str, int]
    acts: list[dict]
    rankers: list[tuple[float, float]]
    queries: float | None
    left: float
    short: float
    filled: float
    texts: float | None
    encoded: float
    pairs: float | None
    scored: float
    judged: float
    judged_free: float
    seconds: dict[str, float]

    @property
    def inactive(self) -> bool:
        return inactive(self.acts)

    @property
    def hidden_share(self) -> float | None:
        return self.hidden / self.negatives if self.negatives else None

    @property
    def cost(self) -> float | None:
        """Seconds for all rounds so far of one trial, as if nothing were shared; null if not
        measured.
        """
        return sum(self.seconds.values()) if self.seconds else None


@dataclass(frozen=True)
class Contrast:
    """`other` - `one` in nDCG@10 after the last round."""

    one: str
    other: str
    difference: Known | None


@dataclass(frozen=True)
class Result:
    """The result of a study on one collection.

    Attributes:
        base: the base model of the first arm.
        base_arm: the name of that arm if the arms have different base models; null if all share
            one.
        named_after: number of trials that had ended when the contrasts were named. If 0, no result
            could influence them.
    """

    collection: str
    split: str
    queries: int
    base: dict[str, Known]
    rounds: list[ArmRound]
    contrasts: list[Contrast]
    named_after: int = 0
    base_arm: str | None = None

    @property
    def last(self) -> list[ArmRound]:
        """Every arm after its last round."""
        final = {one.arm: one for one in self.rounds}
        return list(final.values())


def results(question: Question, by_arm: ByArm, collection: str, named_after: int = 0) -> Result:
    """The results so far. Arms without a trial are left out, and their contrasts have no
    difference.

    Raises:
        Refused: the collection has no judged query of the split.
    """
    by_arm = {name: trials for name, trials in by_arm.items() if trials}
    some = next(iter(by_arm.values()))[0]
    if some.measured(BASE, collection, question.split).is_empty():
        raise Refused(
            f"{collection} has no judged {question.split} query, so there is nothing to measure. "
            "Choose another --split or --collection."
        )
    refuse_other_queries(by_arm, collection, question.split)
    base = {
        measure: known(values_of([some], BASE, collection, question.split, measure))
        for measure in (MEASURE, RECALL)
    }
    names = {name: list(trials[0].facts["rounds"]) for name, trials in by_arm.items()}
    controls = [name for name in controls_of(question.arms) if name in by_arm]
    rounds = [
        arm_round(
            name, round, by_arm, collection, question, [one for one in controls if one != name]
        )
        for name in by_arm
        for round in names[name]
    ]
    level = LEVEL / max(1, len(question.contrasts))
    contrasts = [
        Contrast(one, other, difference(by_arm, one, other, None, collection, question, level))
        for one, other in question.contrasts
    ]
    return Result(
        collection,
        question.split,
        len(some.measured(BASE, collection, question.split)),
        base,
        rounds,
        adjusted(contrasts),
        named_after,
        next(iter(by_arm)) if other_bases(by_arm, collection, question.split) else None,
    )


def refuse_other_queries(by_arm: ByArm, collection: str, split: str) -> None:
    """Raises Refused if trials evaluate different queries, so that no difference is paired."""
    first: tuple[str, list[str]] | None = None
    for arm, trials in by_arm.items():
        for trial in trials:
            for round in [BASE, *trial.facts["rounds"]]:
                ids = trial.measured(round, collection, split)["query_id"].to_list()
                where = f"{arm}, seed {trial.facts['seed']}"
                first = first or (where, ids)
                if ids != first[1]:
                    raise Refused(
                        f"{where} evaluates {len(ids):,} {split} queries of {collection} that are "
                        f"not the {len(first[1]):,} of {first[0]}, so they cannot be compared. "
                        "All arms of a study need the same evaluation queries."
                    )


def other_bases(by_arm: ByArm, collection: str, split: str) -> bool:
    """Whether the base models of the arms have different scores."""
    scores = [values_of(trials[:1], BASE, collection, split, MEASURE) for trials in by_arm.values()]
    return not all(np.allclose(scores[0], other, atol=1e-12) for other in scores)


def adjusted(contrasts: list[Contrast]) -> list[Contrast]:
    """The contrasts with Holm-adjusted p over all named contrasts. One without trials counts
    with p = 1.
    """
    ps = holm(
        [
            1.0 if one.difference is None or one.difference.p is None else one.difference.p
            for one in contrasts
        ]
    )
    return [
        one
        if one.difference is None or one.difference.p is None
        else replace(one, difference=replace(one.difference, p=p))
        for one, p in zip(contrasts, ps, strict=True)
    ]


def arm_round(
    name: str, round: str, by_arm: ByArm, collection: str, question: Question, controls: list[str]
) -> ArmRound:
    trials = by_arm[name]
    costs = [trial.cost(round) for trial in trials]
    counted = [cost for cost in costs if cost.accounted]
    upto = [facts for trial in trials for facts in so_far(trial, round)]
    here = [trial.facts["rounds"][round] for trial in trials]
    removed: Counter[str] = Counter()
    for facts in upto:
        removed.update(facts["removed"])
    against = {BASE: difference_to_base(trials, round, collection, question)}
    against |= {
        one: found
        for one in controls
        if (found := difference(by_arm, one, name, round, collection, question)) is not None
    }
    return ArmRound(
        arm=name,
        round=round,
        recipe=here[0]["recipe"],
        seeds=len(trials),
        measures={
            measure: known(values_of(trials, round, collection, question.split, measure))
            for measure in (MEASURE, RECALL)
        },
        against=against,
        updates=mean([updates(trial, round) for trial in trials]),
        negatives=sum(facts["trained_on"] for facts in here),
        hidden=sum(facts["hidden"] for facts in here),
        candidates=sum(facts["candidates"] for facts in upto),
        removed=dict(removed),
        acts=summed([one for facts in upto for one in facts["acts"]]),
        rankers=[
            (dev["before"], dev["after"]) for facts in here for dev in facts["ranker"].values()
        ],
        queries=first_known(
            [[facts["queries"] for facts in so_far(trial, round)] for trial in trials]
        ),
        left=mean(
            [sum(facts["queries_left"] for facts in so_far(trial, round)) for trial in trials]
        ),
        short=mean([facts["queries_short"] for facts in here]),
        filled=mean([facts["queries_filled"] for facts in here]),
        texts=mean([cost.read(TEXTS) for cost in counted]) if counted else None,
        encoded=mean([cost.made_here(TEXTS) for cost in costs]),
        pairs=mean([cost.read(PAIRS) for cost in counted]) if counted else None,
        scored=mean([cost.made_here(PAIRS) for cost in costs]),
        judged=mean([sum(facts["judged"] for facts in so_far(trial, round)) for trial in trials]),
        judged_free=mean(
            [sum(facts["judged_free"] for facts in so_far(trial, round)) for trial in trials]
        ),
        seconds=seconds_of(counted, every_cost(by_arm)),
    )


def every_cost(by_arm: ByArm) -> list[Cost]:
    """The costs of all trials, over all their rounds."""
    return [
        trial.cost(list(trial.facts["rounds"])[-1])
        for trials in by_arm.values()
        for trial in trials
    ]


def first_known(rows: list[list[float | None]]) -> float | None:
    """The mean of the first non-null value of each row; null if there is none."""
    found = [known[0] for row in rows if (known := [value for value in row if value is not None])]
    return mean(found) if found else None


def so_far(trial: TrialResult, round: str) -> list[dict]:
    names = list(trial.facts["rounds"])
    return [trial.facts["rounds"][name] for name in names[: names.index(round) + 1]]


def updates(trial: TrialResult, round: str) -> int:
    """Training steps since the base model. A round that restarts from it counts only its own
    steps.
    """
    total = 0
    for facts in so_far(trial, round):
        total = facts["steps"] + (0 if facts["start"] == BASE else total)
    return total


def summed(acts: list[dict]) -> list[dict]:
    """The sum of the counts of each method; null if the method has no count."""
    total: dict[tuple[str, str], int | None] = {}
    for one in acts:
        key = (one["method"], one["did"])
        total[key] = None if one["count"] is None else (total.get(key) or 0) + one["count"]
    return [
        {"method": method, "did": did, "count": count} for (method, did), count in total.items()
    ]


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def values_of(
    trials: list[TrialResult], round: str, collection: str, split: str, measure: str
) -> np.ndarray:
    """[seeds, queries] of a measure."""
    return np.stack(
        [trial.measured(round, collection, split)[measure].to_numpy() for trial in trials]
    )


def difference(
    by_arm: ByArm,
    one: str,
    other: str,
    round: str | None,
    collection: str,
    question: Question,
    level: float = LEVEL,
) -> Known | None:
    """other - one in nDCG@10 over their common seeds, after a round (null: the last of each);
    null without common seeds.
    """
    if one not in by_arm or other not in by_arm:
        return None
    sides = [{trial.facts["seed"]: trial for trial in by_arm[name]} for name in (one, other)]
    shared = sorted(sides[0].keys() & sides[1].keys())
    if not shared:
        return None
    rounds = [
        round if round is not None else list(by_arm[name][0].facts["rounds"])[-1]
        for name in (one, other)
    ]
    if any(
        name not in side[shared[0]].facts["rounds"]
        for name, side in zip(rounds, sides, strict=True)
    ):
        return None
    first, second = (
        values_of([side[seed] for seed in shared], name, collection, question.split, MEASURE)
        for side, name in zip(sides, rounds, strict=True)
    )
    return known(second - first, level)


def difference_to_base(
    trials: list[TrialResult], round: str, collection: str, question: Question
) -> Known:
    values, base = (
        values_of(trials, name, collection, question.split, MEASURE) for name in (round, BASE)
    )
    return known(values - base)


def known(values: np.ndarray, level: float = LEVEL) -> Known:
    """The mean of values with its interval: over seeds and queries, or over queries only if there
    is one seed.

    Args:
        values: [seeds, queries].
        level: the significance level for `least`; for one of several contrasts, the strictest level
            of Holm's method.
    """
    seeds, queries = values.shape
    if seeds > 1 and queries > 1:
        found = over_seeds(values)
        return Known(found.mean, found.low, found.high, found.p, found.detectable(level), seeds)
    alone = values.mean(0)
    interval = intervals(alone[:, None], generator(0, "study"))[0]
    deviation = float(alone.std(ddof=1)) if queries > 1 else None
    least = detectable(deviation, queries, level) if deviation else None
    return Known(
        interval.mean,
        interval.low,
        interval.high,
        t_test(interval.mean, deviation, queries),
        least,
        seeds,
    )


def every_query(by_arm: ByArm) -> pl.DataFrame:
    """arm, seed, round, collection, split, query_id and every measure."""
    return pl.concat(
        [
            trial.values.with_columns(
                arm=pl.lit(name), seed=pl.lit(trial.facts["seed"], dtype=pl.Int32)
            )
            for name, trials in by_arm.items()
            for trial in trials
        ],
        how="diagonal",
    )
