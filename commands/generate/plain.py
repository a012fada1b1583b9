"""The output of `hone generate preview --json`. What is unknown is null."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from commands.generate.estimate import StageEstimate
from commands.generate.examples import Example
from hone.transfer import Transfer


def as_plain(
    found: StageEstimate, sent: list[Transfer], examples: list[Example], omitted: list[str]
) -> dict[str, Any]:
    """The preview as JSON values."""
    return {
        "collection": found.collection,
        "recipe": found.recipe,
        "leaves_hone": [one.describe() for one in sent],
        "stage": estimate_as_plain(found),
        "examples": [asdict(one) for one in examples],
        "filters_not_applied": omitted,
    }


def estimate_as_plain(found: StageEstimate) -> dict[str, Any]:
    """The work of the stage as JSON values."""
    return {
        "documents": found.documents,
        "generator": found.generator,
        "model": found.model,
        "calls": found.calls,
        "calls_in_ledger": found.recorded,
        "calls_left": found.left,
        "calls_are_exact": found.is_exact if found.prompts is not None else None,
        "prompt_tokens": found.tokens_in,
        "output_tokens": found.tokens_out,
        "output_tokens_are_measured": found.is_measured if found.prompts is not None else None,
        "cost": found.money,
        "seconds": found.seconds,
        "budget": found.limits or None,
        "unknown_because": found.reason,
        "judging": [asdict(one) for one in found.judging],
    }
