"""Every recipe that names a paper has its fidelity. docs/reference/recipes.md is generated from
it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.recipes.catalogue import is_published
from hone.config import recipe
from tasks.resolve.recipe_lines import scorer_name

PROJECT = Path(__file__).parent.parent.parent
NAMES = sorted(file.stem for file in (PROJECT / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_with_a_paper_says_how_faithful_it_is(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(PROJECT)
    found = recipe.read(name)
    if is_published(found.paper):
        assert found.fidelity is not None, (
            f"recipes/{name}.yaml names a paper: say `fidelity`, and `differs` unless it is "
            "faithful"
        )


def test_a_faithful_recipe_says_what_alone_is_other(monkeypatch: pytest.MonkeyPatch):
    """Model, data and scale; in-batch, warm-up, star, ance and nv-retriever are. None whose
    constants could not be verified is.
    """
    monkeypatch.chdir(PROJECT)
    faithful = {
        name: found for name in NAMES if (found := recipe.read(name)).fidelity == "faithful"
    }
    assert len(faithful) >= 5
    for name, found in faithful.items():
        assert re.search("Only (the )?(model|data)", found.differs or ""), name
        assert "unverified" not in found.constants.values(), name


@pytest.mark.parametrize("name", NAMES)
def test_sources_of_constants_are_tags_and_no_prose(name: str):
    text = (PROJECT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert not re.search(r"\bours\b|second-hand|from memory|\(paper \d+\)", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_bound_on_a_cross_encoder_is_decided_in_fp32(name: str, monkeypatch: pytest.MonkeyPatch):
    """In bf16 the scores of pairs near the bound move across it."""
    monkeypatch.chdir(PROJECT)
    found = recipe.read(name)
    bounded = {
        line["parameters"]["scorer"]
        for line in found.sample.filters
        if line["method"] == "cross-encoder"
    }
    precise = {
        scorer_name(line) for line in found.score if line["parameters"].get("precision") == "fp32"
    }
    assert bounded <= precise


def test_some_recipe_has_such_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(PROJECT)
    assert any(
        line["method"] == "cross-encoder"
        for name in NAMES
        for line in recipe.read(name).sample.filters
    )
