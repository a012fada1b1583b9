"""Code and prompts of the user's own that git ignores: whoever clones or goes back to a commit
would lack them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hone.errors import listed

FILES = (Path("params.yaml"),)
FOLDER = Path("recipes")
INPUTS = "inputs"
PROMPT = ".md"
CODE_FOLDERS = "inputs/methods/ and inputs/prompts/"


def advice() -> str | None:
    """A sentence on the methods and prompts that params.yaml and recipes name and that git
    ignores; null where there are none.
    """
    found = ignored(sorted(named()))
    if not found:
        return None
    return (
        f"git ignores {listed(found)}, which params.yaml or a recipe names: no commit has "
        f"{'them' if len(found) > 1 else 'it'}. "
        f"Move code and prompts to {CODE_FOLDERS}, which git keeps, and name them there (or "
        "`git add --force`)."
    )


def named() -> set[str]:
    """The files of methods and prompts below inputs/ that params.yaml and recipes name."""
    return {
        file
        for source in (*FILES, *sorted(FOLDER.glob("*.yaml")))
        for word in words(source)
        if (file := file_of(word))
    }


def words(source: Path) -> Iterator[str]:
    """Every key and value of a YAML file that is a text; none of one that cannot be read, which
    others refuse.
    """
    try:
        yield from texts(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def file_of(word: str) -> str | None:
    """The file of a method (inputs.mine.rule) or of a prompt (inputs/mine.md), if the word is
    one and the file is there.
    """
    if word.startswith(f"{INPUTS}/") and word.endswith(PROMPT):
        return word if Path(word).is_file() else None
    parts = word.split(".")
    if parts[0] != INPUTS or len(parts) < 3 or not all(part.isidentifier() for part in parts):
        return None
    module = Path(*parts[:-1])
    return next(
        (
            file.as_posix()
            for file in (module.with_suffix(".py"), module / "__init__.py")
            if file.is_file()
        ),
        None,
    )


def ignored(files: list[str]) -> list[str]:
    """Those of the files that git ignores; none where there is no repository."""
    if not files:
        return []
    given = "".join(f"{file}\0" for file in files)
    try:
        done = subprocess.run(
            ["git", "check-ignore", "--stdin", "-z"],
            check=False,
            capture_output=True,
            text=True,
            input=given,
        )
    except OSError:  # no git
        return []
    return [file for file in done.stdout.split("\0") if file]
