"""A recipe as a person reads it: what each stage does, in order, with every parameter, its default and where that comes from."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from commands.console import line
from commands.recipes.catalogue import published, year
from commands.recipes.needs import needs
from hone.config import docstrings, methods, params, recipe, recipe_names
from hone.config.docstrings import Setting
from hone.config.params import STAGES, Params
from hone.config.recipe_schema import Recipe
from hone.config.sections.relabel import Judged
from hone.errors import Refused, nearest
from hone.judging import settings

STEP = "  "  # of indentation
WIDEST = 110  # columns of a line
HEADING = re.compile(r"\d\. \w+")  # a stage
PLACES = {
    ("sample", "filters"): "sample.filters", ("sample", "choose"): "sample.choose", ("train", "losses"): "train.losses",
    ("train", "batch"): "train.batch",
}  # fmt: skip


def show(name: str, as_yaml: bool = False) -> None:
    """Print what a recipe does, or the recipe with nothing left to defaults.

    Raises:
        Refused: there is no such recipe, or it cannot be read.
    """
    given = params.read()
    if sentence := recipe_names.note(name):
        line(sentence)
        name = recipe_names.current(name)
    if name not in recipe.names():
        raise Refused(f"there is no recipe '{name}': {nearest(name, recipe.names())} (recipes are the files in {recipe.FOLDER}/)")
    if as_yaml:
        line(written_out(recipe.read(name)).rstrip())
        return
    for text in told(name, given, width()):
        line(text, "bold" if HEADING.fullmatch(text) else "")


def width() -> int:
    """Columns to write in."""
    from rich.console import Console

    console = Console()
    return min(console.width, WIDEST) if console.is_terminal else WIDEST


def written_out(found: Recipe) -> str:
    """A recipe as YAML that says every default, and reads as the same recipe."""
    return yaml.safe_dump(
        as_written(found.model_dump(mode="json", by_alias=True)), sort_keys=False, allow_unicode=True, width=140, default_flow_style=False
    )


def as_written(value: Any) -> Any:
    """Checked lines, `{"method", "parameters"}`, as recipes write them: `{name: {parameter: value}}`."""
    if isinstance(value, dict) and value.keys() == {"method", "parameters"}:
        return {value["method"]: value["parameters"]} if value["parameters"] else value["method"]
    if isinstance(value, dict):
        return {name: as_written(inner) for name, inner in value.items()}
    return [as_written(inner) for inner in value] if isinstance(value, list) else value


def told(name: str, given: Params, columns: int) -> Iterator[str]:
    """The lines that tell what a recipe does."""
    found = recipe.read(name, given.train)
    rounds = [round for round, item in given.rounds.items() if item.recipe == name]
    yield from wrapped(f"{name}: {found.about}", columns)
    if published(found.paper):
        yield from wrapped(f"paper{f' of {year(found.paper)}' if year(found.paper) else ''}: {found.paper}", columns)
        yield from wrapped(f"fidelity: {found.fidelity or 'not said'}{f'. {found.differs}' if found.differs else ''}", columns)
    elif found.paper:
        yield from wrapped(f"source: {found.paper}", columns)
    if lacking := needs(found, given):
        yield from wrapped(f"needs: {', '.join(lacking)}", columns)
    yield from wrapped(f"used by: {', '.join(rounds) or 'no round of params.yaml'}", columns)
    of_file = yaml.safe_load((recipe.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    theirs = frozenset(given.train) - frozenset(of_file.get("train") or {})
    yield from wrapped(
        "Each setting ends with the source of its value: the paper, the authors' code, a survey (a secondary source), a Hone default, or "
        "unverified.", columns,
    )  # fmt: skip
    for number, stage in enumerate(STAGES, start=1):
        yield ""
        yield f"{number}. {stage}"
        yield from wrapped(of_stage(stage), columns, STEP)
        for text in of_section(stage, found, given, theirs):
            depth = len(text) - len(text.lstrip())
            yield from wrapped(text.lstrip(), columns, " " * depth)
    yield ""
    yield from wrapped("Formulas: docs/methods/. `--yaml` prints this as a file with every default.", columns)


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    columns = max(columns, len(indent) + 30)
    return textwrap.wrap(text, columns, initial_indent=indent, subsequent_indent=indent + STEP, break_on_hyphens=False)


def of_stage(stage: str) -> str:
    """What a stage does, as its own text says."""
    text = ast.get_docstring(ast.parse((methods.TASKS / stage / "__main__.py").read_bytes()))
    return docstrings.taken_apart(text).summary.removeprefix(f"{stage}: ")


def of_section(stage: str, found: Recipe, given: Params, theirs: frozenset[str]) -> Iterator[str]:
    """What a recipe sets of a stage; `theirs`: what of `train` comes from params.yaml."""
    section = getattr(found, stage)
    if section in (None, "none", []) or (stage == "sample" and not found.retrieve):
        yield f"{STEP}nothing: this recipe has {'no candidates' if stage == 'sample' else 'none of it'}"
    elif isinstance(section, list):
        for each in section:
            yield from of_line(stage, each, STEP, found.constants)
    else:
        yield from of_settings(stage, section, given, theirs, STEP, found.constants, stage)


def of_settings(
    stage: str, section: BaseModel, given: Params, theirs: frozenset[str], indent: str, sources: dict[str, str], path: str
) -> Iterator[str]:
    """The settings of a section, methods with theirs below them; `sources` by path, as a recipe's `constants` has them."""
    entries = docstrings.taken_apart(type(section).__doc__).entries
    for setting in docstrings.settings(type(section), entries):
        value = getattr(section, setting.name)
        lines = value if isinstance(value, list) else [value]
        if (stage, setting.name) in PLACES:
            yield f"{indent}{setting.name}: {setting.means}"
            for each in lines:
                yield from of_line(PLACES[stage, setting.name], each, indent + STEP, sources)
        elif isinstance(value, BaseModel):
            yield f"{indent}{setting.name}: {setting.means}"
            yield from of_settings(stage, value, given, frozenset(), indent + STEP, sources, f"{path}.{setting.name}")
        elif lines and isinstance(lines[0], Judged):
            yield f"{indent}{setting.name}: {setting.means}"
            for place, each in enumerate(lines, start=1):
                yield from of_judge(place, each, given, indent + STEP, place == len(lines), sources)
        else:
            origin = "params.yaml" if setting.name in theirs else ""
            yield from of_setting(setting, value, indent, sources.get(f"{path}.{setting.name}"), origin)


def of_line(place: str, checked: dict[str, Any], indent: str, sources: dict[str, str], note: str = "") -> Iterator[str]:
    """A method: what it is, and its parameters."""
    method = methods.find(place, checked["method"])
    yield f"{indent}{method.name}{note}: {docstrings.summary(method)}"
    for setting in docstrings.of_method(method):
        source = sources.get(f"{place}.{method.name}.{setting.name}")
        yield from of_setting(setting, checked["parameters"][setting.name], indent + STEP, source)


def of_setting(setting: Setting, value: Any, indent: str, source: str | None = None, origin: str = "") -> Iterator[str]:
    """A setting: its value beside its default and what is allowed, where the value comes from, and below it what it means.

    Args:
        source: of the value, as the recipe has it; null: of the default where it is that, else the recipe chose it.
        origin: the file that the value is from, where it is not the recipe's.
    """
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        value = [one.model_dump(mode="json", by_alias=True) for one in value]
    as_default = value == setting.default
    default = "no default" if setting.default is ... else f"default {plain(setting.default)}"
    said = "the default" if as_default else f"{origin}; {default}" if origin else default
    tag = source or (setting.source if as_default else "" if origin else docstrings.OWN)
    yield f"{indent}{setting.name} = {plain(value)} ({said}; {setting.allowed}){f' [{tag}]' if tag else ''}"
    if setting.means:
        yield f"{indent}{STEP}{setting.means}"


def of_judge(place: int, item: Judged, given: Params, indent: str, last: bool, sources: dict[str, str]) -> Iterator[str]:
    """A line of a cascade: who judges, as params.yaml has it here, and what goes on to the next."""
    several = isinstance(item.judge, list)
    said = "the first that is there of " + ", ".join(plain(one) for one in item.judge) if several else plain(item.judge)
    yield f"{indent}{place}. judge: {said}{' (optional: left out where it cannot work)' if item.optional else ''}"
    try:
        _, name, checked = settings.first_able(given, item.judge, f"judge {place}")
        named = isinstance(item.judge, str) or several
        yield from of_line(
            "relabel.judges", checked, indent + STEP * 2, {}, f" ({name} of params.yaml)" if named and name in given.judges else ""
        )
    except Refused as refusal:
        yield f"{indent}{STEP * 2}here it is not: {refusal}"
    if not last:
        yield f"{indent}{STEP}escalate to the next judge:"
        yield from of_line("relabel.escalate", item.escalate, indent + STEP * 2, sources)


def plain(value: Any) -> str:
    """A value as a recipe writes it, on one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    return yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).replace("\n...", "").strip()
