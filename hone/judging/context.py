"""The context of a judge run: ledger, budget, models, and where log lines come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from hone.judging.votes import Tally
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger
from hone.stage import say

if TYPE_CHECKING:
    from hone.data.training_set import TrainingSet
    from hone.encoders.round_encoders import Models


def run_name(what: str) -> str:
    """A run's name in the ledger, with the current time: unique even within one second."""
    return f"{what} {datetime.now().astimezone().isoformat(timespec='microseconds')}"


@dataclass(frozen=True)
class Desk:
    """The context of a judge run.

    Attributes:
        ledger: all answers so far; looked up before a judge is queried.
        run: name of this run in the ledger.
        seed: from params.yaml.
        round: name of the round.
        budget: limits of the stage.
        retry: answers that could not be read at an earlier count than this are requested again.
        models: encoders by name; null if there is no round.
        training: training queries and their labels; null if there is no round.
        tallies: agreement of judges with several answers per question, by fingerprint.
        draws: name of the random draws, from `lineage.draws_of`.
    """

    ledger: Ledger
    run: str
    seed: int
    round: str = ""
    budget: Budget = field(default_factory=Budget)
    retry: int = 0
    models: Models | None = None
    training: TrainingSet | None = None
    tallies: dict[str, Tally] = field(default_factory=dict)
    draws: str = ""

    @property
    def stage(self) -> str:
        """Stage and round: the beginning of log lines."""
        return f"relabel {self.round}".rstrip()

    def log(self, message: str) -> None:
        """Write a log line."""
        say(f"{self.stage}: {message}")
