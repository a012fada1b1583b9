"""The progress of a run and of its stages, in files that a terminal, a flow and `hone status` read.

The run writes `run.json`: how many stages are done, and which one runs. Each stage writes a file of
its own: how many texts are encoded, or steps trained. The folder is below `.dvc/tmp`, so git and
DVC ignore it. Files are replaced as a whole, so readers never see a part of one. A killed process
leaves its file behind. Readers skip a file if no process with its number and start time runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hone.files import write_json
from hone.processes import lives, owner

FOLDER = Path(".dvc/tmp/progress")
RUN = "run.json"
STAGES = "stages"
# Set by DVC for the command of a stage.
STAGE_VARIABLE, ROOT_VARIABLE = "DVC_STAGE", "DVC_ROOT"
INTERVAL = 1.0  # seconds between two reports of a stage


@dataclass(frozen=True)
class StageState:
    """What a running stage does.

    Attributes:
        process: the name of the process, see `hone.processes.owner`.
        stage: its address, such as `train@r1`.
        what: what is counted, such as "train: steps". Empty: nothing yet.
        done, total: items. Total 0: unknown.
        seconds_left: of `what`, at its pace so far. Null: unknown.
    """

    process: str
    stage: str
    what: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        process: the name of the process that runs the stages.
        groups: its process groups: the name of the first process of each.
        command: what was started, such as `hone run`.
        began: seconds since 1970.
        done, total: stages.
        running: the running stages, each with the time when it began.
        seconds_left: from the durations of the same stages in earlier runs. Null: unknown.
    """

    process: str
    groups: tuple[str, ...]
    command: str
    began: float
    done: int
    total: int
    running: dict[str, float]
    seconds_left: float | None


def project() -> Path:
    """The folder of the project: the one that DVC names to a stage, or the current one."""
    return Path(os.environ.get(ROOT_VARIABLE) or ".")


def stage_file(stage: str) -> Path:
    """The progress file of a stage."""
    return project() / FOLDER / STAGES / f"{quote(stage, safe='@')}.json"


def run_file() -> Path:
    """The progress file of the run."""
    return project() / FOLDER / RUN


@contextmanager
def reported() -> Iterator[None]:
    """Report this stage as running for the block. Without DVC, nothing is reported."""
    report("", 0, 0)
    try:
        yield
    finally:
        if stage := os.environ.get(STAGE_VARIABLE):
            with suppress(OSError):
                stage_file(stage).unlink(missing_ok=True)


def report(what: str, done: int, total: int, seconds_left: float | None = None) -> None:
    """Report how far this stage is. All progress of stages is reported here.

    A stage that DVC did not start reports nothing. A report that cannot be written is skipped: it
    must not end a stage.

    Args:
        what: what is counted, such as "train: steps".
        done, total: items; total 0: unknown.
        seconds_left: at the pace so far; null: unknown.
    """
    stage = os.environ.get(STAGE_VARIABLE)
    if not stage or not (project() / ".dvc").is_dir():
        return
    state = StageState(owner(), stage, what, done, total, seconds_left)
    with suppress(OSError):
        write_json(stage_file(stage), asdict(state))


def write_run(state: RunState) -> None:
    """Write how far the run is. A full disk does not end the run."""
    with suppress(OSError):
        write_json(run_file(), asdict(state))


def remove_run() -> None:
    """Remove the file of a run that has ended."""
    with suppress(OSError):
        run_file().unlink(missing_ok=True)


def read_run() -> RunState | None:
    """The run of this project. Null if none runs."""
    state = read_last_run()
    return state if state is not None and lives(state.process) else None


def read_last_run() -> RunState | None:
    """The run that wrote the file last, which may have been killed. Null if there is none."""
    fields = read_fields(run_file())
    with suppress(TypeError):
        return RunState(**fields | {"groups": tuple(fields.get("groups", ()))}) if fields else None
    return None


def read_stages() -> list[StageState]:
    """The running stages of this project that report progress, by name."""
    found = []
    for file in sorted((project() / FOLDER / STAGES).glob("*.json")):
        fields = read_fields(file)
        with suppress(TypeError):
            if fields and lives((state := StageState(**fields)).process):
                found.append(state)
    return found


def read_fields(file: Path) -> dict[str, Any] | None:
    """The content of a progress file. Null if it does not exist, or a later version wrote it."""
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


def estimate_seconds_left(
    stages: Iterable[str], durations: dict[str, float], running: dict[str, float]
) -> float | None:
    """The time until some stages are done, from their durations in earlier runs.

    Args:
        stages: those that are not done.
        durations: seconds by stage.
        running: when each running stage began, in seconds since 1970.

    Returns:
        Seconds. Null if a stage has no earlier duration: no number is invented.
    """
    names = list(stages)
    if any(name not in durations for name in names):
        return None
    now = time.time()
    return sum(max(0.0, durations[name] - (now - running.get(name, now))) for name in names)
