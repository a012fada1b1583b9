"""The command that goes on with a study, as a shell reads it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

import yaml

OPTIONS = {"collection": "--on", "first_seed": "--first-seed"}  # of settings that the command calls otherwise


def again(what: Sequence[str], changes: dict[str, Any]) -> str:
    """The command that goes on with a study.

    Args:
        what: recipes, or a file.
        changes: as `commands.study.design.asked` has them; null where nothing was said.
    """
    said = [part for key, value in changes.items() if value is not None for part in option(key, value)]
    return shlex.join(["hone", "study", *what, *said])


def option(key: str, value: Any) -> list[str]:
    """A setting as words of the command."""
    if key == "contrasts":
        return [part for one, other in value for part in ("--contrast", f"{one}:{other}")]
    if key == "tune":
        return [part for setting in value for part in ("--tune", yaml.safe_dump(setting, default_flow_style=True, width=math.inf).strip())]
    return [OPTIONS.get(key, f"--{key}"), str(value)]
