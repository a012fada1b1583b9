"""The page's figures as tables and as a model card: the same figures, and no text that becomes
markup.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.export import export_model
from hone.compare.contrast import score_rounds
from hone.errors import Refused
from hone.files import read_json, write_json
from tests.report.made_up import ROUNDS, write_all
from tests.stages import report
from tests.tiny_model import tiny_model


@pytest.fixture
def made(workspace: Path) -> Path:
    write_all()
    report()
    return workspace / "reports"


def table(name: str) -> pl.DataFrame:
    return pl.read_parquet(f"reports/tables/{name}.parquet")


def test_tables_hold_what_the_page_was_made_of(made: Path):
    scores = table("scores")
    assert scores.select("name", "ndcg_at_10").rows() == [
        ("bm25", 0.25),
        ("r0", 0.5),
        ("r1", 0.625),
        ("r2", 0.75),
        ("r3", 0.875),
    ]
    found = {
        (one.name, against.other): against
        for one in score_rounds(ROUNDS, ["r0", "bm25"], ["made-up"], 13)
        for against in (one.base, one.start)
        if against
    }
    rows = {(row["name"], row["other"]): row for row in table("contrasts").to_dicts()}
    assert rows.keys() == found.keys()
    for key, against in found.items():
        assert (rows[key]["difference"], rows[key]["low"], rows[key]["p"]) == (
            against.difference.mean,
            against.difference.low,
            against.p,
        )
    assert table("negatives").rows() == [("r2", 2, 1, 0.5), ("r3", 4, 0, 0.0)]
    assert set(table("holes")["name"]) == {"bm25", "r0", *ROUNDS}


def test_tables_of_vectors_mteb_and_all_collections(workspace: Path):
    write_all(("first", "second"))
    file = Path("reports/metrics/r1/second.json")
    write_json(file, read_json(file) | {"mteb": {"map_at_1000": 0.25}})
    report()
    assert table("mteb").rows() == [("second", "r1", "map_at_1000", 0.25)]
    assert set(table("vectors").select("collection", "name").rows()) == {
        (one, name) for one in ("first", "second") for name in ("r0", *ROUNDS)
    }
    assert table("overall").select("name", "mean_ndcg_at_10").rows()[-1] == ("r3", 0.875)
    assert "## Scores by mteb's own scorer" in Path("reports/cards/r1.md").read_text()


def test_markdown_has_every_table_with_its_file(made: Path):
    text = (made / "report.md").read_text()
    assert text.startswith(
        "# Results of the rounds\n\nRound r2 is not significantly different from r0"
    )
    for file in (made / "tables").glob("*.parquet"):
        assert f"From `reports/tables/{file.name}`." in text
    assert "| r2 | made-up | test | 4 | 0.7500 |" in text


def test_a_card_speaks_of_its_round_and_those_it_comes_from(made: Path):
    text = (made / "cards" / "r2.md").read_text()
    header, body = text.removeprefix("---\n").split("\n---\n", 1)
    about = dict(line.split(": ", 1) for line in header.splitlines())
    [result] = json.loads(about["model-index"])[0]["results"]
    assert {one["type"]: one["value"] for one in result["metrics"]}["ndcg_at_10"] == 0.75
    assert "- r1: from r0, recipe warm-up.\n- r2: from r1, recipe mining.\n" in body
    assert "r3" not in body
    assert "Round r2 is not significantly different from r0" in body
    assert "### r1\n\n```json" in body


def test_a_model_leaves_with_its_card(made: Path, workspace: Path):
    tiny_model(workspace / "models" / "r2")
    export_model("r2", Path("mine"))
    assert (workspace / "mine" / "model.safetensors").read_bytes() == (
        workspace / "models" / "r2" / "model.safetensors"
    ).read_bytes()
    card = (workspace / "mine" / "README.md").read_text()
    assert card == (made / "cards" / "r2.md").read_text().replace("models/r2", "mine")
    with pytest.raises(Refused, match="mine already exists"):
        export_model("r2", Path("mine"))
    export_model("r2", Path("a/b/c"))
    assert 'SentenceTransformer("a/b/c")' in (workspace / "a" / "b" / "c" / "README.md").read_text()


def test_what_cannot_leave(made: Path, workspace: Path):
    tiny_model(workspace / "models" / "r0")
    with pytest.raises(Refused, match="models/r9 is not a trained model"):
        export_model("r9", Path("mine"))
    with pytest.raises(Refused, match=r"reports/cards/r0\.md is missing"):
        export_model("r0", Path("mine"))
    assert not Path("mine").exists()
    tiny_model(workspace / "models" / "r2")
    for folder in (
        "models/r2/sub",
        "models/r2-mine",
        "rounds/mine",
        "data/mine",
        "reports/../models/mine",
    ):
        with pytest.raises(Refused, match="which DVC manages"):
            export_model("r2", Path(folder))
        assert not Path(folder).exists()
    Path("file").write_text("x")
    with pytest.raises(Refused, match="Cannot create file/mine: .*file is a file"):
        export_model("r2", Path("file/mine"))
