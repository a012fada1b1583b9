"""TREC run files: writing and reading. Ids are percent-encoded (RFC 3986) where white space
would break a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import polars as pl

from hone.errors import Refused
from hone.files import written_whole
from hone.layout import run_file

# White space of any script, control characters and the percent sign. Other characters are
# unchanged.
BREAKS = r"[\s\x00-\x20\x7f-\x9f\ufeff%]"


def encoded(ids: pl.Series) -> pl.Series:
    """Ids without characters that break a line: `a b` becomes `a%20b`, `5%` becomes `5%25`."""
    return changed(
        ids,
        ids.str.contains(BREAKS),
        lambda one: re.sub(BREAKS, lambda found: quote(found.group()), one),
    )


def decoded(ids: pl.Series) -> pl.Series:
    """Decode the ids that `encoded` made."""
    return changed(ids, ids.str.contains("%", literal=True), unquote)


def changed(ids: pl.Series, touched: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """Apply a change to the affected ids, each distinct id once. Most collections have none."""
    before = ids.filter(touched).unique()
    after = pl.Series(before.name, [change(one) for one in before], dtype=pl.String)
    return ids.replace(before, after) if len(before) else ids


def write_run(run: pl.DataFrame, tag: str, path: Path) -> None:
    """A TREC run file: query Q0 document rank score tag. Ids are encoded (`encoded`)."""
    rows = run.select(
        encoded(run["query_id"]),
        pl.lit("Q0").alias("q0"),
        encoded(run["doc_id"]),
        pl.int_range(1, pl.len() + 1).over("query_id").alias("rank"),
        "score",
        pl.lit(encoded(pl.Series([tag]))[0]).alias("tag"),
    )
    with written_whole(path) as part:
        rows.write_csv(part, include_header=False, separator=" ", quote_style="never")


def ranking_of(name: str, collection: str, depth: int) -> pl.DataFrame:
    """query_id, doc_id, rank and score of the first `depth` documents of each query, from a file of
    `write_run`. It has both splits.

    Raises:
        Refused: the file is missing or is not a run file.
    """
    file = run_file(name, collection)
    columns = {
        "query_id": pl.String,
        "q0": pl.String,
        "doc_id": pl.String,
        "rank": pl.Int32,
        "score": pl.Float64,
        "tag": pl.String,
    }
    if not file.exists():
        raise Refused(f"{file} is missing. Run `dvc pull` or `dvc repro` to restore it.")
    if not file.stat().st_size:
        return pl.DataFrame(schema=columns).select("query_id", "doc_id", "rank", "score")
    try:
        lines = pl.scan_csv(file, has_header=False, separator=" ", quote_char=None, schema=columns)
        rows = (
            lines.filter(pl.col("rank") <= depth)
            .select("query_id", "doc_id", "rank", "score")
            .collect()
        )
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError) as error:
        raise Refused(
            f"{file} is not a TREC run file ({error}). Delete it and run `dvc repro`."
        ) from error
    return rows.with_columns(decoded(rows["query_id"]), decoded(rows["doc_id"]))
