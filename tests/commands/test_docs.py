"""The pages that are made of docstrings and recipes are current, whole, and say what the
docstrings say.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands.docs import methods_pages
from commands.docs.__main__ import pages, stale
from hone.config import docstrings, generate_recipe, methods

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def test_the_pages_are_what_the_docstrings_and_recipes_say_now():
    assert stale(pages()) == [], "`python -m commands.docs` makes them"


def test_a_changed_docstring_and_a_page_too_many_are_found(tmp_path: Path):
    """In a copy: a changed default and a changed sentence make the page stale; the command mends
    it.
    """
    for part in ("tasks", "hone", "commands", "recipes", "docs"):
        shutil.copytree(
            PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(PROJECT / "dvc.yaml", tmp_path)
    assert run(tmp_path, "--check").returncode == 0
    file = tmp_path / "tasks/sample/choose/top.py"
    file.write_text(file.read_text().replace("negatives per query.", "how many a query gets."))
    (tmp_path / "docs/reference/methods/gone.md").write_text("of a place that is gone\n")
    done = run(tmp_path, "--check")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "docs/reference/methods/choose.md, docs/reference/methods/gone.md: outdated"
    )
    assert run(tmp_path).returncode == 0
    assert run(tmp_path, "--check").returncode == 0
    assert "how many a query gets." in (tmp_path / "docs/reference/methods/choose.md").read_text()
    assert not (tmp_path / "docs/reference/methods/gone.md").exists()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "commands.docs", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={},
    )


def test_every_place_that_the_code_looks_methods_up_in_has_a_page():
    text = "\n".join(
        file.read_text()
        for package in ("tasks", "hone")
        for file in (PROJECT / package).rglob("*.py")
    )
    places = {
        *re.findall(r"""(?:find|checked|constant|names)\(\s*"([a-z.]+)",?""", text),
        *re.findall(r'PLACE = "([a-z.]+)"', text),
        generate_recipe.METHODS,
    }
    assert "sample.choose" in places
    assert {place for place in places if methods.TASKS.joinpath(*place.split(".")).is_dir()} == set(
        methods_pages.PLACES
    )


@pytest.mark.parametrize("place", methods_pages.PLACES)
def test_every_parameter_of_a_method_has_a_type_a_range_and_a_meaning(place: str):
    for method in methods_pages.list_methods(place):
        for setting in docstrings.of_method(method):
            assert setting.means, (
                f"{place}: {method.name}: `{setting.name}` is not described under Args:"
            )
            assert setting.allowed != "a method", f"{place}: {method.name}: `{setting.name}`"


def test_a_helper_that_is_called_as_its_file_is_no_method():
    assert (PROJECT / "hone/config/source_name.py").is_file()
    assert "source-name" not in methods.names("retrieve")
    for place in methods_pages.PLACES:
        for method in methods_pages.list_methods(place):
            assert docstrings.of_module(method).summary.startswith(f"{method.name}: ")
