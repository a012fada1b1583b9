"""Disk space: the folders that exist, and what a complete run of params.yaml needs."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections import Counter
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from commands.console import size
from hone.config.params import Params
from hone.files import home, size_of
from hone.layout import DATA, MODELS, RANKERS, REPORTS, ROUNDS

LARGEST = 3  # packages to name
DVC_CACHE = Path(".dvc/cache")
PARTS = {  # of HONE_HOME
    "store": "embedding cache",
    "gguf": "judge models",
    "checkpoints": "training checkpoints",
    "judgments.db": "judgment log",
    "mlflow.db": "MLflow database",
    "mlflow-files": "MLflow files",
}


@dataclass(frozen=True)
class Need:
    """The space that a complete run still needs, in bytes.

    Attributes:
        checkout: in this checkout: models, each a second time in DVC's cache.
        home: in HONE_HOME: vectors, training checkpoints, and the file of a local judge.
        unknown: what the estimate lacks, in a few words each.
    """

    checkout: float
    home: float
    unknown: tuple[str, ...] = ()

    def describe(self) -> str:
        """The space as a sentence."""
        lacks = f", without {' and '.join(self.unknown)}" if self.unknown else ""
        return (
            f"a complete run of params.yaml needs about {size(self.checkout)} more in this "
            f"checkout (models) and {size(self.home)} in HONE_HOME (vectors, checkpoints, judge "
            f"models){lacks}"
        )


def space_of(path: Path) -> int:
    """The size of a file or a folder in bytes. 0 if it does not exist."""
    return path.stat().st_size if path.is_file() else size_of(path) if path.is_dir() else 0


def environment_text() -> str:
    """The size of the Python environment, and its largest packages."""
    packages = Path(sysconfig.get_path("purelib"))
    folder = packages if sys.prefix == sys.base_prefix else Path(sys.prefix)
    total, sizes = package_sizes(folder, packages)
    largest = ", ".join(f"{name} {size(count)}" for name, count in sizes.most_common(LARGEST))
    return f"environment {folder}: {size(total)} (largest packages: {largest})"


def package_sizes(folder: Path, packages: Path) -> tuple[int, Counter[str]]:
    """The bytes of all files below a folder, and of each folder directly below `packages`, in one
    walk.
    """
    total, sizes = 0, Counter()
    for place, _, names in os.walk(folder):
        count = sum((Path(place) / name).lstat().st_size for name in names)
        total += count
        if Path(place).is_relative_to(packages) and place != str(packages):
            sizes[Path(place).relative_to(packages).parts[0]] += count
    return total, sizes


def home_text(folder: Path) -> str:
    """Where HONE_HOME is, and the size of each part."""
    chosen = "as set" if os.environ.get("HONE_HOME") else "the default; HONE_HOME moves it"
    parts = {what: space_of(folder / name) for name, what in PARTS.items()}
    named = ", ".join(f"{what} {size(count)}" for what, count in parts.items() if count)
    return f"HONE_HOME {folder} ({chosen}): {size(size_of(folder))}{f' ({named})' if named else ''}"


def checkout_text() -> str:
    """The size of the outputs in this checkout, and of the models from the Hub."""
    outputs = sum(space_of(folder) for folder in (DATA, MODELS, RANKERS, ROUNDS, REPORTS))
    cache = space_of(DVC_CACHE)
    hub = space_of(hub_folder())
    return (
        f"this checkout: {size(outputs)} of outputs and {size(cache)} in DVC's cache; models from "
        f"the Hub: {size(hub)} ({hub_folder()})"
    )


def hub_folder() -> Path:
    """The folder where the Hub's library keeps downloaded models."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def expected() -> Need:
    """The space that a complete run of params.yaml still needs.

    Existing models and vectors are subtracted. The vectors are those of all documents and queries
    by each model, an upper limit.
    """
    from commands.plan.disk import checkpoints, dimension, vectors
    from commands.plan.generating import ungenerated
    from commands.plan.training import training
    from commands.plan.work import counts
    from hone.config import params
    from hone.config.stage_settings import NONE
    from hone.encoders.model_folder import folder_here
    from tasks.resolve.stages import everything

    given = params.read()
    settings = everything(given)
    unknown = []
    source = folder_here(given.model.name, given.model.revision)
    by_name = {name: counts(name) for name in {*given.train_on, *given.evaluate_on}}
    sizes = list(by_name.values())
    if None in sizes:
        unknown.append("the vectors of collections that have not been read (`hone plan --collect`)")
    missing = ungenerated(given, settings)
    if missing:
        unknown.append(f"the vectors of queries that are not generated yet ({', '.join(missing)})")
    if source is None:
        return Need(0, judge_files(given), ("the base model, whose size is unknown", *unknown))
    trained = [settings[f"rounds/{name}/train"].train for name in given.rounds]
    rankers = sum(settings[f"rounds/{name}/rank"].rank != NONE for name in given.rounds)
    copies = 1 + len(trained) + rankers
    have = space_of(MODELS) + space_of(RANKERS)
    texts = sum(sum(one.values()) for one in sizes if one)
    held = space_of(home() / "store")
    needed = vectors((1 + len(trained)) * texts, dimension(source))
    known = all(sizes) and not set(missing) & set(given.train_on)
    queries = sum(by_name[name]["train"] for name in given.train_on) if known else None
    steps = [
        None if queries is None else training(section, queries)["steps"] for section in trained
    ]
    saved = max(map(checkpoints, trained, steps, repeat(source)), default=0)
    return Need(
        max(0, 2 * (copies * size_of(source) - have)),
        max(0, needed - held) + saved + judge_files(given),
        tuple(unknown),
    )


def judge_files(given: Params) -> int:
    """Bytes of local judges and generators that are not here: each model needs its size twice
    during the download.
    """
    from hone.config import methods
    from hone.llm import gguf

    wanted = {}
    for section, items in (("judges", given.judges), ("generators", given.generators)):
        for name, item in items.items():
            method, parameters = methods.line(item, f"params.yaml: {section}.{name}")
            model = parameters.get("model", "qwen2.5-coder-1.5b")
            if method == "local" and model in gguf.KNOWN:
                wanted[model] = gguf.KNOWN[model]
    return sum(
        2 * known.size
        for known in wanted.values()
        if not known.with_environment and not gguf.whole(known)
    )


def balances(folder: Path, need: Need) -> list[tuple[str, int, float]]:
    """Name, free bytes and needed bytes of each file system: one row if both folders share it."""
    here = Path.cwd()
    names = f"this checkout ({here})", f"HONE_HOME ({folder})"
    free = [shutil.disk_usage(place).free for place in (here, folder)]
    if here.stat().st_dev == folder.stat().st_dev:
        return [(f"{names[0]} and {names[1]}", free[0], need.checkout + need.home)]
    return [(names[0], free[0], need.checkout), (names[1], free[1], need.home)]
