"""The decision whether to use a new model. The report, early stopping and promotion share it.

It needs numbers alone: nothing is imported that takes long to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reason = Literal["better", "worse", "open", "base-best", "same-queries", "no-base"]
DevScores = Mapping[str, float | None]  # of one model, by collection; null: no dev query


@dataclass(frozen=True)
class Effect:
    """The difference of a model from the base model on the test queries of one collection.

    Attributes:
        split: of the queries: test, or dev if no test query is judged.
        mean, low, high: difference in nDCG@10 with its 95 % interval.
        significant: whether the interval excludes 0 and the adjusted p is at most 0.05.
    """

    collection: str
    split: str
    mean: float
    low: float
    high: float
    significant: bool


@dataclass(frozen=True)
class Decision:
    """Whether to use a model.

    Attributes:
        ship: use it.
        name: the model: a round, or the base model.
        reason: `better`: significantly better on a collection and significantly worse on none.
            `worse`: significantly worse on one of `where`. `open`: no significant difference.
            `base-best`: the base model has the highest score on the dev queries. `same-queries`:
            no test queries, so that the scores are those that chose the model. `no-base`: nothing
            to compare with.
        where: the collections that the reason names.
        generated: the collections whose dev queries, which chose the model, are generated.
    """

    ship: bool
    name: str
    reason: Reason
    where: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()


def choose(dev: Mapping[str, DevScores]) -> str | None:
    """The model with the highest mean over the collections with dev queries; the first wins a tie.
    Null if a model has no dev score.

    Args:
        dev: the dev scores of every model, the base model first.
    """
    known = {
        name: [score for score in scores.values() if score is not None]
        for name, scores in dev.items()
    }
    if not known or not all(known.values()):
        return None
    return max(known, key=lambda name: sum(known[name]) / len(known[name]))


def mean_gain(new: DevScores, old: DevScores) -> float | None:
    """The gain on the dev queries: the mean difference over the collections where both have a
    score. Null if there is none.
    """
    gains = [
        score - before
        for name, score in new.items()
        if score is not None and (before := old.get(name)) is not None
    ]
    return sum(gains) / len(gains) if gains else None


def decide(
    name: str, base: str, effects: list[Effect], generated: tuple[str, ...] = ()
) -> Decision:
    """Whether to use a model that the dev queries chose.

    A model is used if it is significantly better than the base model on at least one collection,
    and significantly worse on none. Diagnostic sets do not count. [Hone default] Dev queries never
    ship a model, generated ones included.

    Args:
        name: the chosen model.
        base: the base model.
        effects: the differences of the model from the base model.
        generated: the collections whose dev queries are generated.
    """
    if name == base:
        return Decision(False, name, "base-best", generated=generated)
    if not effects:
        return Decision(False, name, "no-base")
    every = tuple(one.collection for one in effects)
    if all(one.split == "dev" for one in effects):
        return Decision(False, name, "same-queries", every, generated)
    worse = tuple(one.collection for one in effects if one.significant and one.mean < 0)
    better = tuple(
        one.collection for one in effects if one.significant and one.mean > 0 and one.split != "dev"
    )
    if worse:
        return Decision(False, name, "worse", worse, generated)
    if better:
        return Decision(True, name, "better", better, generated)
    return Decision(False, name, "open", every, generated)
