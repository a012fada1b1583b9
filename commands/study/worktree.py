"""A git worktree in HONE_HOME for a trial, so that the user's checkout does not change.

The worktree has the user's uncommitted changes, a link to the user's inputs/, and the checkout's
DVC cache. Stages that ran before, in the checkout or in another trial, are restored from DVC's run
cache.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from filelock import FileLock, Timeout

from commands.study.arms import Trial
from hone.config import params
from hone.config.params import FILE
from hone.errors import Refused
from hone.files import fingerprint, home, write_text
from hone.layout import INPUTS

STUDIES = "studies"  # the folder in HONE_HOME
LOCK = Path("dvc.lock")
SECONDS_TO_END = 10
# A post-checkout hook, such as that of `dvc install`, must not run in a worktree.
QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclass(frozen=True)
class Worktree:
    """The worktree of one trial of this checkout.

    Args:
        address: the trial's address.
    """

    address: str

    @property
    def name(self) -> str:
        """A unique name: if two checkouts run the same trial, each has its own worktree."""
        return f"{self.address}-{fingerprint(str(Path.cwd()))[:8]}"

    @property
    def folder(self) -> Path:
        return folder() / "worktrees" / self.name

    @property
    def project(self) -> Path:
        """The project's folder in the worktree. The project may be a folder of a larger
        repository.
        """
        return self.folder / git("rev-parse", "--show-prefix").strip()

    @property
    def lock(self) -> FileLock:
        """Held by the process that runs the trial."""
        return FileLock(folder() / f"{self.name}.lock")

    @contextmanager
    def open(self, trial: Trial) -> Iterator[Path]:
        """Yield the project's folder in a new worktree, and remove the worktree when the block
        ends.

        The caller holds `lock`. If a killed process left the worktree, or DVC running in it, both
        are removed first.

        Raises:
            Refused: git or DVC cannot create it, or a params.yaml cannot represent the trial's
                settings.
        """
        self.remove()
        try:
            with git_lock():
                git(
                    *QUIET,
                    "worktree",
                    "add",
                    "--force",
                    "--detach",
                    "--quiet",
                    str(self.folder),
                    "HEAD",
                )
            project = self.project
            copy_changes(project)
            link_inputs(project, trial)
            share_cache(project)
            write_params(project / FILE, trial)
            (project / LOCK).unlink(missing_ok=True)  # it must have only the trial's own stages
            yield project
        finally:
            self.remove()

    def remove(self) -> None:
        """Remove the worktree, and end processes that a killed one left running in it."""
        end_processes(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        with git_lock():
            try_git("worktree", "prune")


def folder() -> Path:
    """The folder of the worktrees, locks and journals of unfinished trials."""
    place = home() / STUDIES
    (place / "worktrees").mkdir(parents=True, exist_ok=True)
    return place


def remove_abandoned() -> None:
    """Remove worktrees that killed processes left, unless DVC still runs in one."""
    for place in sorted((folder() / "worktrees").iterdir()):
        with suppress(Timeout), FileLock(folder() / f"{place.name}.lock", timeout=0):
            if not processes_in(place):
                shutil.rmtree(place, ignore_errors=True)
    with git_lock():
        try_git("worktree", "prune")


def git_lock() -> FileLock:
    """Held while git adds or removes worktrees, because two studies may run at once."""
    return FileLock(folder() / "git.lock")


def copy_changes(project: Path) -> None:
    """Copy the uncommitted changes of tracked files, such as recipes and code, into a worktree."""
    for name in git("diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD").split("\0"):
        source, target = Path(name), project / name
        if not name or source.is_dir():
            continue
        target.unlink(missing_ok=True)
        if source.is_file() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def link_inputs(project: Path, trial: Trial) -> None:
    """Link the user's inputs/, and untracked collections elsewhere in the checkout."""
    if INPUTS.is_dir():
        if (project / INPUTS).is_symlink():  # git may track a link, such as to a larger disk
            (project / INPUTS).unlink()
        shutil.rmtree(project / INPUTS, ignore_errors=True)
        (project / INPUTS).symlink_to(INPUTS.absolute(), target_is_directory=True)
    for item in trial.params.collections.values():
        source, target = Path(item.path), project / item.path
        if not target.exists() and source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source.absolute(), target_is_directory=source.is_dir())


def share_cache(project: Path) -> None:
    """Configure DVC in a worktree to use the checkout's cache.

    Raises:
        Refused: this is not a DVC project.
    """
    from dvc.config import Config
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            cache = repo.cache.local_cache_dir
        own = Config(str(Path(".dvc").absolute())).load_one("local").get("cache", {})
        with Config(str(project / ".dvc")).edit("local") as local:
            local["cache"] = own | {"dir": cache}
            # DVC's index of the worktree is removed with it.
            local["core"] = {"site_cache_dir": str(project / ".dvc/tmp/site")}
    except DvcException as error:
        raise Refused(f"DVC cannot share its cache with a trial: {error}") from error


def write_params(file: Path, trial: Trial) -> None:
    """Write a trial's params.yaml.

    Raises:
        Refused: a value would be read back as a different one.
    """
    write_text(
        file,
        yaml.safe_dump(
            trial.params.model_dump(mode="json", by_alias=True, exclude_unset=True), sort_keys=False
        ),
    )
    there, wanted = (
        given.model_dump(mode="json", by_alias=True) for given in (params.read(file), trial.params)
    )
    if other := sorted(name for name in wanted if there[name] != wanted[name]):
        raise Refused(
            f"{trial.name}: its params.yaml would be read with other settings "
            f"({', '.join(other)}). Put them into a recipe file."
        )


def end_processes(place: Path) -> None:
    """End DVC and stages that a killed process left running in a folder."""
    found = processes_in(place)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=SECONDS_TO_END)


def processes_in(place: Path) -> list[psutil.Process]:
    """DVC processes and stages that run in a folder; a user's shell does not count."""
    if not place.exists():
        return []
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        words, here = process.info["cmdline"] or [], process.info["cwd"]
        inside = (here is not None and Path(here).is_relative_to(place)) or any(
            word.startswith(str(place)) for word in words
        )
        if inside and any(word == "dvc" or word.startswith("tasks.") for word in words):
            found.append(process)
    return found


def git(*words: str) -> str:
    """The output of git.

    Raises:
        Refused: git fails.
    """
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(
            f"`git {' '.join(words)}` failed, but studies need git: {done.stderr.strip()}"
        )
    return done.stdout


def try_git(*words: str) -> str | None:
    """The output of git; null if it fails."""
    done = subprocess.run(["git", *words], check=False, capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()
