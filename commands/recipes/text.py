"""A recipe as text: what each stage does, in order, with every parameter, its default and the
source of its value.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from commands.recipes.catalogue import is_published, year
from commands.recipes.needs import needs
from hone.config import docstrings, methods, recipe
from hone.config.docstrings import Setting
from hone.config.params import STAGES, Params
from hone.config.recipe_schema import Recipe
from hone.config.sections.generate import GenerateRecipe
from hone.config.sections.relabel import Judged
from hone.errors import Refused
from hone.judging import settings

STEP = "  "  # of indentation
WIDEST = 110  # columns of a line
HEADING = re.compile(r"\d\. \w+")  # a stage
PLACES = {
    ("sample", "filters"): "sample.filters",
    ("sample", "choose"): "sample.choose",
    ("train", "losses"): "train.losses",
    ("train", "batch"): "train.batch",
}


def width() -> int:
    """The output width in columns."""
    from rich.console import Console

    console = Console()
    return min(console.width, WIDEST) if console.is_terminal else WIDEST


def format_yaml(found: Recipe | GenerateRecipe) -> str:
    """A recipe as YAML with every default; reading it gives the same recipe."""
    return yaml.safe_dump(
        unwrap_methods(found.model_dump(mode="json", by_alias=True)),
        sort_keys=False,
        allow_unicode=True,
        width=140,
        default_flow_style=False,
    )


def unwrap_methods(value: Any) -> Any:
    """Convert checked lines, `{"method", "parameters"}`, to the form of recipe files:
    `{name: {parameter: value}}`.
    """
    if isinstance(value, dict) and value.keys() == {"method", "parameters"}:
        return {value["method"]: value["parameters"]} if value["parameters"] else value["method"]
    if isinstance(value, dict):
        return {name: unwrap_methods(inner) for name, inner in value.items()}
    return [unwrap_methods(inner) for inner in value] if isinstance(value, list) else value


def describe_recipe(name: str, given: Params, columns: int) -> Iterator[str]:
    """The lines of a recipe's description."""
    found = recipe.read(name, given.train)
    rounds = [round for round, item in given.rounds.items() if item.recipe == name]
    yield from wrap_text(f"{name}: {found.about}", columns)
    if is_published(found.paper):
        yield from wrap_text(
            f"paper{f' of {year(found.paper)}' if year(found.paper) else ''}: {found.paper}",
            columns,
        )
        yield from wrap_text(
            "fidelity: "
            f"{found.fidelity or 'not stated'}{f'. {found.differs}' if found.differs else ''}",
            columns,
        )
    elif found.paper:
        yield from wrap_text(f"source: {found.paper}", columns)
    if lacking := needs(found, given):
        yield from wrap_text(f"needs: {', '.join(lacking)}", columns)
    yield from wrap_text(f"used by: {', '.join(rounds) or 'no round of params.yaml'}", columns)
    of_file = yaml.safe_load((recipe.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    theirs = frozenset(given.train) - frozenset(of_file.get("train") or {})
    yield from wrap_text(
        "Each setting ends with the source of its value: the paper, the authors' code, a survey "
        "(a secondary source), a Hone default, or "
        "unverified.",
        columns,
    )
    for number, stage in enumerate(STAGES, start=1):
        yield ""
        yield f"{number}. {stage}"
        yield from wrap_text(summarize_stage(stage), columns, STEP)
        for text in describe_section(stage, found, given, theirs):
            depth = len(text) - len(text.lstrip())
            yield from wrap_text(text.lstrip(), columns, " " * depth)
    yield ""
    yield from wrap_text(
        "Formulas: docs/reference/methods/. `--yaml` prints this as a file with every default.",
        columns,
    )


def wrap_text(text: str, columns: int, indent: str = "") -> list[str]:
    columns = max(columns, len(indent) + 30)
    return textwrap.wrap(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=indent + STEP,
        break_on_hyphens=False,
    )


def summarize_stage(stage: str) -> str:
    """The summary of a stage, from its docstring."""
    text = ast.get_docstring(ast.parse((methods.TASKS / stage / "__main__.py").read_bytes()))
    return docstrings.taken_apart(text).summary.removeprefix(f"{stage}: ")


def describe_section(
    stage: str, found: Recipe, given: Params, theirs: frozenset[str]
) -> Iterator[str]:
    """A recipe's settings of a stage. `theirs` are the settings of `train` that come from
    params.yaml.
    """
    section = getattr(found, stage)
    if section in (None, "none", []) or (stage == "sample" and not found.retrieve):
        yield (
            f"{STEP}skipped: this recipe has no "
            f"{'candidates' if stage == 'sample' else f'`{stage}`'}"
        )
    elif isinstance(section, list):
        for each in section:
            yield from describe_method(stage, each, STEP, found.constants)
    else:
        yield from describe_settings(stage, section, given, theirs, STEP, found.constants, stage)


def describe_settings(
    stage: str,
    section: BaseModel,
    given: Params,
    theirs: frozenset[str],
    indent: str,
    sources: dict[str, str],
    path: str,
) -> Iterator[str]:
    """The settings of a section, each method followed by its parameters. `sources` are the
    recipe's `constants`, by path.
    """
    entries = docstrings.taken_apart(type(section).__doc__).entries
    for setting in docstrings.settings(type(section), entries):
        value = getattr(section, setting.name)
        lines = value if isinstance(value, list) else [value]
        if (stage, setting.name) in PLACES:
            yield f"{indent}{setting.name}: {setting.means}"
            for each in lines:
                yield from describe_method(
                    PLACES[stage, setting.name], each, indent + STEP, sources
                )
        elif isinstance(value, BaseModel):
            yield f"{indent}{setting.name}: {setting.means}"
            yield from describe_settings(
                stage, value, given, frozenset(), indent + STEP, sources, f"{path}.{setting.name}"
            )
        elif lines and isinstance(lines[0], Judged):
            yield f"{indent}{setting.name}: {setting.means}"
            for place, each in enumerate(lines, start=1):
                yield from describe_judge(
                    place, each, given, indent + STEP, place == len(lines), sources
                )
        else:
            origin = "params.yaml" if setting.name in theirs else ""
            yield from describe_setting(
                setting, value, indent, sources.get(f"{path}.{setting.name}"), origin
            )


def describe_method(
    place: str, checked: dict[str, Any], indent: str, sources: dict[str, str], note: str = ""
) -> Iterator[str]:
    """A method's summary and parameters."""
    method = methods.find(place, checked["method"])
    yield f"{indent}{method.name}{note}: {docstrings.summary(method)}"
    for setting in docstrings.of_method(method):
        source = sources.get(f"{place}.{method.name}.{setting.name}")
        yield from describe_setting(
            setting, checked["parameters"][setting.name], indent + STEP, source
        )


def describe_setting(
    setting: Setting, value: Any, indent: str, source: str | None = None, origin: str = ""
) -> Iterator[str]:
    """A setting: value, default, allowed values and source, followed by its meaning.

    Args:
        source: the source of the value in the recipe's `constants`; null: the source of the
            default, or Hone if it is not the default.
        origin: the file that sets the value, if it is not the recipe.
    """
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        value = [one.model_dump(mode="json", by_alias=True) for one in value]
    as_default = value == setting.default
    default = "no default" if setting.default is ... else f"default {format_value(setting.default)}"
    note = "the default" if as_default else f"{origin}; {default}" if origin else default
    tag = source or (setting.source if as_default else "" if origin else docstrings.OWN)
    yield (
        f"{indent}{setting.name} = {format_value(value)} ({note}; "
        f"{setting.allowed}){f' [{tag}]' if tag else ''}"
    )
    if setting.means:
        yield f"{indent}{STEP}{setting.means}"


def describe_judge(
    place: int, item: Judged, given: Params, indent: str, last: bool, sources: dict[str, str]
) -> Iterator[str]:
    """A line of a cascade: the judge, as params.yaml defines it, and its escalation rule."""
    several = isinstance(item.judge, list)
    judge = (
        "the first available of " + ", ".join(format_value(one) for one in item.judge)
        if several
        else format_value(item.judge)
    )
    yield (
        f"{indent}{place}. judge: "
        f"{judge}{' (optional: skipped if unavailable)' if item.optional else ''}"
    )
    try:
        _, name, checked = settings.first_able(given, item.judge, f"judge {place}")
        named = isinstance(item.judge, str) or several
        yield from describe_method(
            "relabel.judges",
            checked,
            indent + STEP * 2,
            {},
            f" ({name} of params.yaml)" if named and name in given.judges else "",
        )
    except Refused as refusal:
        yield f"{indent}{STEP * 2}unavailable: {refusal}"
    if not last:
        yield f"{indent}{STEP}escalate to the next judge:"
        yield from describe_method("relabel.escalate", item.escalate, indent + STEP * 2, sources)


def format_value(value: Any) -> str:
    """A value in recipe syntax, on one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
        .replace("\n...", "")
        .strip()
    )
