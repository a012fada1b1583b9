"""OpenSearch's User Behavior Insights as a click log, in the shapes in which it is exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hone.data.source import Source
from hone.errors import Refused
from tests.collect.click_logs import Rows, ids, labels, read, rules, write_documents

SEARCHES = [
    {
        "query_id": f"s{number}",
        "user_query": "red shoes" if number < 40 else "blue hat",
        "client_id": f"c{number % 7}",
        "timestamp": f"2026-01-{1 + number % 28:02}T10:00:00.000Z",
        "query_response_hit_ids": ["d1", "d2", "d3"],
    }
    for number in range(50)
]


def event(search: str | None, action: str, doc_id: Any, ordinal: Any = None, **more: Any) -> dict:
    """An event as the schema 1.3.0 has it."""
    return {
        "action_name": action,
        "query_id": search,
        "client_id": "c1",
        "session_id": "v1",
        "timestamp": "2026-01-02T10:00:05.000Z",
        "event_attributes": {
            "object": {"object_id": doc_id, "object_id_field": "sku"},
            "position": {"ordinal": ordinal},
        },
    } | more


CLICKS = [
    *(event(f"s{number}", "click", "d1", 1) for number in range(20)),
    *(event(f"s{number}", "click_through", "d3", 3) for number in range(5)),
]
IMPRESSIONS = [
    event(f"s{number}", "impression", f"d{place}", place)
    for number in range(50)
    for place in (1, 2)
]


def write_lines(file: Path, rows: Rows) -> None:
    file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def write_ubi(folder: Path, events: Rows, searches: Rows = SEARCHES) -> Path:
    write_documents(folder)
    write_lines(folder / "ubi_queries.ndjson", searches)
    write_lines(folder / "ubi_events.ndjson", events)
    return folder


def pairs(source: Source) -> dict[tuple[str, str], tuple[int, int, float]]:
    """impressions, clicks, position of each pair."""
    texts = {query_id: text for text, query_id in ids(source).items()}
    return {
        (texts[query_id], doc_id): tuple(rest)
        for query_id, doc_id, *rest in source.clicks.select(
            "query_id", "doc_id", "impressions", "clicks", "position"
        ).rows()
    }


def test_without_impression_events_the_returned_documents_were_shown(tmp_path: Path):
    found = read(write_ubi(tmp_path, CLICKS))
    assert pairs(found) == {
        ("red shoes", "d1"): (40, 20, 1.0),
        ("red shoes", "d2"): (40, 0, 2.0),
        ("red shoes", "d3"): (40, 5, 3.0),
        ("blue hat", "d1"): (10, 0, 1.0),
        ("blue hat", "d2"): (10, 0, 2.0),
        ("blue hat", "d3"): (10, 0, 3.0),
    }
    assert labels(found) == {("red shoes", "d1"): 3, ("red shoes", "d3"): 1}
    assert dict(found.traffic.rows()) == {
        ids(found)["red shoes"]: 40,
        ids(found)["blue hat"]: 10,
    }


def test_impression_events_count_and_a_click_without_one_counts_as_one(tmp_path: Path):
    """d3 was never shown, and clicked five times."""
    found = read(write_ubi(tmp_path, [*CLICKS, *IMPRESSIONS]))
    assert pairs(found)["red shoes", "d1"] == (40, 20, 1.0)
    assert pairs(found)["red shoes", "d3"] == (5, 5, 3.0)
    assert ("blue hat", "d3") not in pairs(found)
    assert found.counts["lone_clicks"] == 5


def test_repeated_and_other_events_are_counted(tmp_path: Path):
    more = [CLICKS[0], CLICKS[0], event("s1", "add_to_cart", "d1", 1), event(None, "login", None)]
    found = read(write_ubi(tmp_path, [*CLICKS, *more, *IMPRESSIONS, IMPRESSIONS[0]]))
    assert pairs(found)["red shoes", "d1"] == (40, 20, 1.0)
    assert found.counts["repeated_events"] == 3
    assert found.counts["other_events"] == 2
    bought = read(tmp_path, click_actions=["add_to_cart"])
    assert pairs(bought)["red shoes", "d1"] == (40, 1, 1.0)


def test_events_that_fit_no_search_have_a_reason(tmp_path: Path):
    astray = [
        event(None, "click", "d1", 1),  # no search
        event("gone", "click", "d1", 1),  # a search without a text
        event("s1", "click", None, 1),  # no document
        event("s1", "click", "d9", 4),  # not in the collection
        event("s2", "click", "d4", -1),
        event("new", "click", "d4", 1, user_query="green sock"),  # the event has the text
    ]
    found = read(write_ubi(tmp_path, [*CLICKS, *astray]))
    assert rules(found) == {"query": 2, "document": 1, "unknown-document": 1, "position": 1}
    assert pairs(found)["green sock", "d4"] == (1, 1, 1.0)


def test_searches_without_results_are_queries(tmp_path: Path):
    searches = [
        *SEARCHES,
        {"query_id": "e1", "user_query": "nothing", "query_response_hit_ids": []},
        {"query_id": "e2", "user_query": "nothing", "query_response_hit_ids": None},
    ]
    found = read(write_ubi(tmp_path, CLICKS, searches))
    assert dict(found.traffic.rows())[ids(found)["nothing"]] == 2
    assert found.counts["removed_rows"] == 0


def bulk(rows: Rows, index: str) -> Rows:
    """The bulk format: an action line before each document."""
    return [line for one in rows for line in ({"index": {"_index": index}}, one)]


@pytest.mark.parametrize("shape", ["export", "bulk", "one file", "parquet", "csv", "text"])
def test_every_export_gives_the_same(tmp_path: Path, shape: str):
    events = [*CLICKS, *IMPRESSIONS]
    expected = read(write_ubi(tmp_path / "plain", events))
    folder = tmp_path / "other"
    write_documents(folder)
    if shape == "export":
        for name, rows in (("ubi_events", events), ("ubi_queries", SEARCHES)):
            lines = [{"_index": name, "_id": "1", "_source": one} for one in rows]
            write_lines(folder / f"{name}.jsonl", lines)
    elif shape == "bulk":
        write_lines(folder / "ubi_events.jsonl", bulk(events, "ubi_events"))
        write_lines(folder / "ubi_queries.jsonl", bulk(SEARCHES, "ubi_queries"))
    elif shape == "one file":
        mixed = [*bulk(SEARCHES, "ubi_queries"), *bulk(events, "ubi_events")]
        write_lines(folder / "ubi_all.ndjson", mixed)
    elif shape == "parquet":
        pl.DataFrame(events).write_parquet(folder / "ubi_events.parquet")
        pl.DataFrame(SEARCHES).write_parquet(folder / "ubi_queries.parquet")
    else:
        flat = pl.DataFrame(
            [
                {name: value for name, value in one.items() if name != "event_attributes"}
                | (
                    {"event_attributes": json.dumps(one["event_attributes"])}
                    if shape == "text"
                    else {
                        "event_attributes.object.object_id": one["event_attributes"]["object"][
                            "object_id"
                        ],
                        "event_attributes.position.ordinal": one["event_attributes"]["position"][
                            "ordinal"
                        ],
                    }
                )
                for one in events
            ]
        )
        flat.write_csv(folder / "ubi_events.csv")
        pl.DataFrame(SEARCHES).drop("query_response_hit_ids").write_csv(folder / "ubi_queries.csv")
    found = read(folder)
    assert pairs(found) == pairs(expected)
    assert found.counts == expected.counts
    assert found.traffic.equals(expected.traffic)


def test_a_split_by_time_uses_the_time_of_the_search(tmp_path: Path):
    searches = [
        one
        | {
            "user_query": f"question {number * 7919:x}",
            "timestamp": 1_760_000_000_000 + number * 1_000,
        }
        for number, one in enumerate(SEARCHES)
    ]
    found = read(write_ubi(tmp_path, CLICKS, searches), split_by="time")
    last = ids(found)[f"question {49 * 7919:x}"]
    assert dict(found.queries.select("query_id", "split").rows())[last] == "test"


def test_positions_from_zero(tmp_path: Path):
    events = [
        event(
            one["query_id"],
            one["action_name"],
            one["event_attributes"]["object"]["object_id"],
            one["event_attributes"]["position"]["ordinal"] - 1,
        )
        for one in [*CLICKS, *IMPRESSIONS]
    ]
    expected = read(write_ubi(tmp_path / "one", [*CLICKS, *IMPRESSIONS]))
    found = read(write_ubi(tmp_path / "two", events), first_position=0)
    assert pairs(found) == pairs(expected)
    hits = read(write_ubi(tmp_path / "three", CLICKS), first_position=0)
    assert pairs(hits)["red shoes", "d1"] == (40, 20, 1.0)


def test_what_cannot_be_read_is_refused(tmp_path: Path):
    write_documents(tmp_path)
    write_lines(tmp_path / "ubi_queries.jsonl", SEARCHES)
    with pytest.raises(Refused, match="has searches, but there are no events"):
        read(tmp_path)
    write_lines(tmp_path / "ubi_events.jsonl", [event("s1", "product_click", "d1", 1)])
    with pytest.raises(Refused, match=r"Found: 'product_click'. Set `options: \{click_actions"):
        read(tmp_path)
    assert read(tmp_path, click_actions=["product_click"]).counts["log_rows"] == 150
    (tmp_path / "clicks.csv").write_text("query,doc_id,clicked\n")
    with pytest.raises(Refused, match="has a click log .'clicks.csv'. and events of UBI"):
        read(tmp_path)
    (tmp_path / "clicks.csv").unlink()
    with (tmp_path / "ubi_events.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(Refused, match=r"ubi_events\.jsonl, line 2: not JSON"):
        read(tmp_path)
