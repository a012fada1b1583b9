"""The model that `hone evaluate` names: a round, a folder, a package, or a Hub id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hone.encoders.model_folder import PACKAGED, ModelFolder, folder_here, folder_of, pinned
from hone.encoders.pinned_models import split_revision
from hone.errors import Refused, listed, nearest
from hone.layout import MODELS
from hone.stage import may_download

ROUND = re.compile(r"r[0-9]+")


@dataclass(frozen=True)
class ChosenModel:
    """A model on this disk that passed the safety checks.

    Attributes:
        name: as the user wrote it.
        folder: its files.
    """

    name: str
    folder: Path


def find_model(name: str) -> ChosenModel:
    """The model with this name, downloaded if necessary.

    Args:
        name: a round of this checkout (`r2`), a folder, a package that contains a model, or a Hub
            id, which may end in `@REVISION`.

    Raises:
        Refused: it does not exist, cannot be downloaded, contains code, or has weights that are
            not safetensors.
    """
    folder = find_folder(name)
    ModelFolder(folder).refuse_unsafe()
    return ChosenModel(name, folder)


def find_folder(name: str) -> Path:
    """The folder of a model; see `find_model`."""
    if not name.strip():
        raise Refused("MODEL is empty. Name a round, a folder, a package or a Hub id.")
    if Path(name).is_dir():
        return Path(name)
    rounds = [path.name for path in sorted(MODELS.glob("*")) if (path / "modules.json").exists()]
    if name in rounds:
        return MODELS / name
    if ROUND.fullmatch(name):
        found = nearest(name, rounds) if rounds else "run `dvc repro` first"
        raise Refused(f"The round '{name}' has no model in {MODELS}/: {found}")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise Refused(f"The model folder {name} does not exist. Check the path.")
    own, revision = split_revision(name, None)
    if own in PACKAGED:
        return folder_of(own)
    if here := folder_here(own, revision):
        return here
    may_download()
    try:
        commit = pinned(own, revision)["revision"]
    except Refused as refusal:
        raise Refused(
            f"MODEL is '{name}', which is not a round, a folder or a bundled package "
            f"({listed(PACKAGED)}), and the Hugging Face Hub did not return such a model. Check "
            "the name and the network. Without a network, name a folder or a model in the Hub's "
            "cache."
        ) from refusal
    return folder_of(own, commit)
