"""The first figure of the page: rounds with intervals, controls apart, the base model as a band."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from hone.compare.contrast import Score, score_rounds
from tasks.report.progression import draw_progression, find_controls, place_rounds
from tests.report.made_up import ROUNDS, TEST, write_all, write_round, write_scores
from tests.stages import report

CONTROLLED = ROUNDS | {"control": {"from": "r1", "recipe": "in-batch"}}
OF_CONTROL = [0.5, 0.5, 0.5, 0.5]


def scores(collections: tuple[str, ...] = ("made-up",)) -> list[Score]:
    write_all(collections)
    for collection in collections:
        write_scores("control", collection, OF_CONTROL, [0.5, 0.5])
    return score_rounds(CONTROLLED, ["r0", "bm25"], list(collections), 13)


def points(figure: dict) -> list[dict]:
    return [one for one in figure["data"] if one["mode"] == "markers"]


def test_controls_follow_the_other_rounds_after_a_gap():
    assert find_controls(CONTROLLED) == ["control"]
    assert find_controls(ROUNDS) == []
    assert place_rounds(CONTROLLED, ["control"]) == {"r1": 0, "r2": 1, "r3": 2, "control": 3.5}
    assert place_rounds({"control": {}}, ["control"]) == {"control": 0}


def test_every_round_has_its_score_and_interval_and_the_control_is_hollow(workspace: Path):
    found = scores()
    rounds, controls = points(draw_progression(found, CONTROLLED, "r0"))
    assert (rounds["x"], rounds["y"]) == ([0, 1, 2], [sum(TEST[name]) / 4 for name in ROUNDS])
    own = {one.name: one.own for one in found}
    assert rounds["error_y"]["array"][1] == own["r2"].high - own["r2"].mean
    assert rounds["error_y"]["arrayminus"][1] == own["r2"].mean - own["r2"].low
    assert (controls["x"], controls["y"]) == ([3.5], [0.5])
    assert rounds["marker"]["symbol"] == "circle"
    assert controls["marker"]["symbol"] == "circle-open"


def test_the_base_model_is_a_band_from_the_lower_to_the_upper_limit(workspace: Path):
    found = scores()
    band, mean = draw_progression(found, CONTROLLED, "r0")["data"][:2]
    own = next(one.own for one in found if one.name == "r0")
    assert band["fill"] == "toself"
    assert set(band["y"]) == {own.low, own.high}
    assert (min(band["x"]), max(band["x"])) == (-0.5, 4.0)  # the whole width
    assert mean["y"] == [0.5, 0.5]
    assert mean["text"][0].strip() == "r0 0.500"


def test_references_other_than_the_base_model_are_not_drawn(workspace: Path):
    figure = draw_progression(scores(), CONTROLLED, "r0")
    assert "bm25" not in json.dumps(figure)
    assert figure["layout"]["xaxis"]["ticktext"] == [
        "r1<br>0.625",
        "r2<br>0.750",
        "r3<br>0.875",
        "control<br>0.500",
    ]


def test_the_lines_go_from_each_round_to_the_next_and_not_to_the_control(workspace: Path):
    figure = draw_progression(scores(), CONTROLLED, "r0")
    lines = next(one for one in figure["data"] if one.get("line", {}).get("dash") == "dot")
    assert lines["x"] == [0, 1, None, 1, 2, None]
    assert lines["y"] == [0.625, 0.75, None, 0.75, 0.875, None]


def test_collections_stand_side_by_side_with_a_legend(workspace: Path):
    figure = draw_progression(scores(("one", "two")), CONTROLLED, "r0")
    first, _, second, _ = points(figure)
    assert first["x"][0] < 0 < second["x"][0]
    assert figure["layout"]["showlegend"]
    assert [one["name"] for one in points(figure)] == ["one", "one, control", "two", "two, control"]


def test_names_are_no_markup_for_plotly(workspace: Path):
    rounds = {"<b>x": {"from": "r0", "recipe": "warm-up"}}
    write_all()
    write_scores("<b>x", "made-up", [0.5] * 4, [0.5, 0.5])
    found = score_rounds(rounds, ["r0"], ["made-up"], 13)
    assert "<b>x" not in json.dumps(draw_progression(found, rounds, "r0"))


@pytest.fixture
def page(workspace: Path) -> str:
    recipes = {name: {"about": "what it does", "paper": None} for name in CONTROLLED}
    write_all(rounds=CONTROLLED, recipes=recipes)
    write_scores("control", "made-up", OF_CONTROL, [0.5, 0.5])
    write_round("control")
    report()
    return Path("reports/index.html").read_text(encoding="utf-8")


def test_the_figure_stands_before_any_table_and_the_parts_beside_it(page: str):
    body = page.partition("<main>")[2].partition("</main>")[0]
    assert (
        0
        < body.index('data-figure="progression"')
        < body.index("Gain by part")
        < body.index("<table")
    )
    assert len(re.findall("data-figure", body.partition("<table")[0])) == 1
    assert "training 0.000 (" in body
    assert "; control minus r0" in body
    assert "mining +0.250 (" in body
    assert "judging not known: no round has judges." in body
    assert "Hollow: control, trained without mined negatives." in body


def test_the_parts_are_exported_and_in_the_verdict(page: str):
    found = pl.read_parquet("reports/tables/parts.parquet")
    assert found.select("part", "name", "other", "difference").rows() == [
        ("training", "control", "r0", 0.0),
        ("mining", "r2", "control", 0.25),
        ("judging", None, None, None),
    ]
    lines = json.loads(Path("reports/verdict.json").read_text())["lines"]
    assert len(lines) == 6
    assert lines[2].startswith("Parts: training 0.000 (")
    contrasts = pl.read_parquet("reports/tables/contrasts.parquet").filter(pl.col("name") == "r2")
    assert contrasts["other"].to_list() == ["r0", "r1", "control"]
