"""The cost of a trial's rounds without sharing: seconds by kind of stage, and the texts and
pairs that its models read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """A kind of input whose outputs are cached, so that models read it once for all trials.

    Attributes:
        wanted, made, seconds: keys of a stage's facts: the requested chunks with their sizes, the
            number of inputs that the stage read itself, and the time for that.
        shared: the label of the time that the cached inputs would have taken.
    """

    wanted: str
    made: str
    seconds: str
    shared: str


TEXTS = Reading("wanted", "encoded", "encoding", "encoding in other trials")
PAIRS = Reading("pairs", "scored", "scoring", "scoring in other trials")  # by cross-encoders


@dataclass(frozen=True)
class Cost:
    """The stages of a trial's rounds up to one of them, from the trial's facts."""

    stages: dict[str, dict[str, Any]]

    @property
    def accounted(self) -> bool:
        """Whether the cost of every stage is known. DVC may have restored a result that no trial
        computed.
        """
        return all(item["seconds"] is not None for item in self.stages.values())

    def read(self, what: Reading) -> int:
        """Number of inputs that models read, as if the cache had been empty. An input counts once
        for each model.

        Only `accounted` stages are counted.
        """
        return sum(
            {
                chunk: count
                for item in self.stages.values()
                for chunk, count in (item.get(what.wanted) or {}).items()
            }.values()
        )

    def made(self, what: Reading) -> int:
        """Number of these that the stages read when they ran, in any trial. The others were
        cached.
        """
        return sum(item.get(what.made) or 0 for item in self.stages.values())

    def made_here(self, what: Reading) -> int:
        """Number of these that were read while this trial ran."""
        return sum(item.get(what.made) or 0 for item in self.stages.values() if item["ran"])

    def making(self, what: Reading) -> float:
        """Seconds for the inputs that `made` counts."""
        return sum(item.get(what.seconds) or 0.0 for item in self.stages.values())


def round_of(stage: str) -> str:
    """The round of a stage: r1 for `train@r1` and for `evaluate@r1-ours`."""
    return stage.partition("@")[2].partition("-")[0]


def seconds_of(costs: Sequence[Cost], every: Sequence[Cost]) -> dict[str, float]:
    """Mean seconds per trial by kind of stage. Restored stages and cached inputs are included.

    Args:
        costs: the costs of an arm's trials, each `accounted` for.
        every: the costs of all trials of the study.

    Cached inputs are charged at the speed of the arm's stages. If these read nothing, the speed is
    that of all stages of the study.
    """
    by_kind: Counter[str] = Counter()
    for cost in costs:
        for stage, item in cost.stages.items():
            by_kind[stage.partition("@")[0]] += (item["seconds"] or 0.0) / len(costs)
    for what in (TEXTS, PAIRS):
        shared = sum(max(0, cost.read(what) - cost.made(what)) for cost in costs)
        each = speed(costs, what) or speed(every, what)
        if shared and each:
            by_kind[what.shared] += each * shared / len(costs)
    return dict(by_kind)


def speed(costs: Sequence[Cost], what: Reading) -> float | None:
    """Seconds per input; null if nothing was read."""
    made = sum(cost.made(what) for cost in costs)
    return sum(cost.making(what) for cost in costs) / made if made else None
