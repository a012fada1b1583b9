"""The shell command that resumes a study."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

import yaml

OPTIONS = {"first": "--warmup-recipe"}  # settings with another name on the command line


def resume_command(what: Sequence[str], changes: dict[str, Any]) -> str:
    """The command that resumes a study.

    Args:
        what: recipes, or a file.
        changes: as for `commands.study.design.parse_question`; null if not given.
    """
    options = [
        part for key, value in changes.items() if value is not None for part in option(key, value)
    ]
    return shlex.join(["hone", "study", *what, *options])


def option(key: str, value: Any) -> list[str]:
    """A setting as command-line arguments."""
    if key == "contrasts":
        return [part for one, other in value for part in ("--contrast", f"{one}:{other}")]
    if key == "tune":
        return [
            part
            for setting in value
            for part in (
                "--tune",
                yaml.safe_dump(setting, default_flow_style=True, width=math.inf).strip(),
            )
        ]
    if key == "first_seed":
        return ["--seed-offset", str(value - 1)]
    return [OPTIONS.get(key, f"--{key}"), str(value)]
