"""Encoders that recipes and judges name beside the round's own, made exact."""

from __future__ import annotations

from pathlib import Path

from hone.encoders.model_folder import pinned
from hone.errors import Refused

INPUTS = Path("inputs")


def made_exact(named: dict[str, str | None]) -> dict[str, dict]:
    """Each model pinned, by its name.

    Args:
        named: a model's name and its revision; a name may carry it: NAME@REVISION.

    Raises:
        Refused: a folder that DVC does not watch, or a model that is not there.
    """
    for name in named:
        if Path(name).is_dir() and not Path(name).resolve().is_relative_to(INPUTS.resolve()):
            raise Refused(f"the model folder {name} must lie below {INPUTS}/: DVC watches that folder for changes.")
    return {name: pinned(*(name.split("@", 1) if "@" in name else (name, revision))) for name, revision in named.items()}
