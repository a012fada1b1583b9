"""The section `relabel` as `resolve` writes it and the stage reads it.

It is separate from the code that resolves it. So the stage's code fingerprint contains no other
section of a recipe.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from hone.config.sections.relabel import Budget, Relabel
from hone.config.stage_settings import MethodLine


class JudgeLine(TypedDict):
    """A line of a cascade with its judge resolved.

    `fingerprint` is the judge's name in the ledger, and `escalate` its escalation rule. `evidence`
    contains what `hone judge check` measured on each training collection.
    """

    name: str
    method: str
    parameters: dict[str, Any]
    fingerprint: str
    escalate: MethodLine
    evidence: list[dict[str, Any]]


class ResolvedRelabel(Relabel):
    """The section `relabel` of a recipe with its judges resolved.

    Attributes:
        cascade: the judges that can be used here; empty: nothing is judged.
        confirmed_at: the place of the recipe's last judge among them, from 1; null: that judge was
            left out.
        left_out: optional judges that cannot be used here, with the reason.
        train_on: the training collections.
        retry: number of `hone judge retry` calls for the round.
        budget: the limits, without `default`.
    """

    cascade: list[JudgeLine]
    confirmed_at: int | None
    left_out: dict[str, str]
    train_on: list[str]
    retry: int
    budget: Budget = Budget()
