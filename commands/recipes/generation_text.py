"""A recipe of generation as text: which documents, what is made of them, and what is removed, with
every parameter, its default and the source of its value.
"""

from __future__ import annotations

from collections.abc import Iterator

from commands.recipes.catalogue import is_published, users_of, year
from commands.recipes.needs import needs_of_generation
from commands.recipes.text import (
    STEP,
    describe_method,
    describe_setting,
    format_value,
    wrap_text,
)
from hone.config import docstrings, generate_recipe
from hone.config.generate_recipe import DOCUMENTS, FILTERS, METHODS
from hone.config.params import Params
from hone.config.sections.generate import GenerateRecipe
from hone.errors import Refused
from hone.generation import generators
from tasks.resolve.generation import list_prompts

PLACES = {"documents": DOCUMENTS, "methods": METHODS, "filters": FILTERS}  # by section
OTHERS = ("shortest", "dev", "budget")  # settings without methods


def describe_generation(name: str, given: Params, columns: int) -> Iterator[str]:
    """The lines of a description.

    Args:
        name: of a file in recipes/generate/.
        given: params.yaml, with the generators and the collections.
        columns: the width of a line.
    """
    found = generate_recipe.check(generate_recipe.FOLDER / f"{name}.yaml")
    used = users_of(name, given.collections)
    yield from wrap_text(f"{name}: {found.about}", columns)
    yield from wrap_text(
        f"A recipe of generation ({generate_recipe.FOLDER}/{name}.yaml), for `generate: {name}` of "
        "a collection in params.yaml.",
        columns,
    )
    if is_published(found.paper):
        of_year = f" of {year(found.paper)}" if year(found.paper) else ""
        yield from wrap_text(f"paper{of_year}: {found.paper}", columns)
        differs = f". {found.differs}" if found.differs else ""
        yield from wrap_text(f"fidelity: {found.fidelity or 'not stated'}{differs}", columns)
    elif found.paper:
        yield from wrap_text(f"source: {found.paper}", columns)
    if lacking := needs_of_generation(found, given):
        yield from wrap_text(f"needs: {', '.join(lacking)}", columns)
    yield from wrap_text(f"used by: {', '.join(used) or 'no collection of params.yaml'}", columns)
    yield ""
    for text in describe_parts(found, given):
        depth = len(text) - len(text.lstrip())
        yield from wrap_text(text.lstrip(), columns, " " * depth) or [""]
    yield ""
    yield from wrap_text(
        f"`hone generate preview COLLECTION --recipe {name}` shows ten examples and the cost. "
        "Formulas: docs/reference/methods/. `--yaml` prints this as a file with every default.",
        columns,
    )


def describe_parts(found: GenerateRecipe, given: Params) -> Iterator[str]:
    """The documents, the methods, the filters, the generator, and the other settings."""
    entries = docstrings.taken_apart(GenerateRecipe.__doc__).entries
    settings = {one.name: one for one in docstrings.settings(GenerateRecipe, entries)}
    for section, place in PLACES.items():
        lines = getattr(found, section)
        yield f"{section}: {settings[section].means}"
        for line in lines if isinstance(lines, list) else [lines]:
            yield from describe_method(place, line, STEP, sources_of(found, section, place))
        yield ""
    if list_prompts(generate_recipe.lines_of(found)):
        yield f"generator: {settings['generator'].means}"
        yield from describe_generator(found, given)
        yield ""
    for name in OTHERS:
        value = getattr(found, name)
        plain = value if name != "budget" or isinstance(value, str | None) else value.model_dump()
        yield from describe_setting(settings[name], plain, "", found.constants.get(name))


def sources_of(found: GenerateRecipe, section: str, place: str) -> dict[str, str]:
    """The sources of a section's constants, under the paths that methods have."""
    return {
        f"{place}.{path.removeprefix(f'{section}.')}": source
        for path, source in found.constants.items()
        if path.startswith(f"{section}.")
    }


def describe_generator(found: GenerateRecipe, given: Params) -> Iterator[str]:
    """The generator that would write, as params.yaml defines it, and why it cannot be used."""
    names = [found.generator] if isinstance(found.generator, str) else found.generator
    yield f"{STEP}the first usable of {', '.join(map(format_value, names))}"
    try:
        name, line = generators.first_usable(given.generators, found.generator, "generator")
    except Refused as refusal:
        yield f"{STEP}unavailable: {refusal}"
        return
    yield from describe_method(generators.PLACE, line, STEP, {}, f" ({name} of params.yaml)")
    if reason := generators.why_unusable(line):
        yield f"{STEP * 2}not usable yet: {reason}"
