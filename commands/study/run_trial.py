"""Run one trial with DVC, in a worktree that shares the checkout's DVC cache, embedding cache
and judgment log.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from commands.console import line, size
from commands.study import command_arm, trial_models
from commands.study.arms import Trial
from commands.study.clock import StageClock
from commands.study.collect_trial import collect_result, read_by
from commands.study.cost_journal import Journal
from commands.study.trial_results import LARGE, TrialResult, results_of, write_trial
from commands.study.worktree import Worktree, git
from hone.encoders import usage_log
from hone.errors import Refused, listed
from hone.files import home
from hone.layout import BASE, INPUTS, MODELS
from hone.pipeline import graph as dvc

CODE = ("tasks", "hone", "recipes", "params.yaml", "dvc.yaml")


class TrialFailed(Exception):
    """A trial failed. The message has the last lines of its output."""


def run_trial(
    name: str, trial: Trial, runner: dvc.Runner, say: Callable[[str], None]
) -> TrialResult:
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
            file = write_trial(name, trial, collect_result(trial, project, journal.read()))
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
    """Run the stages of a trial in its worktree, and the command of its arm if it has one. The
    journal gets the cost of each when it ends.

    Raises:
        TrialFailed: a stage or the command failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "read.jsonl"
        runner.environment |= {
            "HONE_HOME": str(home()),
            usage_log.FILE: str(log),
            "PYTHONPATH": "",
        }
        clock = StageClock(
            lambda stage, seconds: journal.write(
                stage, {"seconds": seconds, **read_by(read_usage_log(stage, log))}
            )
        )

        def hear(text: str) -> None:
            clock.hear(text)
            say(text)

        run_process(
            [*dvc.dvc(), "--cd", str(project), "repro", *trial.targets], trial, runner, hear
        )
        clock.finish()
        if trial.command is not None:
            for step in command_steps(trial, project):
                runner.environment[usage_log.STAGE] = step.stage
                began = time.monotonic()
                run_process(step.words, trial, runner, say, project)
                seconds = time.monotonic() - began
                journal.write(
                    step.stage, {"seconds": seconds, **read_by(read_usage_log(step.stage, log))}
                )


@dataclass(frozen=True)
class Step:
    """A process of a command arm: its name among the stages, and its words."""

    stage: str
    words: list[str]


def command_steps(trial: Trial, project: Path) -> Iterator[Step]:
    """The processes of a command arm: export the training pairs, train, evaluate.

    Raises:
        TrialFailed: the command wrote no model folder that Hone can load.
    """
    round = list(trial.rounds)[-1]
    pairs, model = command_arm.PAIRS, MODELS / round
    export = ["export", "data", BASE, "--format", "sentence-transformers", "--out", str(pairs)]
    yield Step(f"pairs@{round}", [sys.executable, "-m", "commands", *export])
    values = {
        "base": str(MODELS / BASE),
        "pairs": str(pairs),
        "out": str(model),
        "seed": str(trial.seed),
        "steps": str(trial.steps),
    }
    yield Step(f"{command_arm.STAGE}@{round}", command_arm.words_of(trial.command, values))
    try:
        command_arm.check_model(project / model, trial.command)
    except Refused as refusal:
        raise TrialFailed(f"{trial.name} failed. {refusal}") from None
    evaluate = [sys.executable, "-m", "tasks.evaluate", "--round", round, "--collection"]
    for collection in trial.params.evaluate_on:
        yield Step(f"evaluate@{round}-{collection}", [*evaluate, collection])


def run_process(
    words: list[str],
    trial: Trial,
    runner: dvc.Runner,
    hear: Callable[[str], None],
    folder: Path | None = None,
) -> None:
    """Run a process of a trial.

    Raises:
        TrialFailed: it cannot start, or it failed.
    """
    try:
        code, output = runner.run_command(words, trial.name, hear, folder)
    except OSError as error:
        raise TrialFailed(
            f"{trial.name} failed: `{shlex.join(words)}` cannot start: {error}"
        ) from None
    if code:
        raise TrialFailed(
            f"{trial.name} failed. Last lines of its output:\n{dvc.last_lines(output)}"
        )


def read_usage_log(stage: str, log: Path) -> list[dict]:
    """The log lines of a stage."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
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
