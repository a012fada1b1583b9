"""Errors in recipes that `resolve` would raise, with file, line and fix, before a round uses
them.
"""

from __future__ import annotations

import re
from pathlib import Path

from commands.console import line
from commands.recipes import validate_generation
from hone.config import generate_recipe, params, recipe, recipe_names
from hone.config.params import Params, Round
from hone.config.recipe_schema import Recipe
from hone.config.source_lines import line_saying, loaded
from hone.config.stage_settings import Reading
from hone.errors import Refused, nearest

TRIED = "tried"  # name of a temporary round that is not in params.yaml
STAGES = (
    "retrieve",
    "rank",
    "score",
    "sample",
    "relabel",
)  # stages with requirements outside the recipe
OF_RECIPE = "score"  # a scorer that is missing in this stage is an error of the recipe itself


def check(what: str | None) -> bool:
    """Check recipes, and print the errors of each. Returns True without errors.

    A missing requirement, such as a judge that params.yaml does not define, is reported too. It is
    an error if the recipe was named or a round uses it. Otherwise it is only a note.

    Args:
        what: a file, or the name of a recipe; null: all of them, and the rounds and collections of
            params.yaml.

    Raises:
        Refused: the file does not exist.
    """
    if what is not None:
        return check_one(find_file(what))
    right = [check_file(file, alone=False) for file in sorted(recipe.FOLDER.glob("*.yaml"))]
    right += [
        validate_generation.check_file(file, alone=False)
        for file in sorted(generate_recipe.FOLDER.glob("*.yaml"))
    ]
    if all(right):
        for sentence in params.renamed():
            line(f"note  {sentence}")
        given = params.read()
        right += [check_round(name) for name in given.rounds]
        right += [
            validate_generation.check_collection(given, name)
            for name, item in given.collections.items()
            if item.generate is not None
        ]
    return all(right)


def check_one(file: Path) -> bool:
    """Check one file: a recipe of generation if it is in their folder or has `methods`."""
    if validate_generation.is_of_generation(file):
        return validate_generation.check_file(file, alone=True)
    return check_file(file, alone=True)


def find_file(what: str) -> Path:
    """The recipe file for a path or a recipe's name. `generate/NAME` is a recipe of generation."""
    for file in (
        Path(what),
        recipe.FOLDER / f"{recipe_names.current(what)}.yaml",
        generate_recipe.FOLDER / f"{what}.yaml",
    ):
        if file.is_file():
            return file
    known = [*recipe.names(), *generate_recipe.names()]
    raise Refused(
        f"{what} is neither a file nor a recipe in {recipe.FOLDER}/ or {generate_recipe.FOLDER}/: "
        f"{nearest(Path(what).stem, known)}"
    )


def check_file(file: Path, alone: bool) -> bool:
    """Check one recipe, and print the result. Returns True if it is valid."""
    try:
        found = recipe.check(file)
    except Refused as refusal:
        for fault in str(refusal).splitlines():
            line(f"wrong {fault}")
        return False
    try:
        given = params.read()
    except Refused as refusal:
        line(f"ok    {file}, checked without params.yaml: {refusal}")
        return True
    tried = Round(**{"from": "r0", "recipe": file.stem})
    needs = find_missing(found, given.model_copy(update={"rounds": {TRIED: tried}}), TRIED, file)
    for sentence, stage in needs.items():
        line(f"{'wrong' if stage == OF_RECIPE else 'needs'} {sentence}")
    if not needs:
        line(f"ok    {file}")
    return not needs if alone else OF_RECIPE not in needs.values()


def check_round(name: str) -> bool:
    """Check a round of params.yaml, including its changes to the recipe."""
    given = params.read()
    item = given.rounds[name]
    try:
        found = recipe.recipe_of(given, name)
        faults = list(find_missing(found, given, name, recipe.FOLDER / f"{item.recipe}.yaml"))
    except Refused as refusal:
        faults = str(refusal).splitlines()
    for fault in faults:
        line(f"wrong round {name}: {fault}")
    if not faults:
        line(f"ok    round {name}: {item.recipe}{' with changes' if item.changes else ''}")
    return not faults


def find_missing(found: Recipe, given: Params, round: str, file: Path) -> dict[str, str]:
    """The errors that `resolve` would raise although each line of the recipe is valid:
    {sentence: stage}.
    """
    from tasks.resolve.stages import stage_of_round

    _, root = loaded(file)
    unread = Reading(
        max_length=None, prompts={}, precision="fp32"
    )  # nothing is encoded to check a recipe
    sentences: dict[str, str] = {}
    for stage in STAGES:
        try:
            stage_of_round(given, round, given.rounds[round].start, found, stage, unread)
        except Refused as refusal:
            sentence = re.sub(rf"^round {re.escape(round)}: ", "", str(refusal))
            at = line_saying(root, sentence)
            sentences.setdefault(f"{file}{f', line {at}' if at else ''}: {sentence}", stage)
    return sentences
