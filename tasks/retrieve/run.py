"""run: the candidates of a TREC run file, such as the results of a production search system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.file_faults import Faults
from hone.data.source import text_lines
from hone.data.tables import Documents
from hone.errors import NothingHere, Refused, listed
from hone.ir.trec_run import decoded
from hone.stage import say

COLUMNS = ("query_id", "q0", "doc_id", "rank", "score", "tag")


def run(
    queries: pl.DataFrame,
    documents: Documents,
    prefix: str,
    *,
    file: str,
    depth: Annotated[int, Field(ge=1)] = 100,
    ids_of: str | None = None,
) -> pl.DataFrame:
    """The first `depth` documents of every training query in a run file.

    Args:
        queries: query_id, text.
        documents: the collection.
        prefix: prefix of ids if several collections are joined. The file has ids without prefix.
        file: a file below inputs/ with lines of "query Q0 document rank score tag". Ids may be
            encoded as in Hone's own run files.
        depth: candidates per query. [Hone default]
        ids_of: the training collection of the file's ids, if several have equal ids. Only that
            collection is searched. Null: any collection. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, by descending score; ties: file order), score (the highest
        one for duplicates).

    Raises:
        Refused: a line does not have six fields, a score is NaN or infinite, or a document is not
            in the collection.
        NothingHere: it has no line for any training query.
    """
    lines = read_run(Path(file))
    lines = lines.with_columns(
        match_ids(lines["query_id"], queries["query_id"], prefix),
        match_ids(lines["doc_id"], documents.ids, prefix),
    )
    query_lines = lines.join(queries, on="query_id", how="semi", maintain_order="left")
    if query_lines.is_empty():
        raise NothingHere(
            f"{file} has no line for any of the {len(queries):,} training queries. Its first "
            "query is "
            f"'{lines['query_id'].first()}', but the first training query is "
            f"'{queries['query_id'].first()}'."
        )
    strange = query_lines.filter(~pl.col("doc_id").is_in(documents.ids.implode()))
    if len(strange):
        raise Refused(
            f"{file} has {len(strange):,} lines whose document is not in the collection, for "
            "example "
            f"{listed(strange['doc_id'].unique(maintain_order=True), 3)} (line "
            f"{strange['line'][0]}). Create the run again on "
            "this collection."
        )
    best = query_lines.sort("query_id", "score", descending=[False, True], maintain_order=True)
    ranked = best.unique(["query_id", "doc_id"], keep="first", maintain_order=True)
    if len(ranked) < len(best):
        say(
            f"retrieve: {file}: {len(best) - len(ranked):,} lines repeat a document of their "
            "query; the highest score counts"
        )
    return (
        ranked.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.col("rank") <= depth)
        .select("query_id", "doc_id", "rank", "score")
    )


def match_ids(ids: pl.Series, known: pl.Series, prefix: str) -> pl.Series:
    """Ids with their prefix, as in the collection: unchanged, or decoded from Hone's run files
    (`a%20b` is `a b`).
    """
    plain, read = (pl.select(pl.lit(prefix) + one).to_series() for one in (ids, decoded(ids)))
    return plain.zip_with(plain.is_in(known.implode()) | ~read.is_in(known.implode()), read).alias(
        ids.name
    )


def named(parameters: dict) -> tuple[str, pl.Series]:
    """The kind of the file's ids, and the columns of ids."""
    return "query", read_run(Path(parameters["file"]))["query_id"]


def read_run(file: Path) -> pl.DataFrame:
    """line, query_id, doc_id and score of every line of a TREC run file.

    Raises:
        Refused: the file is missing, empty or not UTF-8, lines are malformed, or a score is NaN or
            infinite. The message lists all such lines.
    """
    faults = Faults()
    rows = list(text_lines(file, faults))
    text = pl.DataFrame(rows, schema={"line": pl.UInt32, "text": pl.String}, orient="row")
    parts = text.filter(pl.col("text").str.strip_chars() != "").with_columns(
        parts=pl.col("text").str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ")
    )
    score = pl.col("parts").list.get(4, null_on_oob=True).cast(pl.Float32, strict=False)
    read = parts.select(
        "line",
        "text",
        count=pl.col("parts").list.len(),
        query_id=pl.col("parts").list.get(0),
        doc_id=pl.col("parts").list.get(2, null_on_oob=True),
        score=score,
    )
    shaped = (pl.col("count") == len(COLUMNS)) & pl.col("score").is_not_null()
    for line, given in (
        read.filter(~shaped)
        .select("line", pl.col("text").str.strip_chars().str.slice(0, 80))
        .rows()
    ):
        what = f"{given!r} does not have six fields, '{' '.join(COLUMNS)}', the fifth a number"
        faults.line(file, line, what, "Use the format of a TREC run file", "parts")
    for line, given in (
        read.filter(shaped & ~pl.col("score").is_finite())
        .select("line", pl.col("text").str.strip_chars().str.slice(0, 80))
        .rows()
    ):
        remedy = "Write a finite number, or delete the line"
        faults.line(file, line, f"the score of {given!r} is not finite", remedy)
    faults.refuse()
    if read.is_empty():
        raise Refused(f"{file} is empty. A TREC run file has lines of '{' '.join(COLUMNS)}'.")
    return read.drop("text", "count")
