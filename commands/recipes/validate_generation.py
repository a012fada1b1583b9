"""Errors in recipes of generation that `resolve` would raise, with file, line and fix, before a
collection uses them.
"""

from __future__ import annotations

from pathlib import Path

from commands.console import line
from hone.config import generate_recipe, params
from hone.config.params import Params
from hone.config.source_lines import loaded
from hone.config.stage_settings import Reading
from hone.errors import Refused
from tasks.resolve import generation

METHODS = "methods"  # only recipes of generation have this setting at the top


def is_of_generation(file: Path) -> bool:
    """Whether a file is a recipe of generation: by its folder, else by its content.

    A file that cannot be parsed is checked as a recipe of its folder.
    """
    if file.resolve().parent == generate_recipe.FOLDER.resolve():
        return True
    try:
        given, _ = loaded(file)
    except Refused:
        return False
    return isinstance(given, dict) and METHODS in given


def check_file(file: Path, alone: bool) -> bool:
    """Check one recipe, and print the result.

    Args:
        file: the recipe.
        alone: it was named, so a missing generator or judge is an error. Otherwise it is a note.

    Returns:
        Whether it is valid.
    """
    try:
        found = generate_recipe.check(file)
    except Refused as refusal:
        for fault in str(refusal).splitlines():
            line(f"wrong {fault}")
        return False
    try:
        given = params.read()
    except Refused as refusal:
        line(f"ok    {file}, checked without params.yaml: {refusal}")
        return True
    lines = generate_recipe.lines_of(found)
    missing = []
    for examine in (
        lambda: generation.resolve_recipe(given, file.stem, found, lines, str(file)),
        lambda: generation.input_files(lines, str(file)),
    ):
        try:
            examine()
        except Refused as refusal:
            missing.append(str(refusal))
    for sentence in missing:
        line(f"needs {sentence}")
    if not missing:
        line(f"ok    {file}")
    return not (missing and alone)


def check_collection(given: Params, name: str) -> bool:
    """Check the generation of a collection of params.yaml, as `resolve` does."""
    unread = Reading(max_length=None, prompts={}, precision="fp32")  # nothing is encoded
    chosen = given.collections[name].generation
    try:
        generation.generate(given, name, given.seed, unread)
    except Refused as refusal:
        for fault in str(refusal).splitlines():
            line(f"wrong collection {name}: {fault}")
        return False
    changed = " with changes" if chosen.changes else ""
    line(f"ok    collection {name}: {generate_recipe.FOLDER}/{chosen.recipe}.yaml{changed}")
    return True
