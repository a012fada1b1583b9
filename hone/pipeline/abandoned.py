"""Processes that a killed run left running: DVC, and the stage that it started.

A run starts them in process groups of their own, so they survive it if it is killed by SIGKILL.
They hold DVC's lock, and nobody reads their output.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from hone.pipeline import progress
from hone.processes import lives

PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL
POLL = 0.1


def end_abandoned() -> list[str]:
    """End the processes of a killed run. Returns the stages that ran."""
    state = progress.read_last_run()
    if state is None or lives(state.process) is not False:
        return []
    groups = {number_of(name) for name in state.groups if lives(name)}
    stages = []
    for stage in progress.read_stages():
        group = group_of(number_of(stage.process))
        if group is not None and group in {number_of(name) for name in state.groups}:
            groups.add(group)
            stages.append(stage.stage)
    for how in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, how)
        if wait_for_end(groups):
            break
    progress.remove_run()
    return stages


def number_of(process: str) -> int:
    """The process number in a process name, see `hone.processes.owner`."""
    return int(process.split(":")[1])


def group_of(process: int) -> int | None:
    """The process group of a process. Null if it has ended."""
    with suppress(ProcessLookupError):
        return os.getpgid(process)
    return None


def wait_for_end(groups: set[int]) -> bool:
    """Whether all processes of some groups end in time."""
    until = time.monotonic() + PATIENCE
    while any(exists(group) for group in groups):
        if time.monotonic() > until:
            return False
        time.sleep(POLL)
    return True


def exists(group: int) -> bool:
    """Whether a process group has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
