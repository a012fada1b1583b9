"""Run one trial with DVC, in a worktree that shares the checkout's DVC cache, embedding cache
and judgment log.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from commands.console import line, size
from commands.study import trial_models
from commands.study.arms import Trial
from commands.study.clock import StageClock
from commands.study.collect_trial import gathered, read_by
from commands.study.cost_journal import Journal
from commands.study.trial_results import LARGE, Kept, keep, results_of
from commands.study.worktree import INPUTS, Worktree, git
from hone.encoders import usage_log
from hone.errors import Refused, listed
from hone.files import home
from hone.pipeline import graph as dvc

CODE = ("tasks", "hone", "recipes", "params.yaml", "dvc.yaml")


class TrialFailed(Exception):
    """A trial failed. The message has the last lines of its output."""


def carried_out(name: str, trial: Trial, runner: dvc.Runner, say: Callable[[str], None]) -> Kept:
    """Run a trial, unless another process has run it meanwhile, and return its result.

    Args:
        name: the name of the study.
        trial: an arm with a seed.
        runner: runs the processes, and ends them when its block ends.
        say: is called with each line of the stages.

    Raises:
        TrialFailed: a stage failed. DVC's cache has the stages before it, and the journal has their
            cost. The next run continues there.
    """
    tree = Worktree(trial.address)
    journal = Journal(tree.name)
    with tree.lock:
        if found := results_of([trial]):
            trial_models.note_finished(trial)
            return found[trial.name]
        with tree.open(trial) as project:
            run(trial, project, runner, journal, say)
            file = keep(name, trial, gathered(trial, project, journal.read()))
            journal.remove()
            trial_models.note_finished(trial)
            freed = trial_models.remove_models(trial, project, file.facts["stages"])
    length = file.path.stat().st_size
    line(
        f"{trial.name}: written to {file.path}"
        + (f" ({size(length)}, which is large for git)" if length > LARGE else "")
    )
    if freed:
        line(f"{trial.name}: model weights removed from DVC's cache ({size(freed)} freed)")
    return file.read()


def run(
    trial: Trial, project: Path, runner: dvc.Runner, journal: Journal, say: Callable[[str], None]
) -> None:
    """Run the stages of a trial in its worktree, and write the cost of each to the journal when it
    ends.

    Raises:
        TrialFailed: a stage failed.
    """
    command = [*dvc.dvc(), "--cd", str(project), "repro", *trial.targets]
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "read.jsonl"
        runner.environment |= {
            "HONE_HOME": str(home()),
            usage_log.FILE: str(noted),
            "PYTHONPATH": "",
        }
        clock = StageClock(
            lambda stage, seconds: journal.write(
                stage, {"seconds": seconds, **read_by(noted_by(stage, noted))}
            )
        )

        def hear(heard: str) -> None:
            clock.hear(heard)
            say(heard)

        code, said = runner.run_command(command, trial.name, hear)
        if code:
            raise TrialFailed(
                f"{trial.name} failed. Last lines of its output:\n{dvc.last_lines(said)}"
            )
        clock.finish()


def noted_by(stage: str, noted: Path) -> list[dict]:
    """The log lines of a stage."""
    lines = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
    return [line for line in map(json.loads, lines) if line["stage"] == stage]


def refuse_left_out() -> None:
    """Raises Refused if code or recipes are untracked. Trials run in a git worktree, which would
    not have them.

    A trial gets uncommitted changes of tracked files, and everything below inputs/.
    """
    if subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, check=False
    ).returncode:
        raise Refused(
            "This repository has no commit yet, but trials start from one. Commit the project "
            f"first, without your texts in {INPUTS}/."
        )
    unknown = git("ls-files", "--others", "--exclude-standard", "--", *CODE).splitlines()
    if missing := [name for name in unknown if not compiled(name)]:
        raise Refused(
            f"git does not track {listed(missing)}. Trials run in a git worktree, which has "
            "tracked files (with your uncommitted changes) "
            f"and {INPUTS}/. Fix: `git add {shlex.join(missing)}`; a commit is not needed."
        )


def compiled(name: str) -> bool:
    return "__pycache__" in name or name.endswith((".pyc", ".gitignore"))
