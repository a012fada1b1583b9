"""Mistakes in recipes: what `resolve` would refuse, told with the file, the line and what to do, before a round uses them."""

from __future__ import annotations

import re
from pathlib import Path

from commands.console import line
from hone.config import params, recipe, recipe_names
from hone.config.params import Params, Round
from hone.config.recipe_schema import Recipe
from hone.config.source_lines import line_saying, loaded
from hone.config.stage_settings import Reading
from hone.errors import Refused, nearest

TRIED = "tried"  # a round that is not in params.yaml
STAGES = ("retrieve", "rank", "score", "sample", "relabel")  # in which something may be missing that no line of the recipe shows
OF_RECIPE = "score"  # whoever is missing there, the recipe itself should name


def check(what: str | None) -> bool:
    """Read recipes, and say of each what is wrong; true when nothing is.

    What a recipe needs beside itself, such as a judge that params.yaml does not name, is told too. It is a mistake of the one file
    that is asked about and of a round; recipes that no round uses may wait for it.

    Args:
        what: a file, or the name of a recipe; null: all of them, and the rounds of params.yaml.

    Raises:
        Refused: there is no such file.
    """
    files = [recipe.FOLDER / f"{name}.yaml" for name in recipe.names()] if what is None else [file_of(what)]
    right = [of_file(file, alone=what is not None) for file in files]
    if what is None and all(right):
        for sentence in params.renamed():
            line(f"note  {sentence}")
        right += [of_round(name) for name in params.read().rounds]
    return all(right)


def file_of(what: str) -> Path:
    """The file that is meant by a path or by a recipe's name."""
    for file in (Path(what), recipe.FOLDER / f"{recipe_names.current(what)}.yaml"):
        if file.is_file():
            return file
    stem = Path(what).stem
    raise Refused(f"{what} is no file and no recipe: {nearest(stem, recipe.names())} (recipes are the files in {recipe.FOLDER}/)")


def of_file(file: Path, alone: bool) -> bool:
    """Check one recipe, and print what was found; true when it is right."""
    try:
        found = recipe.check(file)
    except Refused as refusal:
        for fault in str(refusal).splitlines():
            line(f"wrong {fault}")
        return False
    try:
        given = params.read()
    except Refused as refusal:
        line(f"ok    {file}, as far as it goes alone: {refusal}")
        return True
    tried = Round(**{"from": "r0", "recipe": file.stem})
    needs = lacking(found, given.model_copy(update={"rounds": {TRIED: tried}}), TRIED, file)
    for sentence, stage in needs.items():
        line(f"{'wrong' if stage == OF_RECIPE else 'needs'} {sentence}")
    if not needs:
        line(f"ok    {file}")
    return not needs if alone else OF_RECIPE not in needs.values()


def of_round(name: str) -> bool:
    """Check a round of params.yaml with what it changes of its recipe."""
    given = params.read()
    item = given.rounds[name]
    try:
        found = recipe.recipe_of(given, name)
        faults = list(lacking(found, given, name, recipe.FOLDER / f"{item.recipe}.yaml"))
    except Refused as refusal:
        faults = str(refusal).splitlines()
    for fault in faults:
        line(f"wrong round {name}: {fault}")
    if not faults:
        line(f"ok    round {name}: {item.recipe}{' with changes' if item.changes else ''}")
    return not faults


def lacking(found: Recipe, given: Params, round: str, file: Path) -> dict[str, str]:
    """What `resolve` would refuse of a recipe in a round though each of its lines is right, and in which stage."""
    from tasks.resolve.stages import stage_of_round

    _, root = loaded(file)
    unread = Reading(max_length=None, prompts={}, precision="fp32")  # nothing is encoded to check a recipe
    sentences: dict[str, str] = {}
    for stage in STAGES:
        try:
            stage_of_round(given, round, given.rounds[round].start, found, stage, unread)
        except Refused as refusal:
            sentence = re.sub(rf"^round {re.escape(round)}: ", "", str(refusal))
            at = line_saying(root, sentence)
            sentences.setdefault(f"{file}{f', line {at}' if at else ''}: {sentence}", stage)
    return sentences
