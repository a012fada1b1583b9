"""The models of trials in DVC's cache. Weights are removed when a trial has ended, unless something
else uses them.

The small files of a model are kept, because trials share most of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import yaml
from filelock import FileLock

from commands.console import line
from commands.study.arms import Trial
from commands.study.worktree import LOCK, Worktree, folder, git
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.layout import MODELS, RANKERS

WEIGHTS = ".safetensors"
HASH = re.compile(r"\bmd5: ([0-9a-f]{32}(?:\.dir)?)\b")


def note_unfinished(trials: Iterable[Trial]) -> None:
    """Note the models that trials will need, so that no other trial removes them.

    If a trial never runs, its note is not removed, and the models that it shares with other trials
    are kept.
    """
    with models_lock():
        for trial in trials:
            models = {round: trial.model_address(round) for round in cached_rounds(trial)}
            write_json(note_of(trial), models)


def cached_rounds(trial: Trial) -> list[str]:
    """The rounds whose models are in DVC's cache. That of a command is in the worktree alone."""
    return [] if trial.command else list(trial.rounds)


def note_finished(trial: Trial) -> None:
    note_of(trial).unlink(missing_ok=True)


def models_lock() -> FileLock:
    """Held while models are noted or removed: studies of several checkouts share the notes."""
    return FileLock(folder() / "models.lock")


def note_of(trial: Trial) -> Path:
    return folder() / "unfinished" / f"{Worktree(trial.address).name}.json"


def remove_models(trial: Trial, project: Path, stages: dict[str, dict]) -> int:
    """Remove the weights of a trial's models from DVC's cache. Returns the number of bytes freed.

    Weights are kept if a commit or the user's checkout names them, an unfinished trial needs them,
    or no trial made them. If the cache does not belong to the checkout, nothing is removed, because
    other checkouts may use it.

    Args:
        trial: a trial with a written result.
        project: the project's folder in the trial's worktree.
        stages: the stages in the trial's facts.
    """
    cache = Path(".dvc/cache").absolute()
    if own_cache() != cache:
        return 0
    with models_lock():
        return remove_unused(trial, project, stages, cache)


def remove_unused(trial: Trial, project: Path, stages: dict[str, dict], cache: Path) -> int:
    """Remove the weights; see `remove_models`. The caller holds the lock."""
    needed = {address for note in read_notes() for address in note.values()}
    rounds = [name for name in cached_rounds(trial) if trial.model_address(name) not in needed]
    places = {
        f"{place}/{name}": f"{stage}@{name}"
        for name in rounds
        for place, stage in ((MODELS, "train"), (RANKERS, "rank"))
    }
    removable = {place for place, stage in places.items() if made_by_trial(stages[stage])}
    try:
        elsewhere = used_elsewhere(project)
    except Refused as refusal:
        line(f"{trial.name}: model weights are kept in DVC's cache: {refusal}")
        return 0
    outs = [
        out
        for stage in yaml.safe_load((project / LOCK).read_text(encoding="utf-8"))["stages"].values()
        for out in stage.get("outs", [])
    ]
    used = files_of(
        cache,
        [out["md5"] for out in outs if "md5" in out and out["path"] not in removable] + elsewhere,
    )
    freed = 0
    for md5 in (out["md5"] for out in outs if out["path"] in removable):
        weights = [
            entry["md5"] for entry in listing(cache, md5) if entry["relpath"].endswith(WEIGHTS)
        ]
        for address in [md5, *weights] if weights else []:
            if address not in used:
                file = place_of(cache, address)
                freed += file.stat().st_size if file.exists() else 0
                file.unlink(missing_ok=True)
    return freed


def read_notes() -> Iterator[dict[str, str]]:
    """The models that unfinished trials need. Another study may remove a note meanwhile."""
    for file in (folder() / "unfinished").glob("*.json"):
        with suppress(FileNotFoundError):
            yield read_json(file)


def made_by_trial(stage: dict) -> bool:
    """Whether a trial ran the stage. If not, its output may belong to the user's own rounds."""
    return stage["seconds"] is not None


def own_cache() -> Path:
    from dvc.repo import Repo

    with Repo() as repo:
        return Path(repo.cache.local_cache_dir)


def used_elsewhere(project: Path) -> list[str]:
    """Hashes named in a commit, the checkout or another worktree.

    Raises:
        Refused: git fails, so that nothing may be removed.
    """
    # Every commit counts: also those on merged branches, and whatever .gitattributes says.
    every = ("--all", "HEAD", "--full-history", "-m", "--text")
    plain = ("--format=", "--patch", "--unified=0", "--no-color", "--no-ext-diff")
    history = git("log", *every, *plain, "--", f"./{LOCK}", "*.dvc")
    files = git("ls-files", "-z", "--cached", "--others", "--", "*.dvc").split("\0")
    prefix = git("rev-parse", "--show-prefix").strip()
    trees = re.findall(r"(?m)^worktree (.*)$", git("worktree", "list", "--porcelain"))
    others = [
        file
        for file in (
            *(folder() / "worktrees").glob(f"*/{prefix}{LOCK}"),
            *(Path(tree) / prefix / LOCK for tree in trees),
        )
        if not file.is_relative_to(project)
    ]
    texts = [
        file.read_text(encoding="utf-8")
        for file in [LOCK, *others, *map(Path, filter(None, files))]
        if file.is_file()
    ]
    return [found for text in [history, *texts] for found in HASH.findall(text)]


def files_of(cache: Path, hashes: Iterable[str]) -> set[str]:
    """The hashes of outputs, and of the files in those that are folders."""
    return {
        one for md5 in hashes for one in (md5, *(entry["md5"] for entry in listing(cache, md5)))
    }


def listing(cache: Path, md5: str) -> list[dict[str, str]]:
    """The files of a folder in the cache; none if it is a file or not in the cache."""
    file = place_of(cache, md5)
    return json.loads(file.read_bytes()) if md5.endswith(".dir") and file.exists() else []


def place_of(cache: Path, md5: str) -> Path:
    return cache / "files/md5" / md5[:2] / md5[2:]
