"""The list of recipes: groups, years, rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.recipes import catalogue, show
from commands.recipes.command import list_all
from hone.config import params
from hone.errors import Refused
from tests.prepared import write_params


@pytest.mark.parametrize(
    ("paper", "year", "title"),
    [
        ("RLHN (arXiv 2505.16967), its arm 'remove'", "2025", "RLHN"),
        ("DPR, in-batch negatives (arXiv 2004.04906); of ANCE (arXiv 2007.00808)", "2020", "DPR"),
        ("BM25 (Robertson and Zaragoza 2009)", "2009", "BM25"),
        ("Event-driven retrieval (abstract only)", "", "Event-driven retrieval"),
        ("ours; nobody has published it in 2020", "2020", ""),
        (None, "", ""),
    ],
)
def test_year_and_title_of_a_paper(paper: str | None, year: str, title: str):
    assert (catalogue.year(paper), catalogue.title(paper)) == (year, title)


def test_groups_come_in_their_order_with_the_rounds_that_use_them(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(
        rounds={"r1": {"from": "r0", "recipe": "top-k"}, "r2": {"from": "r1", "recipe": "mine"}}
    )
    Path("recipes/mine.yaml").write_text("about: mine alone\n")
    Path("recipes/spoilt.yaml").write_text("abuot: spoilt\n")
    found = {row.name: row for row in catalogue.rows(params.read())}
    assert (found["top-k"].group, found["top-k"].rounds) == ("controls", ["r1"])
    assert (found["ance"].group, found["ance"].rounds) == ("published", [])
    assert (found["mine"].group, found["mine"].rounds) == ("own", ["r2"])
    assert found["spoilt"].group == "wrong"
    list_all()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")][:-1] == list(
        catalogue.GROUPS.values()
    )
    assert len(lines) == len(catalogue.GROUPS) + len(found) + 1  # one line each
    spoilt = next(line for line in lines if line.startswith("  spoilt"))
    assert "did you mean 'about'?" in spoilt


def test_an_unknown_recipe_is_refused_with_the_nearest_name(workspace: Path):
    write_params()
    with pytest.raises(
        Refused,
        match="Recipe 'anse' does not exist in recipes/ or recipes/generate/: did you mean 'ance'",
    ):
        show.show("anse")


def test_what_cannot_run_as_shipped_is_marked_with_what_it_needs(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(judges={"guide": {"encoder": {"to": "positives", "model": "r0"}}})
    found = {row.name: list(row.needs) for row in catalogue.rows(params.read())}
    assert found["rlhn"] == ["judge `cheap` in params.yaml", "judge `strong` in params.yaml"]
    assert found["teacher-distil-encoder"] == ["model inputs/teacher"]
    assert found["tripclick"] == ["file inputs/clicks.csv"]
    assert found["coder"] == ["metadata column `name`"]
    assert found["apollo"] == ["chunks with a `parent_id`"]
    assert [found[name] for name in ("top-k", "in-batch", "guide", "guide-confirmed", "ance")] == [
        []
    ] * 5  # an optional judge is no need
    list_all()
    assert (
        "[needs judge `cheap` in params.yaml, judge `strong` in params.yaml] "
        in capsys.readouterr().out
    )
    write_params(judges={name: {"encoder": {"model": "r0"}} for name in ("cheap", "strong")})
    assert catalogue.row("rlhn", params.read()).needs == ()
