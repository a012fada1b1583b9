"""What the stage hands to every judge: memory, means and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from hone.judging.votes import Tally
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger

if TYPE_CHECKING:
    from hone.data.training_set import TrainingSet
    from hone.encoders.round_encoders import Models


def run_name(what: str) -> str:
    """How a run that begins now is called in the ledger: two of one second have two names."""
    return f"{what} {datetime.now().astimezone().isoformat(timespec='microseconds')}"


@dataclass(frozen=True)
class Desk:
    """What a judge may use.

    Attributes:
        ledger: every answer that was ever given; asked before anything is bought.
        run: how this run is called in the ledger.
        seed: from params.yaml.
        round: the round's name.
        budget: what the stage may spend.
        retry: answers that could not be read are asked for again when they were given at an earlier count than this.
        models: encoders by name; null where no round is at hand.
        training: the training queries and their labels; null where no round is at hand.
        tallies: of judges that are asked several times, by fingerprint.
        draws: what is drawn for, as `lineage.draws_of` has it.
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
