"""The generated references describe every setting, table, variable and command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel

from commands.docs import (
    command_line_page,
    environment_page,
    methods_pages,
    params_page,
    recipes_page,
    tables_page,
)
from commands.docs.settings_table import settings_of
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.config.sections.generate import GenerateRecipe
from hone.data.tables import OPTIONAL, SCHEMAS

PROJECT = Path(__file__).parent.parent.parent
READERS = ("hone", "tasks", "commands", "flows", "prefect.yaml")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def models_below(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all models that its settings contain."""
    found = {model}
    for field in model.model_fields.values():
        for inner in kinds(field.annotation):
            found |= models_below(inner)
    return found


def kinds(annotation: object) -> list[type[BaseModel]]:
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for inner in get_args(annotation) for kind in kinds(inner)]


@pytest.mark.parametrize(("page", "root"), [(params_page, Params), (recipes_page, Recipe)])
def test_every_setting_of_a_file_is_described(page: object, root: type[BaseModel]):
    assert set(page.SECTIONS.values()) == models_below(root)
    lacking = [
        f"{name}.{one.name}"
        for name, model in page.SECTIONS.items()
        for one in settings_of(model)
        if not one.means
    ]
    assert lacking == []


def test_every_setting_of_a_recipe_of_generation_is_described():
    assert set(recipes_page.GENERATION_SECTIONS.values()) == models_below(GenerateRecipe)
    assert all(
        one.means
        for model in recipes_page.GENERATION_SECTIONS.values()
        for one in settings_of(model)
    )


def test_recipes_of_generation_link_to_their_folder():
    text = recipes_page.page()
    heading = text.index("## Recipes of generation")
    assert heading < text.index("[ict](../../recipes/generate/ict.yaml)")
    assert "](../../recipes/generate/in-batch.yaml)" not in text


def test_the_pages_of_generation_have_their_methods():
    pages = {path.name: text for path, text in methods_pages.pages().items()}
    assert "## questions\n" in pages["generate.md"]
    assert "## random\n" in pages["generate-documents.md"]
    assert "## round-trip\n" in pages["generate-filters.md"]
    assert "## endpoint\n" in pages["generators.md"]


def test_a_setting_has_the_name_that_files_have_for_it():
    text = params_page.page()
    assert "| `from` | required | a text |" in text
    assert "| `start` |" not in text
    assert "### rank\n" in recipes_page.page()
    assert "| `dev_scores` | `true` |" in recipes_page.page()


def test_every_table_and_column_is_described():
    assert list(tables_page.TABLES) == list(SCHEMAS)
    for name, table in tables_page.TABLES.items():
        columns = {*SCHEMAS[name], *OPTIONAL.get(name, {})}
        assert set(table.columns) <= columns
        assert columns <= {*table.columns, *tables_page.COMMON}
    assert "| `label` | category | `positive`, `negative`" in tables_page.page()


def test_every_stage_has_its_outputs():
    text = tables_page.page()
    assert "`rounds/NAME/candidates.parquet`" in text
    assert "`reports/metrics/ROUND/COLLECTION.json`" in text
    assert "${" not in text


def test_every_variable_of_the_code_is_on_the_page():
    listed = subprocess.run(
        ["git", "grep", "-hoE", r"\bHONE_[A-Z]+[A-Z_]*\b", "--", *READERS, ":!commands/docs"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    of_code = {name.rstrip("_") for name in listed} - {"HONE_COLUMNS"}  # a constant
    page = set(re.findall(r"HONE_[A-Z_]+[A-Z]", environment_page.page()))
    assert {name.removesuffix("_PORT") for name in page} == of_code


def test_the_folder_of_hone_home_is_that_of_this_system():
    import platformdirs

    if sys.platform == "linux":
        found = platformdirs.unix.Unix("hone").user_data_dir
        assert found.endswith("/hone")
        assert ".local/share/hone" in environment_page.page()


def example() -> typer.Typer:
    app = typer.Typer()
    inner = typer.Typer(help="Work on labels.")
    app.add_typer(inner, name="labels", rich_help_panel="Improve")

    @app.command(rich_help_panel="Start")
    def look(
        path: Annotated[Path, typer.Argument(help="A folder | file.")],
        depth: Annotated[int, typer.Option(help="Ranks to show")] = 10,
        probe: Annotated[bool, typer.Option(help="Measure.")] = True,
        kind: Annotated[Literal["a", "b"], typer.Option("--kind", "-k")] = "a",
        on: Annotated[list[str] | None, typer.Option(help="beir:NAME or folder:PATH.")] = None,
        file: Annotated[Path | None, typer.Option(help="verdicts.csv, if any. [none]")] = None,
        text: Annotated[str, typer.Option(help="a text")] = "",
    ) -> None:
        """Look at
        a folder.
        """

    @app.command(hidden=True)
    def secret() -> None:
        """Not shown."""

    @inner.command()
    def create(names: list[str], json: Annotated[bool, typer.Option("--json")] = False) -> None:
        """Create labels."""

    return app


def test_a_command_has_its_panel_arguments_options_and_defaults():
    text = command_line_page.format_page(typer.main.get_command(example()))
    assert "| Start | [look](#hone-look) |" in text
    assert "| Improve | [labels](#hone-labels) |" in text
    assert "### hone look\n\nLook at a folder.\n\n    hone look [OPTIONS] PATH\n" in text
    assert "| `PATH` | required | A folder \\| file. |" in text
    assert "| `--depth NUMBER` | `10` | Ranks to show. |" in text
    assert "| `--probe, --no-probe` | `--probe` | Measure. |" in text
    assert "| `--kind, -k a\\|b` | `a` |  |" in text
    assert "| `--on TEXT ...` |  | beir:NAME or folder:PATH. |" in text
    assert "| `--file PATH` |  | verdicts.csv, if any. [none] |" in text
    assert "| `--text TEXT` |  | A text. |" in text
    assert "### hone labels create" in text
    assert "    hone labels create [OPTIONS] NAMES...\n" in text
    assert "| `--json` |  |  |" in text
    assert "secret" not in text


def test_every_command_is_on_the_page():
    from commands.__main__ import app

    text = command_line_page.page()
    for name in typer.main.get_command(app).commands:
        assert f"### hone {name}\n" in text


def test_an_introduction_that_is_written_by_hand_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "methods"
    folder.mkdir()
    monkeypatch.setattr(methods_pages, "FOLDER", folder)
    written = f"{methods_pages.INTRODUCTION}\n\nBy hand.\n\n{methods_pages.END}"
    (folder / "sources.md").write_text(f"old\n\n{written}\n\nold\n")
    made = methods_pages.page("retrieve")
    assert made.count("By hand.") == 1
    (folder / "sources.md").write_text(made)
    assert methods_pages.page("retrieve") == made
    assert "By hand." not in methods_pages.page("score")
