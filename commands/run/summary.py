"""What `hone run` prints last: the verdict, or what a complete run would do next."""

from __future__ import annotations

from commands.console import line
from hone.files import read_json
from hone.layout import REPORT_PAGE, VERDICT
from hone.pipeline import graph as dvc

MOST_NAMES = 12


def print_result(every: list[dvc.Stage], selected: list[dvc.Stage]) -> None:
    """Print the verdict if it is up to date, and what comes next otherwise.

    Args:
        every: all stages, in topological order.
        selected: the stages that have been brought up to date.
    """
    left = [] if len(selected) == len(every) else find_left(every, selected)
    if left:
        print_part(every, left)
    elif VERDICT.exists():
        print_verdict(read_json(VERDICT)["lines"])
    else:
        line(f"All {len(every)} stages are up to date. {VERDICT} does not exist.")


def find_left(every: list[dvc.Stage], selected: list[dvc.Stage]) -> list[str]:
    """The stages that a complete run would bring up to date."""
    done = {stage.name for stage in selected}
    return dvc.add_dependents(every, dvc.out_of_date() - done)


def print_verdict(lines: list[str]) -> None:
    """Print where the report is, and the verdict last."""
    line(f"Report: {REPORT_PAGE} (`hone report --open`)")
    line()
    for text in lines:
        line(text)


def print_part(every: list[dvc.Stage], left: list[str]) -> None:
    """Print which stages are up to date, and which ones remain."""
    waiting = set(left)
    done = [stage.name for stage in every if stage.name not in waiting]
    line(f"Up to date: {len(done)} of {len(every)} stages: {list_names(done)}.")
    line(f"Next: `hone run` brings {len(left)} more up to date: {list_names(left)}.")


def list_names(names: list[str]) -> str:
    """The names; only the last ones of many."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    half = MOST_NAMES // 2
    return ", ".join([*names[:half], "…", *names[-half:]])
