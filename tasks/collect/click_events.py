"""OpenSearch's User Behavior Insights (UBI) as rows of a click log.

The index ubi_queries has a document for each search, and ubi_events one for each action of a user.
The schema is that of UBI 1.0 to 1.3 (o19s/ubi). They are read as Parquet, CSV or JSON Lines: plain
documents, an export with `_source`, or the bulk format.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from hone.data.file_faults import Faults
from hone.errors import Refused, listed
from tasks.collect.click_columns import as_position, as_text, as_time
from tasks.collect.click_lines import is_lines, plain_text, records_of, spill
from tasks.collect.click_log import EVENT, HITS, ROWS, LogFiles, collected, scan_table

SEARCH_ID, ACTION, TEXT, TIME = ("query_id",), (EVENT,), ("user_query",), ("timestamp",)
OBJECT = ("event_attributes", "object", "object_id")
ORDINAL = ("event_attributes", "position", "ordinal")
SESSIONS = (("session_id",), ("event_attributes", "session_id"), ("client_id",))
# A document of either index, as texts. A search has no action.
FIELDS = {
    "search": pl.String,
    "action": pl.String,
    "doc_id": pl.String,
    "position": pl.String,
    "query": pl.String,
    "session": pl.String,
    "time": pl.String,
    "hits": pl.List(pl.String),
}
PAIR = ["search", "doc_id"]


def rows_of_events(
    files: LogFiles,
    scratch: Path,
    faults: Faults,
    clicks: list[str],
    impressions: list[str],
    first_position: int,
) -> tuple[pl.LazyFrame, dict[str, int]]:
    """Events and searches as rows of a log, one for each document that a search showed.

    A document was shown if there is an impression event for it. If the whole log has no impression
    events, every document that the search returned counts as shown
    (`query_response_hit_ids`), at its place. Several clicks on a document in one search are one. A
    click without an impression is `lone`, at the position of its event. A search without a shown
    document has a row without a document.

    Args:
        files: the files.
        scratch: a folder for temporary files.
        faults: collects lines that cannot be read.
        clicks: names of actions that are clicks.
        impressions: names of actions that are impressions.
        first_position: the lowest position of the log, 0 or 1.

    Returns:
        The rows, with the columns of `click_log.ROWS`, and the numbers `other_events` and
        `repeated_events`.

    Raises:
        Refused: the log has no event of these names.
    """
    events, searches = read_indexes(files, scratch, faults)
    actions = dict(collected(events.group_by("action").len(), files.all).rows())
    clicked, shown = (sum(actions.get(name, 0) for name in part) for part in (clicks, impressions))
    if not clicked and not faults:
        raise Refused(
            f"{listed(map(str, files.events))}: no event has one of the actions {listed(clicks)}. "
            f"Found: {listed(sorted(actions))}. Set `options: {{click_actions: [NAME]}}`."
        )
    used = events.filter(pl.col("action").is_in([*clicks, *impressions]))
    is_click = pl.col("action").is_in(clicks)
    known = pl.col("doc_id").is_not_null() & pl.col("search").is_not_null()
    seen = used.filter(known & ~is_click) if shown else of_hits(searches, first_position)
    both = once_per_search(seen, "impressions").join(
        once_per_search(used.filter(known & is_click), "clicks"),
        on=PAIR,
        how="full",
        coalesce=True,
        suffix="_clicked",
    )
    context = of_searches(used, searches)
    rows = both.join(context, on="search", how="left").with_columns(
        position=pl.coalesce("position", "position_clicked"),
        clicked=pl.col("clicks").is_not_null(),
        lone=pl.col("impressions").is_null(),
    )
    empty = context.join(both, on="search", how="anti").with_columns(clicked=pl.lit(False))
    # They are removed later, with their reason: without a search, a row has no query.
    astray = used.filter(~known).drop("query")
    astray = astray.join(context.select("search", "query"), on="search", how="left")
    astray = astray.with_columns(clicked=pl.lit(True))
    surplus = sum((pl.col(name).fill_null(1) - 1).sum() for name in ("impressions", "clicks"))
    return pl.concat([completed(part) for part in (rows, empty, astray)]), {
        "other_events": sum(actions.values()) - clicked - shown,
        "repeated_events": int(collected(both.select(surplus), files.all).item() or 0),
    }


def once_per_search(events: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """search, doc_id, position (the lowest), and the number of events of each, as the column
    `name`.
    """
    return events.group_by(PAIR).agg(pl.col("position").min(), pl.len().cast(pl.Int64).alias(name))


def of_hits(searches: pl.LazyFrame, first_position: int) -> pl.LazyFrame:
    """search, doc_id, position of the documents that each search returned."""
    length = pl.col("hits").list.len().cast(pl.Int64)
    return (
        searches.filter(length > 0)
        .select(
            "search",
            doc_id="hits",
            position=pl.int_ranges(first_position, length + first_position, dtype=pl.Int32),
        )
        .explode("doc_id", "position")
        .filter(pl.col("doc_id").is_not_null() & pl.col("search").is_not_null())
    )


def of_searches(events: pl.LazyFrame, searches: pl.LazyFrame) -> pl.LazyFrame:
    """search, query, session, time of every search. The text is that of ubi_queries, or else of
    its events.
    """
    fields = ("query", "session", "time")
    known = pl.col("search").is_not_null()
    first, later = (
        frame.filter(known).group_by("search").agg(pl.col(name).min() for name in fields)
        for frame in (searches, events)
    )
    return first.join(later, on="search", how="full", coalesce=True, suffix="_event").select(
        "search", *(pl.coalesce(name, f"{name}_event").alias(name) for name in fields)
    )


def completed(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with the columns of `click_log.ROWS`. Absent ones are null, and `lone` is false."""
    names = frame.collect_schema().names()
    return frame.select(
        (pl.col(name) if name in names else pl.lit(None)).cast(kind).alias(name)
        for name, kind in ROWS.items()
    ).with_columns(pl.col("lone").fill_null(False))


def read_indexes(
    files: LogFiles, scratch: Path, faults: Faults
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The events and the searches, each with the columns of FIELDS. `position` and `time` are
    numbers.
    """
    parts = []
    for number, file in enumerate((*files.events, *files.searches)):
        if is_lines(file):
            folder = scratch / f"events-{number}"
            parts.append(spill(records_of(file, faults), fields_of, FIELDS, folder).scan())
        else:
            parts.append(fields_in(scan_table(file, faults)))
    both = pl.concat(parts).with_columns(
        position=as_position(pl.col("position"), pl.String()),
        time=as_time(pl.col("time"), pl.String()),
    )
    is_event = pl.col("action").is_not_null()
    return both.filter(is_event), both.filter(~is_event)


def fields_of(record: dict[str, Any]) -> dict[str, Any]:
    """A document of either index."""
    hits = next((record[name] for name in HITS if isinstance(record.get(name), list)), None)
    return {
        "search": plain_text(inside(record, SEARCH_ID)),
        "action": plain_text(inside(record, ACTION)),
        "doc_id": plain_text(inside(record, OBJECT)),
        "position": plain_text(inside(record, ORDINAL)),
        "query": plain_text(inside(record, TEXT)),
        "session": next(filter(None, (plain_text(inside(record, one)) for one in SESSIONS)), None),
        "time": plain_text(inside(record, TIME)),
        "hits": None if hits is None else [plain_text(one) for one in hits],
    }


def inside(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path of fields. Null if it is missing."""
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def fields_in(frame: pl.LazyFrame) -> pl.LazyFrame:
    """A table of either index with the columns of FIELDS. An object may be a struct, text in JSON
    notation, or columns such as `event_attributes.object.object_id`.
    """
    kinds = frame.collect_schema()
    texts = {
        "search": text_at(kinds, SEARCH_ID),
        "action": text_at(kinds, ACTION),
        "doc_id": text_at(kinds, OBJECT),
        "position": text_at(kinds, ORDINAL),
        "query": text_at(kinds, TEXT),
        "session": pl.coalesce(text_at(kinds, path) for path in SESSIONS),
        "time": time_at(kinds),
    }
    hits = next(
        (pl.col(name) for name in HITS if isinstance(kinds.get(name), pl.List)), pl.lit(None)
    )
    return frame.select(**texts, hits=hits.cast(pl.List(pl.String), strict=False))


def text_at(kinds: pl.Schema, path: tuple[str, ...]) -> pl.Expr:
    """The text at a path of fields of a table. Null if there is no such field."""
    name, kind = ".".join(path), kinds.get(path[0])
    if name in kinds:
        return as_text(pl.col(name), kinds[name])
    if kind == pl.String and len(path) > 1:
        return pl.col(path[0]).str.json_path_match("$." + ".".join(path[1:]))
    column = pl.col(path[0])
    for step in path[1:]:
        fields = {} if not isinstance(kind, pl.Struct) else dict(kind.to_schema())
        if step not in fields:
            return pl.lit(None, dtype=pl.String)
        column, kind = column.struct.field(step), fields[step]
    return pl.lit(None, dtype=pl.String) if kind is None else as_text(column, kind)


def time_at(kinds: pl.Schema) -> pl.Expr:
    """The timestamp of a table, as text."""
    [name] = TIME
    if kinds.get(name) in (pl.Datetime, pl.Date):
        return pl.col(name).dt.epoch("s").cast(pl.String)
    return text_at(kinds, TIME)
