"""`hone plan`: what `dvc repro` would run, the amount of work, and a time estimate from a short
measurement.
"""

from __future__ import annotations

from commands.console import line, print_json
from commands.plan import collecting, summary
from commands.plan.plain import as_plain
from commands.plan.work import work_of
from hone.config import params
from tasks.resolve.stages import everything


def plan(probe: bool, collect: bool = False, as_json: bool = False) -> None:
    """Print what `dvc repro` would run.

    Args:
        probe: measure this machine for about half a minute, to estimate the time.
        collect: read the collections first. In a terminal, the command asks.
        as_json: print JSON instead of tables, and ask nothing.

    Raises:
        Refused: a setting is invalid, or a collection cannot be read.
    """
    given = params.read()
    settings = everything(given)
    if collect or (not as_json and collecting.is_offered(given)):
        collecting.collect(given)
        settings = everything(given)
    work = work_of(given, settings)
    if as_json:
        print_json(as_plain(given, settings, work, probe))
        return
    if not work.stages:
        line("Nothing to do: all results are up to date.")
        return
    summary.show_work(given, settings, work)
    summary.show_time(given, settings, work, probe)
