"""DVC's graph, its stale stages, and running one stage at a time in its own process group."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Literal

from hone.errors import Refused, nearest

Outcome = Literal["Completed", "Unchanged", "Restored"]

STATUS_SECONDS = 300
LAST_LINES = 12
TERM_SECONDS = 10.0
NOISE = re.compile(
    r"^(Updating lock file|Use `dvc push`|To (track|enable)|\s*(git add|dvc "
    r"config)|\s*$|Generating lock file)"
)
SAYS_RESTORED = re.compile(r"^Stage '.+' is cached - skipping run", re.MULTILINE)
SAYS_RAN = re.compile(r"^Running stage '", re.MULTILINE)


class StageFailed(Exception):
    """A stage failed. The message contains its last output."""


class Stopping(Exception):
    """The flow is stopping: no new stage starts."""


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml.

    Attributes:
        name: its address, such as `evaluate@r1-ours`.
        needs: the stages whose outputs it reads.
        reads: input paths.
        makes: output paths.
        round: the round or reference in its command. Null: none. The address is ambiguous:
            `r1-ours` may be a round too.
        collection: the collection in its command. Null: none.
    """

    name: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    round: str | None = None
    collection: str | None = None

    @property
    def kind(self) -> str:
        """The task of the stage, such as `evaluate`."""
        return self.name.partition("@")[0]


def options_of(command: object) -> dict[str, str]:
    """The options of a stage's command, such as `--round r1`."""
    try:
        words = shlex.split(
            " ".join(map(str, command)) if isinstance(command, list) else str(command or "")
        )
    except ValueError:  # a user's own stage with unbalanced shell quotes
        words = []
    return {
        name: value
        for name, value in pairwise(part for word in words for part in word.split("=", 1))
        if name.startswith("--")
    }


def graph() -> list[Stage]:
    """Every stage of the current folder, each after the stages it needs.

    Raises:
        Refused: this is not a DVC project, or dvc.yaml is invalid.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            root = Path(repo.root_dir)
            index = repo.index
            found = {
                stage.addressing: Stage(
                    stage.addressing,
                    tuple(sorted(other.addressing for other in index.graph.successors(stage))),
                    tuple(path_of(dep, root) for dep in stage.deps),
                    tuple(path_of(out, root) for out in stage.outs),
                    options.get("--round", options.get("--reference")),
                    options.get("--collection"),
                )
                for stage in index.stages
                for options in [options_of(stage.cmd)]
            }
    except DvcException as error:
        raise Refused(f"DVC cannot read dvc.yaml: {error}") from error
    return [
        found[name]
        for name in TopologicalSorter(
            {stage.name: stage.needs for stage in found.values()}
        ).static_order()
    ]


def path_of(item: object, root: Path) -> str:
    """The path of a dependency or output, relative to the project's root."""
    return (
        str(Path(item.fs_path).relative_to(root))
        if Path(item.fs_path).is_relative_to(root)
        else item.def_path
    )


def out_of_date() -> set[str]:
    """The stages whose own inputs, outputs or command have changed, according to DVC.

    Stages behind them are not included: whether they must run is known only after the first ones
    have run.

    Raises:
        Refused: `dvc status` failed.
    """
    command = [*dvc(), "status", "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=STATUS_SECONDS
    )
    try:
        if done.returncode == 0:
            return set(json.loads(done.stdout or "{}"))
    except json.JSONDecodeError:
        pass
    raise Refused(
        f"`dvc status` failed: {last_lines(done.stdout + done.stderr) or 'it printed nothing'}"
    )


def select_stages(stages: list[Stage], until: str | None) -> list[Stage]:
    """All stages, or a stage or the stages of a round with all their dependencies, in topological
    order.

    Raises:
        Refused: the stage or round does not exist.
    """
    if until is None:
        return stages
    by_name = {stage.name: stage for stage in stages}
    ends = select_ends(stages, until)
    needed: set[str] = set()
    while ends:
        name = ends.pop()
        if name not in needed:
            needed.add(name)
            ends += by_name[name].needs
    return [stage for stage in stages if stage.name in needed]


def select_ends(stages: list[Stage], until: str) -> list[str]:
    """The stage of this name, or the stages of the round of this name.

    Raises:
        Refused: the stage or round does not exist.
    """
    names = [stage.name for stage in stages]
    ends = [until] if until in names else [stage.name for stage in stages if stage.round == until]
    if not ends:
        rounds = {stage.round for stage in stages if stage.kind == "train"}
        raise Refused(
            f"Stage or round '{until}' does not exist: {nearest(until, {*names, *rounds})}"
        )
    return ends


def add_dependents(stages: list[Stage], outdated: set[str]) -> list[str]:
    """Outdated stages and all stages that depend on them, in topological order.

    Args:
        stages: in topological order, see `graph`.
        outdated: see `out_of_date`.
    """
    found: set[str] = set()
    for stage in stages:
        if stage.name in outdated or found.intersection(stage.needs):
            found.add(stage.name)
    return [stage.name for stage in stages if stage.name in found]


def dvc() -> list[str]:
    """The DVC command of this environment."""
    return [sys.executable, "-m", "dvc"]


def classify_output(output: str) -> Outcome:
    """Classify a run by DVC's output."""
    if SAYS_RAN.search(output):
        return "Completed"
    return "Restored" if SAYS_RESTORED.search(output) else "Unchanged"


def last_lines(output: str) -> str:
    """The last lines of an output, without the lines that DVC prints after every stage."""
    lines = [line.rstrip() for line in output.splitlines() if not NOISE.match(line)]
    return "\n".join(lines[-LAST_LINES:])


@dataclass
class Runner:
    """Runs stages, and ends all started processes when its block ends, however it ends.

    SIGTERM to DVC alone would leave the stage running without its parent. Each stage is therefore a
    process group, which is ended as a whole.

    Args:
        environment: additional environment variables for the stages.
        patience: seconds between SIGTERM and SIGKILL.
        started: called with the number of each process that starts. It leads a process group.
    """

    environment: dict[str, str] = field(default_factory=dict)
    patience: float = TERM_SECONDS
    started: Callable[[int], None] = lambda process: None
    _running: set[subprocess.Popen] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: bool = False

    def __enter__(self) -> Runner:
        # Without a handler, SIGTERM ends this process at once and its children keep running.
        # Prefect installs its own handler.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, leave)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is leave
        ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def run(self, stage: str, say: Callable[[str], None]) -> Outcome:
        """Bring one stage up to date.

        Args:
            stage: its address, such as "train@r2".
            say: called with each line of output.

        Raises:
            StageFailed: the stage failed.
            Stopping: the block has ended meanwhile.
        """
        code, output = self.run_command(
            [*dvc(), "--wait-for-lock", "repro", "--single-item", stage], stage, say
        )
        if code:
            raise StageFailed(f"{stage} failed. Its last output:\n{last_lines(output)}")
        return classify_output(output)

    def run_command(
        self,
        command: list[str],
        what: str,
        say: Callable[[str], None],
        folder: Path | None = None,
    ) -> tuple[int, str]:
        """Run a command as one of these processes. Returns its exit status and its output.

        Args:
            command: a command of this environment.
            what: its name in the message if it is interrupted.
            say: called with each line of output.
            folder: where it runs; the current folder by default.

        Raises:
            Stopping: the block has ended meanwhile.
        """
        process = self._start(command, folder)
        output = []
        try:
            self.started(process.pid)
            for line in process.stdout:
                output.append(line)
                if not NOISE.match(line):
                    say(line.rstrip())
            code = process.wait()
        except BaseException:  # Ctrl-C or a signal, if this is the main thread
            end(process, patience=self.patience)
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if self._stopping:
            raise Stopping(f"{what} was interrupted with the flow. Run it again to resume.")
        return code, "".join(output)

    def _start(self, command: list[str], folder: Path | None) -> subprocess.Popen:
        with self._lock:
            if self._stopping:
                raise Stopping("the flow is stopping, so no new stage starts.")
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"} | self.environment,
            )
            self._running.add(process)
            return process

    def stop(self) -> None:
        """Start no more stages, and end the running ones: SIGTERM first, then SIGKILL."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        end(*running, patience=self.patience)


def leave(number: int, _: object) -> None:
    """End this process by a signal, as a shell reports it, through every open block."""
    sys.exit(128 + number)


def end(*processes: subprocess.Popen, patience: float) -> None:
    """End all children of some processes: SIGTERM first, then SIGKILL."""
    for process in processes:
        end_group(process, signal.SIGTERM)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        # DVC may have ended before its stage.
        end_group(process, signal.SIGKILL)


def end_group(process: subprocess.Popen, how: signal.Signals) -> None:
    """Send a signal to the whole process group of a process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
