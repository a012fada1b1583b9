"""Read the collections that a plan needs: they take seconds, and their sizes are then known."""

from __future__ import annotations

import sys

from hone.config.params import Params
from hone.errors import Refused, listed
from hone.layout import TRAINING_LIST, about_file
from hone.stage import say

COLLECTING = "start"  # the stage that needs all collections and writes the training list


def unread(given: Params) -> list[str]:
    """The names of the collections that have not been read yet."""
    names = sorted({*given.train_on, *given.evaluate_on})
    return [name for name in names if not about_file(name).exists()]


def is_offered(given: Params) -> bool:
    """Ask in a terminal whether to read the collections now. False without a terminal, or if all
    have been read.
    """
    names = unread(given)
    if not names or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    import typer

    return typer.confirm(f"{sentence_of(names)} Read now?", default=True)


def sentence_of(names: list[str]) -> str:
    """What is unknown, for collections that have not been read."""
    if len(names) == 1:
        return f"Collection {listed(names)} has not been read yet, so its size is unknown."
    return f"Collections {listed(names)} have not been read yet, so their sizes are unknown."


def stages_of(given: Params) -> list[str]:
    """The stages that read the collections. If queries are generated, `start` would generate them
    first, which a plan must not do.
    """
    names = sorted({*given.train_on, *given.evaluate_on})
    if any(given.collections[name].generate is not None for name in names):
        return [f"collect@{name}" for name in names]
    return [COLLECTING]


def collect(given: Params) -> None:
    """Read the collections with DVC, which skips those that are up to date.

    Raises:
        Refused: a stage failed. The message has its last lines.
    """
    from hone.pipeline.graph import Runner, dvc, last_lines

    stages = stages_of(given)
    say(f"plan: reading the collections with `dvc repro {' '.join(stages)}`")
    with Runner() as runner:
        code, output = runner.run_command([*dvc(), "repro", *stages], "plan", say)
    if code:
        raise Refused(f"The collections could not be read:\n{last_lines(output)}")


def is_ready_for_probe() -> bool:
    """Whether the training list exists, from which the probe takes its texts."""
    return TRAINING_LIST.exists()
