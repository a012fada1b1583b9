"""The planned work of generation: documents, calls, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Iterator

from commands.console import line
from commands.generate.estimate import StageEstimate, estimate_stage
from commands.generate.plain import estimate_as_plain
from commands.generate.text import describe_judging, describe_work
from commands.plan.generated import is_generated
from hone.config.params import Params
from hone.config.stage_settings import NONE, StageSettings
from hone.errors import Refused
from hone.layout import about_file
from hone.llm.ledger.ledger import Ledger

STAGE = "generate"
UNREAD = "the collection has not been read yet"


def ungenerated(given: Params, settings: dict[str, StageSettings]) -> list[str]:
    """The training and evaluation collections whose generated queries do not exist yet, so that
    their number is unknown.
    """
    return sorted(
        name
        for name in {*given.train_on, *given.evaluate_on}
        if settings[f"{STAGE}/{name}"].generate != NONE and not is_generated(name)
    )


def sentence_of(names: list[str]) -> str:
    """What is unknown, for collections whose queries are not generated yet."""
    stages = " ".join(f"{STAGE}@{name}" for name in names)
    return (
        f"The generated queries of {', '.join(names)} do not exist yet, so the numbers of texts "
        f"and steps that depend on them are unknown. `dvc repro {stages}` writes them."
    )


def all_generation(
    given: Params, settings: dict[str, StageSettings], running: list[str]
) -> Iterator[tuple[str, StageEstimate | None, str | None]]:
    """Collection, work, and why the work is unknown, for every collection whose queries would be
    generated.
    """
    for name in given.collections:
        section = settings[f"{STAGE}/{name}"]
        if section.generate == NONE or f"{STAGE}@{name}" not in running:
            continue
        if not about_file(name).exists():
            yield name, None, UNREAD
            continue
        try:
            yield name, estimate_stage(given, section, Ledger(), encode=False), None
        except Refused as refusal:
            yield name, None, str(refusal)


def plan_generation(given: Params, settings: dict[str, StageSettings], running: list[str]) -> None:
    """Print the planned work of generation."""
    for name, found, reason in all_generation(given, settings, running):
        if found is None:
            line(f"{STAGE}@{name}: unknown: {reason.rstrip('.')}.")
            continue
        line(f"{STAGE}@{name}: recipe {found.recipe}: {describe_work(found)}")
        for sentence in describe_judging(found):
            line(f"{STAGE}@{name}: {sentence}")
        if found.left or found.left is None:
            line(f"budget of {STAGE}@{name}: {found.limits or 'no limit'}.")


def generation_as_plain(
    given: Params, settings: dict[str, StageSettings], running: list[str]
) -> list[dict]:
    """The planned work as JSON values."""
    return [
        {"collection": name, "recipe": settings[f"{STAGE}/{name}"].generate.recipe}
        | ({"unknown_because": reason} if found is None else estimate_as_plain(found))
        for name, found, reason in all_generation(given, settings, running)
    ]
