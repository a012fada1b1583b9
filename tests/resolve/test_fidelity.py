"""Every recipe that names a paper says what it is to it; the table of docs/recipes.md is made of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.recipes.listed import published
from tasks.resolve import recipe

PROJECT = Path(__file__).parent.parent.parent
NAMES = sorted(file.stem for file in (PROJECT / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_with_a_paper_says_how_faithful_it_is(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(PROJECT)
    found = recipe.read(name)
    if published(found.paper):
        assert found.fidelity is not None, f"recipes/{name}.yaml names a paper: say `fidelity`, and `differs` unless it is faithful"
