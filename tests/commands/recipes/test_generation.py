"""Recipes of generation: in the list, described, and checked."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands.recipes import catalogue, show, validate
from commands.recipes.command import list_all
from commands.recipes.generation_text import describe_generation
from hone.config import docstrings, generate_recipe, methods, params
from hone.errors import Refused
from tests.prepared import COLLECTION, write_params

LOCAL = {"local": {"local": {}}}
ENDPOINT = {"endpoint": {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m"}}}
TITLES = {"ours": COLLECTION | {"generate": {"recipe": "titles", "dev": 0}}}


def lines(name: str, columns: int = 110) -> list[str]:
    return list(describe_generation(name, params.read(), columns))


def test_they_are_a_group_of_their_own_with_the_collections_that_use_them(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(collections=TITLES)
    Path("recipes/generate/spoilt.yaml").write_text("about: spoilt\nmethods: [tilets]\n")
    found = {row.name: row for row in catalogue.rows(params.read())}
    assert (found["titles"].group, found["titles"].rounds) == ("generation", ["ours"])
    assert (found["ict"].group, found["ict"].rounds) == ("generation", [])
    assert found["questions"].needs == ("generator `local` in params.yaml",)
    assert found["ict"].needs == ()
    assert found["spoilt"].group == "wrong"
    list_all()
    printed = capsys.readouterr().out
    assert printed.index("Recipes of generation") < printed.index("\n  ict ")
    assert "did you mean 'titles'?" in printed


def test_a_defined_generator_is_not_needed(workspace: Path):
    write_params(generators=LOCAL)
    assert catalogue.generation_row("questions", params.read()).needs == ()


def test_every_parameter_of_every_recipe_is_described(workspace: Path):
    write_params(generators=LOCAL)
    for name in generate_recipe.names():
        found = generate_recipe.check(generate_recipe.FOLDER / f"{name}.yaml")
        described = [text.strip() for text in lines(name)]
        for place, line in generate_recipe.lines_of(found):
            for setting in docstrings.of_method(methods.find(place, line["method"])):
                assert any(text.startswith(f"{setting.name} = ") for text in described)


def test_it_names_its_folder_its_users_and_the_source_of_constants(workspace: Path):
    write_params(collections=TITLES, generators=ENDPOINT)
    page = "\n".join(lines("ict"))
    assert "(recipes/generate/ict.yaml), for `generate: ict` of a collection" in page
    assert "used by: no collection of params.yaml" in page
    assert "keep = 0.1 (the default; a number from 0 to 1) [paper]" in page
    assert "generator:" not in page  # no model writes
    assert "used by: ours" in "\n".join(lines("titles"))
    assert "endpoint (endpoint of params.yaml): " in "\n".join(lines("questions"))


def test_a_generator_that_cannot_be_used_is_named_with_the_reason(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MY_KEY", raising=False)
    endpoint = {"endpoint": ENDPOINT["endpoint"]["endpoint"] | {"key": "MY_KEY"}}
    write_params(generators={"endpoint": endpoint})
    assert "not usable yet: the environment variable MY_KEY" in " ".join(lines("questions", 400))
    write_params()
    assert "unavailable: " in "\n".join(lines("questions", 400))


def test_show_finds_both_kinds_and_prefers_rounds(workspace: Path, capsys: pytest.CaptureFixture):
    write_params()
    show.show("titles")
    assert "A recipe of generation" in capsys.readouterr().out
    Path("recipes/titles.yaml").write_text("about: a round's own\n")
    show.show("titles")
    printed = capsys.readouterr().out
    assert printed.startswith("titles: a round's own")
    assert "`hone recipes show generate/titles`" in printed
    show.show("generate/titles")
    assert "A recipe of generation" in capsys.readouterr().out
    with pytest.raises(Refused, match="did you mean 'questions'"):
        show.show("qestions")


def test_the_yaml_reads_as_the_same_recipe(workspace: Path, capsys: pytest.CaptureFixture):
    write_params()
    folder = generate_recipe.FOLDER
    for name in generate_recipe.names():
        capsys.readouterr()
        show.show(f"generate/{name}", as_yaml=True)
        Path(folder / "again.yaml").write_text(capsys.readouterr().out)
        again = generate_recipe.check(folder / "again.yaml")
        assert again == generate_recipe.check(folder / f"{name}.yaml")
        assert yaml.safe_load(Path(folder / "again.yaml").read_text())["filters"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "about: x\nmethods: [qestions]\n",
            "line 2: methods: 'qestions' is not a method of generate: did you mean 'questions'?",
        ),
        (
            "about: x\nmethods: [ict]\nfilters: [{length: {shortst: 1}}]\n",
            "line 3: filters: length: 'shortst' is not a setting: did you mean 'shortest'?",
        ),
        ("about: x\nmethods: []\n", "line 2: 'methods' is []"),
        ("about: x\nmethods: [ict]\nfilter: [length]\n", "did you mean 'filters'?"),
        ("- about\n", "is not a mapping of settings"),
    ],
)
def test_mistakes_have_file_line_and_fix(
    workspace: Path, capsys: pytest.CaptureFixture, text: str, sentence: str
):
    write_params()
    file = Path("recipes/generate/mine.yaml")
    file.write_text(text)
    assert not validate.check("recipes/generate/mine.yaml")
    printed = capsys.readouterr().out
    assert printed.startswith("wrong recipes/generate/mine.yaml")
    assert sentence in printed


def test_broken_utf8_is_one_mistake_of_a_recipe(workspace: Path, capsys: pytest.CaptureFixture):
    write_params()
    Path("recipes/generate/mine.yaml").write_bytes(b"about: \xff\nmethods: [ict]\n")
    assert not validate.check("generate/mine")
    assert "wrong recipes/generate/mine.yaml" in capsys.readouterr().out


def test_a_file_elsewhere_with_methods_is_a_recipe_of_generation(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params()
    Path("inputs/mine.yaml").write_text("about: x\nmethods: [ict]\n")
    assert validate.check("inputs/mine.yaml")
    assert capsys.readouterr().out == "ok    inputs/mine.yaml\n"


def test_what_is_missing_is_an_error_only_for_a_recipe_that_is_named(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params()
    assert not validate.check("questions")
    assert "needs recipes/generate/questions.yaml: " in capsys.readouterr().out
    assert validate.check(None)
    printed = capsys.readouterr().out
    assert "needs recipes/generate/questions.yaml: " in printed
    assert "ok    recipes/generate/ict.yaml" in printed


def test_the_generation_of_a_collection_is_checked_with_its_changes(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(collections=TITLES)
    assert validate.check(None)
    assert "ok    collection ours: recipes/generate/titles.yaml with changes" in (
        capsys.readouterr().out
    )
    wrong = {"ours": COLLECTION | {"generate": {"recipe": "titles", "filters": ["lenth"]}}}
    write_params(collections=wrong)
    assert not validate.check(None)
    assert "wrong collection ours: params.yaml, line" in capsys.readouterr().out


def test_a_file_that_clicks_need_is_named(workspace: Path):
    write_params()
    Path("recipes/generate/mine.yaml").write_text(
        "about: x\nmethods: [ict]\ndocuments: {clicks: {file: inputs/clicks.csv, count: 3}}\n"
    )
    row = catalogue.generation_row("mine", params.read())
    assert row.needs == ("file inputs/clicks.csv",)
