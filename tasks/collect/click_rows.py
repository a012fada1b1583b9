"""The rows of a click log, checked and added up by query, document and position.

Each row that is not used has a reason. A removed row has neither its query's text nor its session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from hone.clicks.personal_data import KINDS, is_only_personal, scrub_ids, scrub_texts
from hone.config.params import Split
from hone.data.source import SPLITS
from hone.data.tables import normalised
from hone.errors import Refused, listed
from hone.files import fingerprint
from hone.text.near_duplicates import clusters
from tasks.collect.click_columns import NOT_A_POSITION
from tasks.collect.click_log import collected
from tasks.collect.split import ALIKE, CHARACTERS

SplitBy = Literal["query", "time"]

MOST_ZEROS = 0.01  # fraction of rows with position 0 before the log is refused [Hone default]
TRAIN, DEV, TEST = range(3)  # periods of a log, as places in SPLITS


class PositionsFromZero(Refused):
    """The positions of a log seem to start at 0."""


REASONS = {
    "query": "the query is missing or has no letter or digit",
    "long-query": "the query is longer than `max_characters`",
    "personal": "the query has nothing but personal data",
    "clicked": "`clicked` is neither 0 nor 1",
    "document": "a click or impression names no document",
    "unknown-document": "the document is not in the collection",
    "position": "the position is not a whole number from 1",
    "no-position": "the position is missing, and the position-based model needs it",
    "time": "the time is missing or unreadable, and the split by time needs it",
    "session": "the session has more rows than `max_session`",
    "later": "the query, or nearly the same, is in an earlier split",
}
REMOVED = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "rule": pl.String,
    "detail": pl.String,
}


@dataclass(frozen=True)
class RowChecks:
    """What a row needs.

    Attributes:
        split_by: whether the time of a row decides on its split.
        split: fractions of the splits.
        first_position: the lowest position of the log, 0 or 1.
        needs_position: whether rows without a position are removed.
        min_dwell: seconds; clicks with a shorter dwell time count as impressions only. Null: all
            clicks count.
        max_session: the maximum number of rows of a session. Null: no limit.
        max_characters: the maximum length of a query.
        scrub: whether personal data is replaced.
    """

    split_by: SplitBy
    split: Split
    first_position: int
    needs_position: bool
    min_dwell: float | None
    max_session: int | None
    max_characters: int
    scrub: bool


@dataclass(frozen=True)
class Tallied:
    """A log, added up.

    Attributes:
        queries: query_id, text, split (null: by a hash of the text).
        shown: query_id, doc_id (as categories), position (from 1, null: unknown), impressions,
            clicks, sorted.
        traffic: query_id, searches.
        removed: query_id, doc_id, rule, detail.
        counts: numbers for about.json.
        scrubbed: the number of different queries with personal data, by its kind.
    """

    queries: pl.DataFrame
    shown: pl.DataFrame
    traffic: pl.DataFrame
    removed: pl.DataFrame
    counts: dict[str, int]
    scrubbed: dict[str, int] = field(default_factory=dict)


def tally(
    rows: pl.LazyFrame, known: pl.Series, checks: RowChecks, files: Iterable[Path]
) -> Tallied:
    """Check and add up the rows of a log.

    Queries are the same if their normalized texts are. A query's id is a hash of this form, and its
    text the most frequent spelling.

    Args:
        rows: with the columns of `click_log.ROWS`.
        known: ids of documents, and of parents of chunks.
        checks: what a row needs.
        files: the files of the log, for messages.

    Raises:
        Refused: a file cannot be read, or the split by time leaves a split empty.
        PositionsFromZero: the positions seem to start at 0.
    """
    files = tuple(files)
    added = add_up(rows, checks, files)
    refuse_zeros(added, checks, files)
    named, scrubbed = name_queries(added, checks.scrub)
    names = named.select("query", coded(named["query_id"]), "personal")
    added = added.with_columns(coded(added["doc_id"]))
    added = added.join(names, on="query", how="left").drop("query")
    added = added.with_columns(rule=later_rules(added["doc_id"], known)).drop("personal")
    used = added.filter(pl.col("rule").is_null())
    queries = named.filter(pl.col("text").is_not_null())
    queries = queries.select(pl.col("query_id").cast(used.schema["query_id"]), "text")
    queries = queries.unique("query_id", keep="first").sort("query_id")
    queries = queries.join(used, on="query_id", how="semi", maintain_order="left")
    queries = queries.with_columns(split=splits_of(queries, used, checks))
    if checks.split_by == "time":
        refuse_no_test(queries, checks, files)
        used, late = part_later(used, queries)
        added = pl.concat([added.filter(pl.col("rule").is_not_null()), used, late])
        queries = queries.join(used, on="query_id", how="semi", maintain_order="left")
    shown = (
        used.filter(pl.col("doc_id").is_not_null())
        .group_by("query_id", "doc_id", "position")
        .agg(impressions=pl.col("rows").sum(), clicks=pl.col("clicks").sum())
        .sort("query_id", "doc_id", "position")
    )
    counts = {
        "log_rows": int(added["rows"].sum()),
        "removed_rows": int(added.filter(pl.col("rule").is_not_null())["rows"].sum()),
        "lone_clicks": int(used["lone"].sum()),
        "short_clicks": int(added["short"].sum()),
        "scrubbed_queries": sum_any(named),
    }
    return Tallied(
        queries=queries.cast({"query_id": pl.String}),
        shown=shown,
        traffic=traffic_of(used, shown).cast({"query_id": pl.String}),
        removed=removed_rows(added, checks.scrub),
        counts=counts,
        scrubbed=scrubbed,
    )


def coded(ids: pl.Series) -> pl.Series:
    """Ids as numbers of a list, which is in the order of the texts. They take a fraction of the
    memory.
    """
    return ids.cast(pl.Enum(ids.drop_nulls().unique().sort()))


def add_up(rows: pl.LazyFrame, checks: RowChecks, files: tuple[Path, ...]) -> pl.DataFrame:
    """The rows by query, doc_id, position, period and rule (null: the row is used): rows, clicks,
    lone and short.
    """
    clicked = (pl.col("clicked") == 1).fill_null(False)
    short = pl.lit(False)
    if checks.min_dwell is not None:
        short = clicked & (pl.col("dwell") < checks.min_dwell).fill_null(False)
    checked = rows.with_columns(
        rule=rule_of(rows, checks, files),
        period=period_of(rows, checks, files),
        doc_id=pl.when(pl.col("doc_id").str.strip_chars() != "").then("doc_id"),
        short=short,
    )
    nameless = pl.col("rule").is_in(["query", "long-query"])
    checked = checked.with_columns(
        query=pl.when(~nameless.fill_null(False)).then("query"),
        doc_id=pl.when(~nameless.fill_null(False)).then("doc_id"),
        position=pl.when(~nameless.fill_null(False)).then(
            pl.when(pl.col("position") == NOT_A_POSITION)
            .then("position")
            .otherwise(pl.col("position") + (1 - checks.first_position))
        ),
    )
    added = checked.group_by("query", "doc_id", "position", "period", "rule").agg(
        rows=pl.len().cast(pl.Int64),
        clicks=(clicked & ~pl.col("short")).sum().cast(pl.Int64),
        lone=pl.col("lone").sum().cast(pl.Int64),
        short=pl.col("short").sum().cast(pl.Int64),
    )
    return collected(added, files)


def rule_of(rows: pl.LazyFrame, checks: RowChecks, files: tuple[Path, ...]) -> pl.Expr:
    """The first rule that a row breaks. Null: none."""
    query, position = pl.col("query").str.strip_chars(), pl.col("position")
    no_document = (pl.col("doc_id").str.strip_chars() == "").fill_null(True)
    rules = {
        "query": (query == "").fill_null(True),
        "long-query": query.str.len_chars() > checks.max_characters,
        "clicked": pl.col("clicked").is_null(),
        "session": is_over_limit(rows, checks.max_session, files),
        "time": pl.lit(checks.split_by == "time") & pl.col("time").is_null(),
        "document": no_document & (pl.col("clicked") == 1),
        "position": position < checks.first_position,
        "no-position": pl.lit(checks.needs_position) & position.is_null() & ~no_document,
    }
    return pl.coalesce(
        pl.when(breaks.fill_null(False)).then(pl.lit(name)) for name, breaks in rules.items()
    )


def is_over_limit(rows: pl.LazyFrame, most: int | None, files: tuple[Path, ...]) -> pl.Expr:
    """Whether a row is of a session with more than `most` rows."""
    if most is None:
        return pl.lit(False)
    sessions = rows.filter(pl.col("session").is_not_null()).group_by("session").len()
    over = collected(sessions.filter(pl.col("len") > most).select("session"), files)["session"]
    return pl.col("session").is_in(over.implode())


def period_of(rows: pl.LazyFrame, checks: RowChecks, files: tuple[Path, ...]) -> pl.Expr:
    """The period of a row: TEST for the last fraction of the rows in the order of their times, DEV
    for the fraction before, else TRAIN.

    Rows are counted, not days. A few rows with a wrong clock then move no boundary.
    """
    train = pl.lit(TRAIN, dtype=pl.Int8)
    if checks.split_by == "query":
        return train
    shares = checks.split.dev, checks.split.test
    quantiles = [
        pl.col("time").quantile(max(0.0, 1 - share), "higher").alias(name)
        for name, share in (("test", shares[1]), ("dev", shares[0] + shares[1]))
    ]
    starts = collected(rows.select(quantiles), files)
    found = train
    for period, name, share in ((DEV, "dev", shares[0]), (TEST, "test", shares[1])):
        start = starts[name][0]
        if share > 0 and start is not None:
            after = (pl.col("time") >= start).fill_null(False)
            found = pl.when(after).then(pl.lit(period, dtype=pl.Int8)).otherwise(found)
    return found


def refuse_zeros(added: pl.DataFrame, checks: RowChecks, files: tuple[Path, ...]) -> None:
    """Raise PositionsFromZero if positions seem to start at 0."""
    if checks.first_position == 0 or added.is_empty():
        return
    zeros = added.filter((pl.col("position") == 0) & (pl.col("rule") == "position"))["rows"].sum()
    if zeros > MOST_ZEROS * added["rows"].sum():
        raise PositionsFromZero(
            f"{listed(map(str, files))}: {zeros:,} rows have the position 0, so positions seem to "
            "start at 0. Set `options: {first_position: 0}`. If 0 is an error, correct these rows."
        )


def name_queries(added: pl.DataFrame, scrub: bool) -> tuple[pl.DataFrame, dict[str, int]]:
    """The different queries of a log, scrubbed.

    Returns:
        query (as in the log), query_id and text (null: nothing is left), personal, and a column for
        each kind of personal data; and the number of queries with each kind.
    """
    spellings = (
        added.filter(pl.col("query").is_not_null())
        .group_by("query")
        .agg(pl.col("rows").sum())
        .sort("query")
    )
    if scrub:
        replaced = scrub_texts(spellings["query"])
    else:
        nothing = {kind: pl.lit(False) for kind in KINDS}
        replaced = spellings.select(text="query").with_columns(**nothing)
    found = spellings.hstack(replaced).with_columns(
        text=pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars(),
        key=normalised(pl.col("text")),
        personal=is_only_personal(pl.col("text")) if scrub else pl.lit(False),
    )
    left = ~pl.col("personal") & pl.col("key").str.contains(r"[\p{L}\p{N}]")
    found = found.with_columns(key=pl.when(left).then("key"))
    keys = found.filter(pl.col("key").is_not_null()).select(pl.col("key").unique().sort())
    ids = keys.with_columns(
        query_id=pl.Series([fingerprint(key)[:16] for key in keys["key"]], dtype=pl.String)
    )
    found = found.join(ids, on="key", how="left", maintain_order="left").with_columns(
        text=pl.when(pl.col("key").is_not_null()).then("text")
    )
    by_spelling = found.group_by("key", "text").agg(times=pl.col("rows").sum())
    usual = by_spelling.sort(["key", "times", "text"], descending=[False, True, False]).unique(
        "key", keep="first", maintain_order=True
    )
    found = (
        found.drop("text")
        .join(usual.select("key", "text"), on="key", how="left", maintain_order="left")
        .drop("key", "rows")
    )
    return found, {kind: int(found[kind].sum()) for kind in KINDS if found[kind].any()}


def sum_any(named: pl.DataFrame) -> int:
    """The number of queries with personal data of any kind."""
    return int(named.select(pl.any_horizontal(KINDS).sum()).item() or 0)


def later_rules(doc_ids: pl.Series, known: pl.Series) -> pl.Expr:
    """The rule of each group of rows, with the rules that need the scrubbed query or the
    documents.
    """
    ids = doc_ids.drop_nulls().unique()
    unknown = ids.filter(~ids.cast(pl.String).is_in(known.implode()))
    absent = pl.col("doc_id").is_in(unknown.implode())
    return (
        pl.when(pl.col("rule").is_not_null())
        .then("rule")
        .when(pl.col("personal").fill_null(False))
        .then(pl.lit("personal"))
        .when(pl.col("query_id").is_null())
        .then(pl.lit("query"))
        .when(absent.fill_null(False))
        .then(pl.lit("unknown-document"))
    )


def splits_of(queries: pl.DataFrame, used: pl.DataFrame, checks: RowChecks) -> pl.Series:
    """The split of each query by the time of its first row. Null if a hash of the text decides.

    Near-duplicates share the earliest split, so no test query occurs in training.
    """
    if checks.split_by == "query":
        return pl.Series("split", [None] * len(queries), dtype=pl.String)
    first = used.group_by("query_id").agg(pl.col("period").min())
    periods = queries.join(first, on="query_id", how="left", maintain_order="left")["period"]
    cluster = pl.Series(clusters(queries["text"].to_list(), ALIKE, characters=CHARACTERS))
    earliest = pl.DataFrame({"period": periods, "cluster": cluster}).select(
        pl.col("period").min().over("cluster")
    )["period"]
    return earliest.replace_strict(list(range(3)), list(SPLITS), return_dtype=pl.String)


def refuse_no_test(queries: pl.DataFrame, checks: RowChecks, files: tuple[Path, ...]) -> None:
    """Raise Refused if the split by time gives no query to a split that should have some."""
    given = {"dev": checks.split.dev, "test": checks.split.test}
    found = set(queries["split"])
    missing = [name for name, share in given.items() if share > 0 and name not in found]
    if missing and len(queries):
        raise Refused(
            f"{listed(map(str, files))}: no query is first searched in the part of the log for "
            f"{listed(missing)}, because users repeat the earlier queries. Set `options: "
            "{split_by: query}`, or larger fractions in `split`."
        )


def part_later(used: pl.DataFrame, queries: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the period of their query's split, and the later ones with the rule `later`.

    Labels of training queries then contain no click of the dev or test period.
    """
    period = pl.col("split").replace_strict(list(SPLITS), list(range(3)), return_dtype=pl.Int8)
    own = queries.select("query_id", own=period)
    both = used.join(own, on="query_id", how="left")
    is_own = pl.col("period") == pl.col("own")
    late = both.filter(~is_own).with_columns(rule=pl.lit("later"))
    return both.filter(is_own).drop("own"), late.drop("own").select(used.columns)


def traffic_of(used: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """query_id, searches: the least number of searches that explains a query's rows.

    A search shows each document once, and one document at each position. So it is the largest
    number of impressions of a document or position. Searches without a document are added.
    """
    placed = shown.filter(pl.col("position").is_not_null())
    most = [
        frame.group_by("query_id", by)
        .agg(pl.col("impressions").sum())
        .group_by("query_id")
        .agg(pl.col("impressions").max())
        for frame, by in ((placed, "position"), (shown, "doc_id"))
    ]
    empty = (
        used.filter(pl.col("doc_id").is_null())
        .group_by("query_id")
        .agg(impressions=pl.col("rows").sum())
    )
    largest = pl.concat(most).group_by("query_id").agg(pl.col("impressions").max())
    return (
        pl.concat([largest, empty])
        .group_by("query_id")
        .agg(searches=pl.col("impressions").sum())
        .sort("query_id")
    )


def removed_rows(added: pl.DataFrame, scrub: bool) -> pl.DataFrame:
    """A row of `removed` for each rule, query and document, with the number of rows."""
    lost = added.filter(pl.col("rule").is_not_null())
    lost = lost.cast({"query_id": pl.String, "doc_id": pl.String})
    if scrub:
        lost = lost.with_columns(doc_id=scrub_ids(pl.col("doc_id")))
    lost = lost.with_columns(
        doc_id=pl.when(pl.col("query_id").is_not_null()).then("doc_id"),
    )
    reason = pl.col("rule").replace_strict(REASONS, return_dtype=pl.String)
    return (
        lost.group_by("rule", "query_id", "doc_id")
        .agg(pl.col("rows").sum(), pl.col("clicks").sum())
        .sort("rule", "query_id", "doc_id")
        .select(
            "query_id",
            "doc_id",
            "rule",
            detail=pl.format("{} (rows: {}, clicks: {})", reason, "rows", "clicks"),
        )
        .cast(REMOVED)
    )
