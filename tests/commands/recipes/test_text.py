"""What is told of one recipe: every stage in order, every parameter with value, default, range
and source.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands.recipes import text as text_module
from commands.recipes.show import show
from hone.config import docstrings, methods, params, recipe
from hone.config.sections.train import Train
from tests.prepared import write_params

GUIDE = {"encoder": {"to": "positives", "model": "r0"}}


def lines(name: str, columns: int = 110) -> list[str]:
    return list(text_module.describe_recipe(name, params.read(), columns))


@pytest.fixture
def here(workspace: Path) -> Path:
    write_params(train={"learning_rate": 1.0e-4, "negatives": 2}, judges={"guide": GUIDE})
    return workspace


def test_stages_come_in_their_order(here: Path):
    headings = [text for text in lines("nv-retriever") if text_module.HEADING.fullmatch(text)]
    assert headings == ["1. retrieve", "2. rank", "3. score", "4. sample", "5. relabel", "6. train"]


def test_a_parameter_has_value_default_range_and_source(here: Path):
    Path("recipes/mine.yaml").write_text(
        "about: mine\nretrieve: [dense]\nsample: {filters: [labelled, {positive-aware: {share: "
        "0.9}}], choose: {top: {n: 2}}}\n"
    )
    text_lines = lines("mine")
    place = text_lines.index(
        "      share = 0.9 (default 0.95; a number above 0 to 1, or null) [Hone default]"
    )
    assert text_lines[place + 1].startswith("        TopK-PercPos")
    assert "      n = 2 (default 4; a whole number from 1) [Hone default]" in text_lines
    assert "    depth = 100 (the default; a whole number from 1) [Hone default]" in text_lines
    assert "secondary source" in " ".join(text_lines)


def test_every_parameter_of_every_method_of_every_recipe_is_reported(here: Path):
    for name in recipe.names():
        text_lines = [text.strip() for text in lines(name)]
        found = recipe.read(name)
        rules = [*found.sample.filters, found.sample.choose] if found.retrieve else []
        for place, checked in [("retrieve", line) for line in found.retrieve] + [
            ("sample.choose" if line is found.sample.choose else "sample.filters", line)
            for line in rules
        ]:
            for setting in docstrings.of_method(methods.find(place, checked["method"])):
                assert any(text.startswith(f"{setting.name} = ") for text in text_lines), (
                    name,
                    setting.name,
                )


def test_training_settings_of_params_yaml_name_it_as_their_source(here: Path):
    page = "\n".join(lines("top-k"))
    assert "learning_rate = 0.0001 (params.yaml; default 2e-05; a number from 0)" in page
    assert (
        "negatives = 1 (the default; a whole number from 0)" in page
    )  # the recipe says it, and wins


def test_a_judge_is_listed_as_in_params_yaml_or_as_missing(here: Path):
    page = "\n".join(lines("guide-confirmed"))
    assert "encoder (guide of params.yaml): " in page
    assert "model = r0 (default null; a text, or null)" in page
    assert "there is no judge 'cheap' in params.yaml's `judges`" in "\n".join(lines("rlhn"))


def test_no_line_is_wider_than_the_terminal(here: Path):
    for columns in (60, 100):
        assert max(len(text) for text in lines("guide-confirmed", columns)) <= columns


def test_fidelity_and_what_differs_are_reported(here: Path):
    Path("recipes/mine.yaml").write_text(
        'about: mine\npaper: "P (arXiv 2101.00001)"\nfidelity: adapted\ndiffers: it mines with '
        "another model\n"
    )
    assert lines("mine")[1:3] == [
        "paper of 2021: P (arXiv 2101.00001)",
        "fidelity: adapted. it mines with another model",
    ]


def test_the_yaml_reads_as_the_same_recipe(here: Path, capsys: pytest.CaptureFixture):
    for name in recipe.names():
        capsys.readouterr()
        show(name, as_yaml=True)
        Path("recipes/again.yaml").write_text(capsys.readouterr().out)
        assert recipe.read("again") == recipe.read(name)
        assert (
            yaml.safe_load(Path("recipes/again.yaml").read_text())["train"].keys()
            == Train.model_fields.keys()
        )


def test_the_source_of_a_constant_follows_it(here: Path):
    """What the recipe says wins; a default has its docstring's source; what the recipe chose and
    says nothing of is Hone's own.
    """
    Path("recipes/mine.yaml").write_text(
        "about: mine\nconstants: {retrieve.dense.depth: authors' code, train.negatives: "
        "paper}\nretrieve: [{dense: {depth: 200}}]\n"
        "sample: {filters: [labelled, positive-aware], choose: {top: {n: 7}}}\ntrain: {negatives: "
        "3}\n"
    )
    text_lines = [text.strip() for text in lines("mine")]
    assert "depth = 200 (default 100; a whole number from 1) [authors' code]" in text_lines
    assert "negatives = 3 (default 1; a whole number from 0) [paper]" in text_lines
    assert "n = 7 (default 4; a whole number from 1) [Hone default]" in text_lines
    assert "share = 0.95 (the default; a number above 0 to 1, or null) [survey]" in text_lines
