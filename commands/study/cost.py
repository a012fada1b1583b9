"""What a trial's rounds cost as if it had shared nothing with others: seconds by kind of stage, and what its models read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """Something that models read and the store keeps, so that it is read once for all trials.

    Attributes:
        wanted, made, seconds: under which names a stage's facts have it: chunks that were asked for with their sizes, how many
            the stage read itself, and how long that took.
        shared: what the time is called that it would have taken to read what the store had.
    """

    wanted: str
    made: str
    seconds: str
    shared: str


TEXTS = Reading("wanted", "encoded", "encoding", "encoding that others did")
PAIRS = Reading("pairs", "scored", "scoring", "scoring that others did")  # by cross-encoders


@dataclass(frozen=True)
class Cost:
    """The stages of a trial's rounds up to one of them, as the trial's facts have them."""

    stages: dict[str, dict[str, Any]]

    @property
    def accounted(self) -> bool:
        """Whether it is known of every stage what it cost: DVC may have had a result from elsewhere, such as the user's own rounds."""
        return all(item["seconds"] is not None for item in self.stages.values())

    def read(self, what: Reading) -> int:
        """How many models read, as if nothing had been in the store: one counts once for each model.

        As far as stages are `accounted` for.
        """
        return sum({chunk: count for item in self.stages.values() for chunk, count in (item.get(what.wanted) or {}).items()}.values())

    def made(self, what: Reading) -> int:
        """Of these, those that its stages read when they ran, in whichever trial; the others were in the store."""
        return sum(item.get(what.made) or 0 for item in self.stages.values())

    def made_here(self, what: Reading) -> int:
        """Of these, those that were read while this trial ran."""
        return sum(item.get(what.made) or 0 for item in self.stages.values() if item["ran"])

    def making(self, what: Reading) -> float:
        """Seconds of these."""
        return sum(item.get(what.seconds) or 0.0 for item in self.stages.values())


def round_of(stage: str) -> str:
    """The round that a stage is of: r1 of `train@r1`, and of `evaluate@r1-ours`."""
    return stage.partition("@")[2].partition("-")[0]


def seconds_of(costs: Sequence[Cost], every: Sequence[Cost]) -> dict[str, float]:
    """Mean seconds of some trials by kind of stage, those restored from others and what others had read included.

    Args:
        costs: of an arm's trials, each `accounted` for.
        every: of all trials of the study.

    What was in the store already is charged at the speed at which the arm's stages read others; where they read nothing, at that
    of all stages of the study.
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
    """Seconds for one; null where nothing was read."""
    made = sum(cost.made(what) for cost in costs)
    return sum(cost.making(what) for cost in costs) / made if made else None
