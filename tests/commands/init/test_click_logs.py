"""`hone init` on folders with a click log or events of OpenSearch."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from commands.audit.collections import read as read_for_audit
from commands.init.command import init
from commands.init.inventory import inventory
from hone.config import params
from hone.errors import Refused
from hone.files import read_json
from tests.collect.click_logs import row, shown, write_documents, write_log
from tests.collect.test_click_events import CLICKS, SEARCHES, write_ubi
from tests.prepared import PROJECT
from tests.stages import collect, resolve

FOLDER = Path("inputs/ours")


@pytest.fixture
def checkout(workspace: Path) -> Path:
    """A folder with the recipes and the shipped params.yaml."""
    shutil.copytree(PROJECT / "recipes", "recipes")
    shutil.copy(PROJECT / "params.yaml", "params.yaml")
    return workspace


def log(first: int = 1) -> list[dict]:
    """120 queries with one clicked document each."""
    return [
        one
        for number in range(120)
        for one in (
            *shown(f"why is {number * 7919:x} so slow", f"d{number % 6 + 1}", first, 10, 6),
            *shown(
                f"why is {number * 7919:x} so slow", f"d{(number + 1) % 6 + 1}", first + 1, 10, 0
            ),
        )
    ]


def test_a_click_log_becomes_a_params_file_that_the_stages_accept(
    checkout: Path, capsys: pytest.CaptureFixture[str]
):
    write_log(FOLDER, [*log(), row("mail of bob@example.com", "d1", 1, 0)], "clicks.csv")
    init(None)
    told = capsys.readouterr().out
    assert "click log" in told
    assert "query, doc_id, position, clicked" in told
    assert "2,401 impressions and 720 clicks of 121 queries; labels: grade 3: 120" in told
    given = params.read().collections["ours"]
    assert (given.source, given.path, given.options) == ("clicks", "inputs/ours", {})
    assert "{model: position-based}" in Path("params.yaml").read_text()
    resolve()
    collect("ours")
    about = read_json(Path("data/ours/about.json"))
    counts = [about[name]["queries"] for name in ("train", "dev", "test")]
    assert min(counts[1:]) >= 30
    for file in Path("data/ours").rglob("*.parquet"):
        assert "bob@" not in str(pl.read_parquet(file).rows())


def test_options_that_the_log_needs_are_set(checkout: Path, capsys: pytest.CaptureFixture[str]):
    write_log(FOLDER, log(first=0), "my searches: all.csv")
    init(None)
    told = capsys.readouterr().out
    assert (
        'Set options: {log: "my searches: all.csv", first_position: 0}, because the name of the '
        "click log; the positions of the log start at 0." in told
    )
    given = params.read().collections["ours"]
    assert given.options == {"log": "my searches: all.csv", "first_position": 0}
    resolve()
    collect("ours")
    assert read_json(Path("data/ours/about.json"))["removed_rows"] == 0


def test_events_of_opensearch(checkout: Path, capsys: pytest.CaptureFixture[str]):
    searches = [
        one | {"user_query": f"why is {number % 25 * 7919:x} so slow", "query_id": f"s{number}"}
        for number, one in enumerate(SEARCHES * 10)
    ]
    clicks = [CLICKS[0] | {"query_id": f"s{number}"} for number in range(400)]
    write_ubi(FOLDER, clicks, searches)
    init(None)
    told = capsys.readouterr().out
    assert "UBI events" in told
    assert "UBI searches" in told
    assert params.read().collections["ours"].source == "clicks"
    assert "1,500 impressions and 400 clicks of 25 queries" in told


def test_labels_take_precedence_over_a_click_log(checkout: Path):
    write_log(FOLDER, log(), "clicks.csv")
    texts = [f"why is {number * 7919:x} so slow" for number in range(60)]
    queries = pl.DataFrame({"query_id": [str(place) for place in range(60)], "text": texts})
    queries.write_csv(FOLDER / "queries.csv")
    queries.select("query_id", doc_id=pl.lit("d1")).write_csv(FOLDER / "qrels.csv")
    init(None)
    assert params.read().collections["ours"].source == "folder"


def test_a_log_without_documents_or_queries_is_refused(checkout: Path):
    before = Path("params.yaml").read_bytes()
    write_log(FOLDER, log(), "clicks.csv")
    (FOLDER / "documents.jsonl").unlink()
    with pytest.raises(Refused, match=r"no documents\. Add documents\.csv"):
        init(None)
    write_documents(FOLDER)
    pl.read_csv(FOLDER / "clicks.csv").rename({"query": "query_id"}).write_csv(
        FOLDER / "clicks.csv"
    )
    with pytest.raises(Refused, match="the click log has query_id and no query"):
        init(None)
    assert Path("params.yaml").read_bytes() == before


def test_a_log_is_counted_without_reading_it_whole(tmp_path: Path):
    write_log(tmp_path, log(), "clicks.parquet")
    write_log(tmp_path, log(), "clicks.ndjson")
    write_log(tmp_path, log(), "more.csv")
    (tmp_path / "notes.ndjson").write_text('{"a": 1}\n')
    found = {entry.name: entry for entry in inventory(tmp_path)}
    for name in ("clicks.parquet", "clicks.ndjson", "more.csv"):
        assert (found[name].kind, found[name].rows) == ("click log", 2_400)
        assert found[name].used == ("query", "doc_id", "position", "clicked")
    assert "not a click log" in found["notes.ndjson"].problem


def test_the_audit_reads_a_folder_that_params_yaml_declares(checkout: Path):
    write_log(FOLDER, log(), "clicks.csv")
    init(None)
    found = read_for_audit(str(FOLDER))
    assert len(found.queries) == 120
    assert len(found.documents) == 6
