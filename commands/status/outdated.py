"""The stages that a run would bring up to date, by DVC and by the settings of params.yaml."""

from __future__ import annotations

from hone.config import params
from hone.errors import Refused
from hone.pipeline import graph as dvc
from hone.pipeline.watch import running_dvc
from hone.stage import say

FIRST = "resolve"


def find_outdated(stages: list[dvc.Stage]) -> list[str] | None:
    """The outdated stages and those that depend on them, in topological order. Null if DVC runs,
    and cannot answer.

    `dvc status` fails while a stage writes, and it holds DVC's lock, for which `dvc repro` in
    another terminal waits 3 seconds only.

    Most stages depend on `resolve`, but only on their own settings. If `resolve` is outdated, the
    stages whose settings would change count, and not all that depend on it.
    """
    if running_dvc():
        return None
    try:
        outdated = dvc.out_of_date()
    except Refused:
        return None
    if FIRST not in outdated:
        return dvc.add_dependents(stages, outdated)
    from commands.plan.work import changed_settings, stages_to_run
    from tasks.resolve.stages import everything

    try:
        changed = changed_settings(everything(params.read()))
    except Refused as refusal:  # so it is unknown which settings would change
        say(f"resolve would fail: {refusal}")
        return dvc.add_dependents(stages, outdated)
    return stages_to_run(stages, outdated, changed)
