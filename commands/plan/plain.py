"""The output of `hone plan --json`. What is unknown is null."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from commands.outgoing import transfers
from commands.plan import collecting
from commands.plan.disk import disk
from commands.plan.generating import generation_as_plain
from commands.plan.judging import all_judging
from commands.plan.rates import rate_lines
from commands.plan.speed import HIGH, LOW, measure_speed
from commands.plan.summary import estimate_seconds, rows_of
from commands.plan.texts import cut_lines
from commands.plan.work import Work, downloads
from hone.config.params import Params
from hone.config.stage_settings import StageSettings
from hone.stage import say

COLUMNS = ("model", "texts_to_encode", "training_queries", "steps", "pairs")


def as_plain(
    given: Params, settings: dict[str, StageSettings], work: Work, probe: bool
) -> dict[str, Any]:
    """A plan as JSON values.

    Args:
        given: params.yaml.
        settings: of every stage.
        work: the work of the run.
        probe: measure this machine for about half a minute, to estimate the time.
    """
    notes = [
        *work.unknown,
        *downloads(given),
        *cut_lines(given, settings),
        *rate_lines(given, settings),
    ]
    return {
        "stages": work.stages,
        "collections_not_read": work.unread,
        "collections_not_generated": work.ungenerated,
        "models": [dict(zip(COLUMNS, row, strict=True)) for row in rows_of(work)],
        "texts_of_dev_checks": sum(work.checked.values()) if work.sized else None,
        "generation": generation_as_plain(given, settings, work.stages),
        "judging": [asdict(one) for one in all_judging(given, settings, work.stages)],
        "leaves_hone": [one.describe() for one in transfers(given, settings, work.stages)],
        "disk_bytes": asdict(disk(work, settings)) if work.sized and work.stages else None,
        "seconds": measure_seconds(given, settings, work) if probe else None,
        "notes": notes,
    }


def measure_seconds(
    given: Params, settings: dict[str, StageSettings], work: Work
) -> dict[str, float] | None:
    """The time of the run in seconds, with its range. Null if it is unknown."""
    if not work.sized or not work.stages:
        return None
    rate = step = None
    if work.texts or work.steps:
        if not collecting.is_ready_for_probe():
            return None
        say("plan: measuring this machine for about half a minute (`--no-probe` skips this)")
        rate, step, _ = measure_speed(given, settings, work)
    seconds = estimate_seconds(work, rate, step)
    return {"about": seconds, "low": LOW * seconds, "high": HIGH * seconds}
