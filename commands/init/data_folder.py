"""The data folder that `hone init` reads: the given path, or the only folder below inputs/."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from hone.errors import Refused, nearest
from hone.layout import INPUTS

# Folders of inputs/ that are not data (inputs/README.md).
RESERVED = ("examples", "filled", "fitness", "labels", "methods", "prompts")


def find(given: Path | None) -> Path:
    """The folder or file to read, relative to the checkout if it is inside.

    Raises:
        Refused: it does not exist, or no path is given and inputs/ does not have exactly one data
            folder.
    """
    if given is None:
        return only_folder()
    if str(given).startswith("hub:"):
        raise Refused(
            f"hone init reads files on this machine, and '{given}' is on the Hub. Add it to "
            "`collections` in params.yaml (docs/how-to/hub.md). A collection with test queries of "
            "your own is still needed."
        )
    if not given.exists():
        beside = given.parent.iterdir() if given.parent.is_dir() else ()
        names = [str(one) for one in beside if not one.name.startswith(".")]
        hint = nearest(str(given), names) if names else f"{given.parent} does not exist either"
        raise Refused(f"{given} does not exist; {hint}")
    return relative(given)


def only_folder() -> Path:
    """The only data folder below inputs/.

    Raises:
        Refused: there are none or several.
    """
    there = sorted(INPUTS.iterdir()) if INPUTS.is_dir() else []
    folders = [
        entry
        for entry in there
        if entry.is_dir()
        and entry.name not in RESERVED
        and not entry.name.startswith((".", "_"))
        and not (entry / "modules.json").exists()  # a model
    ]
    if len(folders) == 1:
        return folders[0]
    if folders:
        names = "\n".join(f"- hone init {folder}" for folder in folders)
        raise Refused(f"{INPUTS}/ has {len(folders)} data folders. Name one of them:\n{names}")
    raise Refused(
        f"{INPUTS}/ has no data folder. Copy your files to {INPUTS}/ours, or name a path: `hone "
        "init PATH`."
    )


def relative(path: Path) -> Path:
    """The path relative to the checkout. A path outside stays as it is."""
    here = Path.cwd()
    whole = Path(path).absolute()
    if whole.is_relative_to(here):
        return whole.relative_to(here)
    return path


def is_outside(path: Path) -> bool:
    """Whether a path leads out of the checkout, so other machines and studies do not have it."""
    return not path.resolve().is_relative_to(Path.cwd().resolve())


def name_of(path: Path) -> str:
    """The collection's name: the folder's or file's name with plain letters, digits and '-'."""
    stem = path.stem if path.is_file() else path.resolve().name
    bare = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-") or "ours"
