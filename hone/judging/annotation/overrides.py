"""Labels that people have decided. They override every judge and the labels of the collection."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data import tables, user_tables
from hone.data.label_files import label_file
from hone.data.pair_lookup import places, within
from hone.data.same_queries import JUDGE as SAME_QUERY
from hone.data.same_queries import PERSON
from hone.data.unknown import is_dropped
from hone.data.unknown_reasons import PASSING, kinds
from hone.errors import Refused, listed, nearest

NAME = "overrides.csv"
COLUMNS = ("query_id", "doc_id", "label")
LABELS = ("positive", "negative", "unknown")


def read(file: Path | None = None) -> pl.DataFrame:
    """query_id, doc_id, label of every line of the file; empty if the file does not exist.

    Args:
        file: null: the file in inputs/labels/.

    Raises:
        Refused: other columns, an invalid label, or a duplicate pair.
    """
    file = file or label_file(NAME)
    if not file.is_file():
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    given = user_tables.read_csv(file)
    absent = [name for name in COLUMNS if name not in given.columns]
    if absent:
        raise Refused(
            f"{file} lacks the column {listed(absent)}. The first line must contain "
            f"{','.join(COLUMNS)}."
        )
    rows = given.select(COLUMNS).with_row_index("line", offset=2)
    bare = rows.filter(
        pl.any_horizontal(
            pl.col(name).fill_null("").str.strip_chars() == "" for name in COLUMNS[:2]
        )
    )
    if len(bare):
        raise Refused(
            f"{file}, line {bare['line'][0]}: query_id or doc_id is empty. Write both, or delete "
            "the line."
        )
    strange = rows.filter(~pl.col("label").is_in(LABELS).fill_null(False))
    if len(strange):
        line, *_, label = strange.row(0)
        raise Refused(
            f"{file}, line {line}: the label is '{label}': {nearest(label or '', LABELS)}."
        )
    twice = rows.filter(pl.struct("query_id", "doc_id").is_duplicated())
    if len(twice):
        line, query, doc, _ = twice.row(0)
        raise Refused(
            f"{file}, line {line}: query '{query}' and document '{doc}' occur more than once. "
            "Keep one of the lines."
        )
    return rows.drop("line")


def applied(
    labels: pl.DataFrame, decided: pl.DataFrame, doc_ids: pl.Series
) -> tuple[pl.DataFrame, int]:
    """Labels with people's decisions applied, and the number of changed pairs.

    A pair that is decided positive becomes a positive even if it was not retrieved. Decisions about
    queries outside the training set, and those equal to the present label, change nothing. A pair
    may be unknown for one round only, because it was dropped or because of another query. Such a
    pair becomes permanently unknown if a person decides so.

    Args:
        labels: of the round.
        decided: the result of `read`.
        doc_ids: ids of all documents of the training collections.

    Raises:
        Refused: a decision is about a document that does not exist.
    """
    absent = decided.filter(~pl.col("doc_id").is_in(doc_ids.implode()))
    if len(absent):
        raise Refused(
            f"{label_file(NAME)} names documents that no training collection has: "
            f"{listed(absent['doc_id'].unique(maintain_order=True))}."
        )
    here = decided.join(labels, on="query_id", how="semi", maintain_order="left")
    marked = labels.with_columns(decided=here["label"].gather(places(labels, here)))
    current = pl.col("label").cast(pl.String)
    differs = (pl.col("decided") != current) | (
        (pl.col("decided") == "unknown") & (current == "unknown") & may_change()
    )
    changed = marked.with_columns(differs=differs.fill_null(False)).with_columns(
        label=pl.coalesce("decided", pl.col("label").cast(pl.String)),
        judge=pl.when("differs").then(pl.lit(PERSON)).otherwise("judge"),
        reason=pl.when("differs").then(pl.lit("overrides.csv")).otherwise("reason"),
        weight=pl.when("differs").then(1.0).otherwise("weight"),
        rank=pl.when(pl.col("differs") & (pl.col("decided") != "negative"))
        .then(None)
        .otherwise("rank"),
    )
    new = here.filter((pl.col("label") != "negative") & ~within(here, labels)).with_columns(
        weight=pl.lit(1.0),
        judge=pl.lit(PERSON),
        reason=pl.lit("overrides.csv"),
        source=pl.lit("overrides"),
    )
    total = pl.concat([tables.shaped("labels", changed), tables.shaped("labels", new)])
    return total, int(changed["differs"].sum()) + len(new)


def may_change() -> pl.Expr:
    """Whether an unknown label may change. Its pair is dropped, is shared by another query, or may
    be judged in a later round.
    """
    return is_dropped() | (kinds().is_in(PASSING) | (pl.col("judge") == SAME_QUERY)).fill_null(
        False
    )
