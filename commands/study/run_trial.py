"""One trial carried out as an experiment of DVC in a copy of the project, which shares its cache, the store and the ledger."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from commands.console import line
from commands.study import stash
from commands.study.arms import Trial
from commands.study.clock import StageClock
from commands.study.collect_trial import gathered, read_by
from commands.study.cost_journal import Journal
from commands.study.trial_results import USER, Kept, keep, kept
from hone.encoders import usage_log
from hone.errors import Refused, listed
from hone.files import home
from hone.pipeline import graph as dvc

CODE = ("tasks", "hone", "recipes", "inputs", "params.yaml", "dvc.yaml")


class TrialFailed(Exception):
    """A trial ended badly; the message is what it said last."""


def carried_out(trial: Trial, runner: dvc.Runner, say: Callable[[str], None]) -> Kept:
    """What a trial gives, from before or from running it now.

    Args:
        trial: an arm with a seed.
        runner: ends what it started when its block ends.
        say: is called with each line of the stages.

    Raises:
        TrialFailed: a stage of it failed; those before it are kept by DVC, and what they cost by the trial's journal: the next
            try begins there.
    """
    (home() / USER).mkdir(parents=True, exist_ok=True)
    with FileLock(home() / USER / f"{trial.address}.lock"):
        if (found := kept(trial.address)) is not None:  # another process may have done it meanwhile
            return found
        journal = Journal(trial.address)
        if commit_of(trial.experiment) is None:
            run(trial, runner, journal, say)
        commit = commit_of(trial.experiment)
        if commit is None:
            raise TrialFailed(f"{trial.name}: DVC ended well and has no experiment {trial.experiment}: `dvc exp show`.")
        found = gathered(trial, commit, journal.read())
        keep(trial.address, found)
        journal.remove()
    return found


def run(trial: Trial, runner: dvc.Runner, journal: Journal, say: Callable[[str], None]) -> None:
    """Run the experiment, and write into its journal what each stage took and noted, as it ends."""
    command = [*dvc.dvc(), "exp", "run", "--temp", "--name", trial.experiment, *trial.overrides, *trial.targets]
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "read.jsonl"
        runner.environment |= {"HONE_HOME": str(home()), usage_log.FILE: str(noted), "PYTHONPATH": ""}
        clock = StageClock(lambda stage, seconds: journal.write(stage, {"seconds": seconds, **read_by(noted_by(stage, noted))}))

        def hear(heard: str) -> None:
            if stash.AT_WORK.match(heard):
                stash.release()
            clock.hear(heard)
            say(heard)

        stash.keep()
        try:
            code, said = runner.heard(command, trial.name, hear)
        finally:
            for sentence in stash.restore():
                line(sentence)
    if code:
        raise TrialFailed(f"{trial.name} failed. It said last:\n{dvc.last_lines(said)}")


def noted_by(stage: str, noted: Path) -> list[dict]:
    """The lines that a stage has noted."""
    lines = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
    return [line for line in map(json.loads, lines) if line["stage"] == stage]


def commit_of(experiment: str) -> str | None:
    """The commit of an experiment; null where there is none."""
    refs = stash.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    found = [line.split() for line in refs.splitlines()]
    return next((commit for commit, name in found if name.rpartition("/")[2] == experiment), None)


def refuse_left_out() -> None:
    """Raises Refused where git does not know files that a trial reads: its copy of the project would lack them.

    Changes of files that git knows go with it.
    """
    if subprocess.run(["git", "rev-parse", "--verify", "--quiet", "HEAD"], capture_output=True, check=False).returncode:
        raise Refused(
            "this folder has no commit yet, and DVC's experiments begin at one: `git add . && git commit` "
            "(git ignores your texts below inputs/)."
        )
    unknown = stash.git("ls-files", "--others", "--exclude-standard", "--", *CODE).splitlines()
    ignored = stash.git("ls-files", "--others", "--ignored", "--exclude-standard", "--", "inputs").splitlines()
    missing = [name for name in dict.fromkeys([*unknown, *ignored]) if not kept_by_dvc(Path(name)) and not compiled(name)]
    if missing:
        them = "them" if len(missing) > 1 else "it"
        how = [f"`git add` {them}"] * bool(set(missing) - set(ignored))
        how += ["`dvc add` texts and models below inputs/, which git ignores (DVC keeps them; commit the .dvc files), and move code to "
                "inputs/methods/ and prompts to inputs/prompts/"] * bool(set(missing) & set(ignored))  # fmt: skip
        raise Refused(
            f"git does not know {listed(missing)}, and the copies of this folder that arms work in are made by git: {'; '.join(how)}."
        )


def kept_by_dvc(file: Path) -> bool:
    """Whether DVC keeps a file, or a folder that it lies in."""
    return any(place.with_name(f"{place.name}.dvc").exists() for place in [file, *file.parents] if place.name)


def compiled(name: str) -> bool:
    return "__pycache__" in name or name.endswith((".pyc", ".gitignore"))
