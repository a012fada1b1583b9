"""`source: clicks`: labels, weights, splits and personal data of a click log."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hone.config import methods
from hone.config.params import Split
from hone.data import tables
from hone.errors import Refused
from hone.files import read_json
from hone.stats.proportions import wilson
from tasks.collect.click_rows import REASONS, PositionsFromZero
from tests.collect.click_logs import (
    ids,
    labels,
    read,
    row,
    rules,
    shown,
    write_documents,
    write_log,
)
from tests.prepared import collected, write_params
from tests.stages import base, start

LOG = [
    *shown("red shoes", "d1", 1, 100, 50),  # lower bound 0.404
    *shown("red shoes", "d2", 2, 100, 30),  # 0.219
    *shown("red shoes", "d3", 3, 100, 10),  # 0.055
    *shown("red shoes", "d4", 4, 100, 0),
    *shown("blue hat", "d5", 1, 4, 4),  # too few impressions
    *shown("blue hat", "d6", 2, 10, 1),  # too few clicks
    *shown("green sock", "d1", 1, 10, 0),
]


def test_grades_are_the_thresholds_that_the_lower_bound_reaches(tmp_path: Path):
    write_log(tmp_path, LOG)
    found = read(tmp_path)
    assert labels(found) == {
        ("red shoes", "d1"): 3,
        ("red shoes", "d2"): 2,
        ("red shoes", "d3"): 1,
    }
    assert found.qrels["source"].unique().to_list() == ["clicks"]
    assert labels(read(tmp_path, grades=[0.5])) == {}
    assert ("blue hat", "d6") not in labels(read(tmp_path, grades=[0.01]))
    assert ("blue hat", "d5") not in labels(read(tmp_path, min_clicks=1))
    assert labels(read(tmp_path, min_clicks=1, min_impressions=1, grades=[0.01])) == {
        ("red shoes", "d1"): 1,
        ("red shoes", "d2"): 1,
        ("red shoes", "d3"): 1,
        ("blue hat", "d5"): 1,
        ("blue hat", "d6"): 1,
    }


def test_all_pairs_are_in_the_table_of_clicks(tmp_path: Path):
    write_log(tmp_path, LOG)
    found = read(tmp_path)
    pairs = {
        (query, doc): rest
        for query, doc, *rest in found.clicks.select(
            "query_id", "doc_id", "impressions", "clicks", "position", "low", "relevance"
        ).rows()
    }
    assert len(pairs) == 7
    shoes = ids(found)["red shoes"]
    assert pairs[shoes, "d2"] == [100, 30, 2.0, pytest.approx(wilson(30, 100)[0]), 2]
    assert pairs[shoes, "d4"][-1] is None


def test_queries_without_a_label_stay(tmp_path: Path):
    write_log(tmp_path, [*LOG, row("nothing found", None, None, 0)])
    found = read(tmp_path)
    assert set(ids(found)) == {"red shoes", "blue hat", "green sock", "nothing found"}
    traffic = dict(found.traffic.rows())
    assert traffic[ids(found)["nothing found"]] == 1
    assert traffic[ids(found)["red shoes"]] == 100
    assert traffic[ids(found)["blue hat"]] == 10


def test_weights_are_lower_bound_by_rate(tmp_path: Path):
    write_log(tmp_path, LOG)
    weights = dict(read(tmp_path).qrels.select("doc_id", "weight").rows())
    assert weights["d1"] == pytest.approx(wilson(50, 100)[0] / 0.5)
    assert weights["d3"] == pytest.approx(wilson(10, 100)[0] / 0.1)
    assert set(read(tmp_path, weights="equal").qrels["weight"]) == {1.0}


def test_negatives_are_pairs_whose_upper_bound_is_low(tmp_path: Path):
    """0 of 100 clicks has the upper bound 0.037, and 0 of 10 has 0.28."""
    write_log(tmp_path, LOG)
    found = read(tmp_path, negative_below=0.04)
    assert labels(found)["red shoes", "d4"] == 0
    assert ("green sock", "d1") not in labels(found)
    assert found.qrels.filter(pl.col("relevance") == 0)["weight"].to_list() == [1.0]


def test_spellings_of_a_query_are_one_query(tmp_path: Path):
    log = [
        *shown("Red  Shoes!", "d1", 1, 5, 3),
        *shown("red shoes", "d1", 1, 10, 6),
        *shown("RED SHOES", "d1", 1, 5, 3),
    ]
    write_log(tmp_path, log)
    found = read(tmp_path)
    assert list(ids(found)) == ["red shoes"]
    assert found.clicks.select("impressions", "clicks").row(0) == (20, 12)


@pytest.mark.parametrize(
    "name", ["clicks.csv", "clicks.parquet", "clicks.ndjson", "clicks/a.jsonl"]
)
def test_every_format_gives_the_same(tmp_path: Path, name: str):
    log = [
        *LOG,
        row("red shoes", "d1", -1, 0),
        row("red shoes", "d1", 1.5, 0),
        row("red shoes", "d9", 1, 1),
        row("red shoes", "d1", 1, 2),
        row(None, "d1", 1, 0),
        row("red shoes", None, None, 0),
    ]
    log = [one | {"time": "2026-01-02T00:00:00Z"} for one in log]
    write_log(tmp_path / "one", log)
    write_log(tmp_path / "two", log, name)
    first, second = (read(tmp_path / part) for part in ("one", "two"))
    for table in ("queries", "qrels"):
        one, other = (getattr(source, table).drop("file") for source in (first, second))
        assert one.equals(other)
    for table in ("removed", "clicks", "traffic"):
        assert getattr(first, table).equals(getattr(second, table))
    assert first.counts == second.counts


def test_a_log_in_several_files_is_one_log(tmp_path: Path):
    write_log(tmp_path / "one", LOG)
    write_log(tmp_path / "two", LOG[:150], "clicks-2026-01.csv")
    write_log(tmp_path / "two", LOG[150:], "clicks-2026-02.parquet")
    assert read(tmp_path / "one").clicks.equals(read(tmp_path / "two").clicks)


def test_query_ids_with_a_queries_file(tmp_path: Path):
    log = [
        {"query_id": "7", **{key: one[key] for key in ("doc_id", "position", "clicked")}}
        for one in LOG[:100]
    ]
    write_log(tmp_path, [*log, {"query_id": "8", "doc_id": "d1", "position": 1, "clicked": 0}])
    with pytest.raises(Refused, match="has no queries file"):
        read(tmp_path)
    (tmp_path / "queries.csv").write_text("query_id,text\n7,red shoes\n")
    found = read(tmp_path)
    assert labels(found) == {("red shoes", "d1"): 3}
    assert rules(found) == {"query": 1}


# What is removed


BROKEN = {
    "query": row("", "d1", 1, 1),
    "long-query": row("word " * 200, "d1", 1, 1),
    "personal": row("bob@example.com", "d1", 1, 1),
    "clicked": row("red shoes", "d1", 1, 2),
    "document": row("red shoes", "", 1, 1),
    "unknown-document": row("red shoes", "d9", 1, 1),
    "position": row("red shoes", "d1", -3, 1),
}


def test_each_broken_row_has_its_reason(tmp_path: Path):
    write_log(tmp_path, [*LOG, *BROKEN.values(), row("red shoes", "d1", 2.5, 0)])
    found = read(tmp_path)
    assert rules(found) == dict.fromkeys(BROKEN, 1) | {"position": 2}
    assert labels(found) == labels_of_log(tmp_path / "clean")
    details = dict(found.removed.select("rule", "detail").rows())
    assert details["unknown-document"] == (
        "the document is not in the collection (rows: 1, clicks: 1)"
    )
    assert found.counts["removed_rows"] == 8
    assert found.counts["log_rows"] == len(LOG) + 8


def labels_of_log(folder: Path) -> dict[tuple[str, str], int]:
    write_log(folder, LOG)
    return labels(read(folder))


def test_a_click_without_an_impression_counts_as_one(tmp_path: Path):
    write_log(tmp_path, [*shown("red shoes", "d1", 1, 9, 4), row("red shoes", "d1", None, 1)])
    found = read(tmp_path)
    assert found.clicks.select("impressions", "clicks").row(0) == (10, 5)
    assert found.counts["lone_clicks"] == 1


def test_without_positions_only_the_counts_work(tmp_path: Path):
    log = [{key: one[key] for key in ("query", "doc_id", "clicked")} for one in LOG]
    write_log(tmp_path, log)
    assert labels(read(tmp_path)) == labels_of_log(tmp_path / "other")
    found = read(tmp_path, model="position-based")
    assert rules(found) == {"no-position": len(LOG)}


def test_positions_from_zero(tmp_path: Path):
    log = [one | {"position": one["position"] - 1} for one in LOG]
    write_log(tmp_path, log)
    with pytest.raises(PositionsFromZero, match=r"Set `options: \{first_position: 0\}`"):
        read(tmp_path)
    found = read(tmp_path, first_position=0)
    write_log(tmp_path / "one", LOG)
    assert found.clicks.equals(read(tmp_path / "one").clicks)


def test_a_session_with_too_many_rows_is_removed(tmp_path: Path):
    people = [one | {"session": f"s{place % 50}"} for place, one in enumerate(LOG)]
    crawler = shown("red shoes", "d4", 4, 60, 60, session="bot")
    write_log(tmp_path, [*people, *crawler, row("red shoes", "d4", 4, 1)])
    assert ("red shoes", "d4") in labels(read(tmp_path))
    found = read(tmp_path, max_session=20)
    assert rules(found) == {"session": 60}
    assert ("red shoes", "d4") not in labels(found)


def test_short_clicks_are_impressions(tmp_path: Path):
    log = [
        *shown("red shoes", "d1", 1, 10, 10, dwell=5),
        *shown("red shoes", "d1", 1, 10, 10, dwell=60),
        *shown("red shoes", "d1", 1, 10, 10, dwell=None),
    ]
    write_log(tmp_path, log)
    found = read(tmp_path, min_dwell=30)
    assert found.clicks.select("impressions", "clicks").row(0) == (30, 20)
    assert found.counts["short_clicks"] == 10
    assert read(tmp_path).clicks["clicks"].to_list() == [30]


ANY_ROW = st.fixed_dictionaries(
    {
        "query": st.sampled_from(
            ["a b", "A  b", "c", "", None, "x@y.de", "!", "c 1234567", "l" * 600]
        ),
        "doc_id": st.sampled_from(["d1", "d2", "d9", "", None, 7]),
        "position": st.sampled_from([1, 2, 3, 2.0, "3", 0, -1, 1.5, "x", None, 2**40]),
        "clicked": st.sampled_from([0, 1, True, "0", "1", "true", 2, None, "yes"]),
        "session": st.sampled_from(["s", "t", None]),
        "time": st.sampled_from(
            ["2026-01-02", "2026-03-02T10:00:00+02:00", 1_760_000_000, None, "?"]
        ),
    }
)


@given(
    log=st.lists(ANY_ROW, min_size=1, max_size=40),
    model=st.sampled_from(["counts", "position-based"]),
    split_by=st.sampled_from(["query", "time"]),
    max_session=st.sampled_from([None, 5]),
)
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_each_row_is_used_or_has_a_reason(
    tmp_path_factory: pytest.TempPathFactory,
    log: list[dict],
    model: str,
    split_by: str,
    max_session: int | None,
):
    folder = tmp_path_factory.mktemp("log")
    write_log(folder, log)
    try:
        found = read(
            folder, model=model, split_by=split_by, max_session=max_session, first_position=1
        )
    except PositionsFromZero:
        return
    except Refused as refusal:
        reasons = ("every row of the click log is a click", "no query is first searched")
        assert any(reason in str(refusal) for reason in reasons)  # noqa: PT017
        return
    removed = rules(found)
    assert set(removed) <= set(REASONS)
    assert found.counts["log_rows"] == len(log)
    empty = found.counts["log_rows"] - sum(removed.values()) - found.clicks["impressions"].sum()
    assert sum(removed.values()) == found.counts["removed_rows"]
    assert 0 <= empty <= sum(not one["doc_id"] for one in log)
    assert (found.clicks["clicks"] <= found.clicks["impressions"]).all()
    assert set(found.clicks["query_id"]) <= set(found.queries["query_id"])
    assert set(found.traffic["query_id"]) == set(found.queries["query_id"])
    text = json.dumps([found.queries.rows(), found.removed.rows(), found.counts, found.about])
    assert "x@y.de" not in text
    assert "1234567" not in text


# Personal data


def test_nothing_that_is_written_has_personal_data(tmp_path: Path):
    log = [
        *shown("invoice of bob@example.com", "d1", 1, 10, 8, session="bob@example.com"),
        *shown("invoice of ann@example.com", "d1", 1, 10, 8, session="ann@example.com"),
        row("call 0151 23456789", "d1", 1, 0),
        row("red shoes", "ann@example.com", 1, 1),
    ]
    write_log(tmp_path, log)
    found = read(tmp_path)
    assert labels(found) == {("invoice of [email]", "d1"): 3}
    assert found.clicks.filter(pl.col("doc_id") == "d1")["impressions"].to_list()[-1] in (1, 20)
    assert found.counts["scrubbed_queries"] == 3
    assert found.about["scrubbed"] == {"email": 2, "number": 1}
    written = [getattr(found, name).rows() for name in ("queries", "qrels", "removed", "traffic")]
    assert "example.com" not in str(written)
    assert "23456789" not in str(written)
    raw = read(tmp_path, scrub=False)
    assert "invoice of bob@example.com" in ids(raw)
    assert raw.counts["scrubbed_queries"] == 0


def test_ids_of_queries_are_hashes_of_the_scrubbed_text(tmp_path: Path):
    """The hash of a phone number could be found by trying all of them."""
    write_log(tmp_path / "one", [row("call 0151 23456789", "d1", 1, 0)])
    write_log(tmp_path / "two", [row("call 0170 98765432", "d1", 1, 0)])
    assert ids(read(tmp_path / "one")) == ids(read(tmp_path / "two"))


# The position-based model


def simulated(draw: np.random.Generator, searches: int) -> list[dict]:
    """Searches for 20 queries. Document d1 is best, and it is shown at every position as often as
    the others. Position k is seen with probability 1 / k.
    """
    log = []
    for place in range(searches):
        for position, doc in enumerate(draw.permutation(6) + 1, start=1):
            chance = (0.6 if doc == 1 else 0.1) / position
            log.append(row(f"query {place % 20}", f"d{doc}", position, int(draw.random() < chance)))
    return log


def test_the_position_based_model_finds_the_propensities(tmp_path: Path):
    write_log(tmp_path, simulated(np.random.default_rng(5), 5_000))
    found = read(tmp_path, model="position-based")
    about = found.about["position_based"]
    propensities = [about["propensities"][str(position)] for position in range(1, 7)]
    assert propensities == pytest.approx([1 / position for position in range(1, 7)], abs=0.1)
    assert about["converged"]
    assert about["unlinked_positions"] == []
    graded = labels(found)
    assert all(graded[f"query {number}", "d1"] == 3 for number in range(20))
    assert sum(grade == 3 for grade in graded.values()) == 20
    assert "propensities: 1: 1.00, 2: 0." in found.notes[1]
    [_, hint] = read(tmp_path).notes
    assert hint.startswith("documents at the last position (6) are clicked 0.1")


def test_unlinked_positions_are_reported(tmp_path: Path):
    write_log(tmp_path, [*shown("q", "d1", 1, 10, 5), *shown("q", "d2", 2, 10, 5)])
    found = read(tmp_path, model="position-based")
    assert found.about["position_based"]["unlinked_positions"] == [2]
    assert "1 of 2 positions share no clicked document with the first one" in found.notes[-1]


def test_a_log_of_clicks_alone(tmp_path: Path):
    """Without impressions there is no rate, and the bound grows with the number of clicks."""
    write_log(tmp_path, [*shown("q", "d1", 1, 5, 5), *shown("q", "d2", 2, 50, 50)])
    found = read(tmp_path)
    assert labels(found) == {("q", "d1"): 3, ("q", "d2"): 3}
    assert "Every row is a click, so only their number counts" in found.notes[0]
    with pytest.raises(Refused, match="every row of the click log is a click"):
        read(tmp_path, model="position-based")


# Splits


def timed(query: str, day: int, doc: str = "d1") -> list[dict]:
    """Ten impressions on a day, eight of them clicked."""
    return shown(query, doc, 1, 10, 8, time=f"2026-01-{day:02}T10:00:00Z")


DAYS = [one for day in range(1, 11) for one in timed(f"question number {day * 7919:x}", day)]


def test_a_split_by_time_tests_on_the_last_rows(tmp_path: Path):
    write_log(tmp_path, DAYS)
    found = read(tmp_path, Split(dev=0.1, test=0.2), split_by="time")
    days = {f"question number {day * 7919:x}": day for day in range(1, 11)}
    splits = {days[text]: split for text, split in found.queries.select("text", "split").rows()}
    assert splits == dict.fromkeys(range(1, 8), "train") | {8: "dev", 9: "test", 10: "test"}
    assert dict(found.qrels.select("query_id", "split").rows()) == dict(
        found.queries.select("query_id", "split").rows()
    )


def test_a_query_stays_in_its_first_split_without_later_clicks(tmp_path: Path):
    """The query of day 1 and a near-duplicate of it are searched again on day 10."""
    again, nearly = f"question  number {7919:x}", f"question number {7919:x}s"
    log = [*DAYS, *timed(again, 10, "d2"), *timed(nearly, 10, "d3")]
    write_log(tmp_path, log)
    found = read(tmp_path, Split(dev=0.1, test=0.2), split_by="time")
    first = f"question number {7919:x}"
    assert (first, "d1") in labels(found)
    assert (first, "d2") not in labels(found)
    assert rules(found) == {"later": 20}
    texts = found.queries.filter(pl.col("split") == "test")["text"].to_list()
    assert not {first, nearly} & set(texts)
    assert nearly not in ids(found)  # a training query without a row in its period
    assert dict(found.traffic.rows())[ids(found)[first]] == 10


def test_a_log_of_repeated_queries_cannot_be_split_by_time(tmp_path: Path):
    write_log(tmp_path, [one for day in range(1, 11) for one in timed("red shoes", day)])
    with pytest.raises(
        Refused, match="no query is first searched in the part of the log for 'dev'"
    ):
        read(tmp_path, split_by="time")
    found = read(tmp_path, Split(dev=0, test=0), split_by="time")
    assert found.queries["split"].to_list() == ["train"]


def test_a_row_without_a_time_cannot_be_split_by_time(tmp_path: Path):
    write_log(tmp_path, [*DAYS, row("later", "d1", 1, 1, time="yesterday")])
    found = read(tmp_path, Split(dev=0.1, test=0.2), split_by="time")
    assert rules(found) == {"time": 1}
    assert rules(read(tmp_path)) == {}


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-05T10:00:00Z",
        "2026-01-05 10:00:00",
        "2026-01-05T10:00",
        "2026-01-05T12:00:00.250+02:00",
        "2026-01-05T07:30:00-0230",
        1_767_607_200,
        1_767_607_200_000,
        "1767607200",
        1_767_607_200_000_000,
    ],
)
def test_times_in_usual_notations(time: object):
    from tasks.collect.click_columns import as_time

    frame = pl.DataFrame({"time": [time]})
    seconds = frame.select(as_time(pl.col("time"), frame.schema["time"])).item()
    assert seconds == 1_767_607_200


# Errors


def refusal(folder: Path, **options: object) -> str:
    with pytest.raises(Refused) as refused:
        read(folder, **options)
    return str(refused.value)


def test_missing_files(tmp_path: Path):
    message = refusal(tmp_path)
    assert "has no documents file" in message
    assert "has no click log" in message
    write_log(tmp_path, LOG, "searches.csv")
    assert "Found: 'documents.jsonl', 'searches.csv'" in refusal(tmp_path)
    assert labels(read(tmp_path, log="searches.csv")) == labels(read(tmp_path, log="sear*"))
    assert "leads out of" in refusal(tmp_path, log="../clicks.csv")
    assert "has no click log" in refusal(tmp_path, log="other.csv")


def test_a_missing_column(tmp_path: Path):
    write_log(tmp_path, [{"query": "q", "docid": "d1", "clicked": 1}])
    message = refusal(tmp_path)
    assert "clicks.jsonl: the column 'doc_id' is missing" in message
    assert "did you mean 'docid'?" in message
    write_log(tmp_path, [{"text": "q", "doc_id": "d1", "clicked": 1}])
    assert "the column 'query' is missing" in refusal(tmp_path)


def test_lines_that_cannot_be_read(tmp_path: Path):
    file = write_log(tmp_path, LOG)
    file.write_bytes(file.read_bytes() + b'{"query": \n' + '{"query": "für"}\n'.encode("latin-1"))
    message = refusal(tmp_path)
    assert f"line {len(LOG) + 1}: not JSON" in message
    assert f"line {len(LOG) + 2}: byte 0xfc is not UTF-8" in message


def test_rows_of_a_csv_file_that_cannot_be_read(tmp_path: Path):
    file = write_log(tmp_path, LOG, "clicks.csv")
    file.write_text(file.read_text() + "red, shoes,d1,1,0\n")
    assert f"row {len(LOG) + 2}: 5 fields, but the header has 4" in refusal(tmp_path)
    file.write_bytes("query,doc_id,clicked\nfür,d1,1\n".encode("latin-1"))
    assert "clicks.csv, line 2: byte 0xfc is not UTF-8" in refusal(tmp_path)


def test_a_damaged_parquet_file(tmp_path: Path):
    write_documents(tmp_path)
    (tmp_path / "clicks.parquet").write_bytes(b"PAR1 nothing")
    assert "clicks.parquet cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["clicks.csv", "clicks.jsonl", "clicks.parquet"])
def test_a_log_without_rows(tmp_path: Path, name: str):
    write_documents(tmp_path)
    if name.endswith(".jsonl"):
        (tmp_path / name).write_text("")
        assert "is missing" in refusal(tmp_path)
        return
    frame = pl.DataFrame(schema={"query": pl.String, "doc_id": pl.String, "clicked": pl.Int64})
    frame.write_csv(tmp_path / name) if name.endswith(".csv") else frame.write_parquet(
        tmp_path / name
    )
    found = read(tmp_path)
    assert found.queries.is_empty()
    assert found.qrels.is_empty()
    assert read(tmp_path, split_by="time", model="position-based").clicks.is_empty()


def test_a_query_of_ten_megabytes_is_removed(tmp_path: Path):
    write_log(tmp_path, [*LOG, row("x" * 10_000_000, "d1", 1, 1)])
    found = read(tmp_path)
    assert rules(found) == {"long-query": 1}
    assert found.removed["query_id"].to_list() == [None]


def test_options_that_do_not_fit():
    for options, message in (
        ({"grades": [0.3, 0.1]}, "Its thresholds must ascend"),
        ({"grades": []}, "grades"),
        ({"grades": [0.1, 1.5]}, "grades"),
        ({"negative_below": 0.2}, "above the lowest threshold"),
        ({"model": "cascade"}, "'counts' or 'position-based'"),
    ):
        with pytest.raises(Refused, match=message):
            methods.checked("collect", {"clicks": options}, "params.yaml")


# The stage


def test_the_stage_writes_labels_with_weights_and_traffic(workspace: Path):
    log = [
        one
        for number in range(60)
        for one in (
            *shown(f"question {number * 7919:x}", f"d{number % 6 + 1}", 1, 10 + number, 8),
            *shown(f"question {number * 7919:x}", f"d{(number + 1) % 6 + 1}", 2, 10 + number, 0),
        )
    ]
    log += [row("unanswered by anything", None, None, 0), row("bob@example.com", "d1", 1, 1)]
    write_log(Path("inputs/ours"), log)
    write_params(
        collections={
            "ours": {"source": "clicks", "path": "inputs/ours", "split": {"dev": 0.2, "test": 0.3}}
        }
    )
    collected()
    about = read_json(Path("data/ours/about.json"))
    assert about["scrubbed"] == {"email": 1}
    assert about["removed_rows"] == 1
    assert sum(about[name]["queries"] for name in ("train", "dev", "test")) <= 61
    removed = tables.read("removed", Path("data/ours/removed.parquet"))
    assert removed.filter(pl.col("rule") == "personal")["detail"].to_list() == [
        "the query has nothing but personal data (rows: 1, clicks: 1)"
    ]
    for name in ("train", "dev", "test"):
        queries = tables.read("queries", Path(f"data/ours/{name}/queries.parquet"))
        traffic = tables.read("traffic", Path(f"data/ours/{name}/traffic.parquet"))
        assert traffic["query_id"].to_list() == queries["query_id"].to_list()
        assert (traffic["searches"] > 0).all()
    assert len(tables.read("clicks", Path("data/ours/clicks.parquet"))) == 120
    qrels = tables.read("qrels", Path("data/ours/train/qrels.parquet"))
    base()
    start()
    known = tables.read("labels", Path("rounds/r0/labels.parquet"))
    weights = dict(qrels.select(pl.concat_str("query_id", "doc_id"), "weight").rows())
    assert weights
    assert dict(known.select(pl.concat_str("query_id", "doc_id"), "weight").rows()) == weights
    assert known["weight"].n_unique() > 3


def test_other_sources_keep_their_tables(workspace: Path):
    """No traffic, and weight 1."""
    write_params()
    folder = Path("inputs/ours")
    write_documents(folder)
    (folder / "queries.csv").write_text("query_id,text,split\na,one,train\nb,two,test\n")
    (folder / "qrels.csv").write_text("query_id,doc_id\na,d1\nb,d2\n")
    collected()
    assert not list(Path("data/ours").rglob("traffic.parquet"))
    assert not Path("data/ours/clicks.parquet").exists()
    qrels = tables.read("qrels", Path("data/ours/test/qrels.parquet"))
    assert qrels["weight"].to_list() == [1.0]
