"""Methods are found by their names, so no import shows who calls them. This table does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Module -> the places of `hone.config.methods` that it looks up. Where a module is handed the
# place, its expression stands here.
CALLERS: dict[str, set[str]] = {
    "commands.filters.arms": {"sample.filters"},
    "commands.filters.measure": {"sample.filters"},
    "commands.compare.by_stratum": {"PLACE"},
    "commands.docs.methods_pages": {"place"},
    "commands.doctor.command": {"collect"},
    "commands.generate.estimate": {"METHODS"},
    "commands.generate.examples": {"FILTERS", "METHODS"},
    "commands.init.collection": {"collect"},
    "commands.judge.again": {"relabel.judges"},
    "commands.judge.inputs": {"relabel.judges"},
    "commands.plan.mining": {"place", "retrieve"},
    "commands.recipes.needs": {"place", "relabel.judges", "stage"},
    "commands.recipes.text": {"place"},
    "commands.study.arms": {"train.batch"},
    "commands.study.protocol": {"train.batch", "train.losses"},
    "flows.early_stop": {"collect"},
    "hone.compare.by_stratum": {"PLACE"},
    "hone.compare.query_strata": {"PLACE"},
    "hone.config.recipe": {"place", "retrieve", "sample.choose", "train.losses"},
    "hone.config.source_lines": {"place"},
    "hone.config.source_name": {"retrieve"},
    "hone.generation.generators": {"PLACE"},
    "hone.generation.writer": {"generators.PLACE"},
    "hone.ir.diagnostic": {"PLACE"},
    "hone.ir.diagnostic_suites": {"collect", "diagnostic.PLACE"},
    "hone.judging.cascade": {"relabel.escalate"},
    "hone.judging.fingerprint": {"relabel.judges"},
    "hone.judging.run_judge": {"relabel.judges"},
    "hone.judging.settings": {"relabel.escalate", "relabel.judges"},
    "hone.judging.versions": {"place"},
    "hone.mining.rank_window": {"sample.choose"},
    "hone.mining.rules": {"place", "sample.filters"},
    "tasks.collect.collection": {"collect"},
    "tasks.generate.choice": {"PLACE"},
    "tasks.generate.filtering": {"PLACE"},
    "tasks.generate.work": {"METHODS", "generators.PLACE"},
    "tasks.rank.pairs": {"sample.filters"},
    "tasks.resolve.generation": {"METHODS", "generators.PLACE", "place", "relabel.judges"},
    "tasks.resolve.recipe_lines": {"place", "retrieve", "stage", "where"},
    "tasks.resolve.recipe_models": {"place", "retrieve", "score"},
    "tasks.resolve.stages": {"collect", "place", "query_strata.PLACE"},
    "tasks.retrieve.sources": {"place", "retrieve"},
    "tasks.score.__main__": {"score"},
    "tasks.train.batch_sampler": {"train.batch"},
    "tasks.train.fit": {"train.losses"},
    "tasks.train.trainer": {"train.losses"},
}
LOOK_UPS = (
    "find",
    "checked",
    "names",
    "constant",
    "handed",
    "with_inner_lines",
    "check_inner_line",
)
# The registry imports what it lists in its own folder.
IMPORTERS = {"hone.config.methods", "hone.config.user_methods", "tasks.report.registry"}
SOURCES = sorted(
    file
    for folder in ("hone", "tasks", "commands", "flows")
    for file in (PROJECT / folder).rglob("*.py")
)


def name_of(file: Path) -> str:
    """The dotted name of a module."""
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    return ".".join(place.relative_to(PROJECT).parts)


def places_of(tree: ast.Module) -> set[str]:
    """The places that a module hands to `methods.find` and its like: their names, or the
    expressions.
    """
    imported = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "hone.config.methods"
    ]
    own = {
        alias.asname or alias.name
        for node in imported
        for alias in node.names
        if alias.name in LOOK_UPS
    }
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        of_module = isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in {
            f"methods.{name}" for name in LOOK_UPS
        }
        if of_module or (isinstance(node.func, ast.Name) and node.func.id in own):
            place = (
                node.args[0]
                if node.args
                else next(given.value for given in node.keywords if given.arg == "place")
            )
            found.add(place.value if isinstance(place, ast.Constant) else ast.unparse(place))
    return found


def imports_by_name(tree: ast.Module) -> bool:
    """Whether a module imports others by names that are made when it runs."""
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return bool(calls & {"importlib.import_module", "import_module", "__import__"})


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_whoever_looks_up_methods_is_in_the_table(file: Path):
    name, tree = name_of(file), ast.parse(file.read_text(encoding="utf-8"))
    if name != "hone.config.methods":
        found, known = places_of(tree), CALLERS.get(name, set())
        assert found <= known, (
            f"{name} looks up methods of {sorted(found - known)}: add them to CALLERS in "
            f"{Path(__file__).name}"
        )
        assert known <= found, (
            f"{name} no longer looks up methods of {sorted(known - found)}: remove them from "
            "CALLERS"
        )


def test_the_table_names_modules_that_exist():
    assert set(CALLERS) <= {name_of(file) for file in SOURCES}


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_modules_are_imported_by_name_only_where_methods_are_found(file: Path):
    name = name_of(file)
    assert not imports_by_name(ast.parse(file.read_text(encoding="utf-8"))) or name in IMPORTERS, (
        f"{name} imports a module by its name: let hone.config.methods.find do it, so that the "
        "code's fingerprint knows of it"
    )


def test_look_ups_are_seen_however_they_are_written():
    text = (
        "from hone.config import methods\nfrom hone.config.methods import find as look, "
        "checked\nlook(P, 1)\nchecked('a', x, y)\n"
    )
    assert places_of(
        ast.parse(
            text + "def f(place):\n    return methods.find('b.c', n), methods.names(place), "
            "other.find('d')"
        )
    ) == {
        "P",
        "a",
        "b.c",
        "place",
    }
    assert imports_by_name(ast.parse("import importlib\nimportlib.import_module('x')"))
