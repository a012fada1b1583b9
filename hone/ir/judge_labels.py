"""Labels by which a judge has filled holes: a set of their own for each collection and judge, never part of the collection's.

They say what a difference would be if the judge were right. Nothing that trains reads them.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data.label_files import label_file, label_files
from hone.errors import Refused
from hone.files import written_whole
from hone.layout import PAIR

UNKNOWN = "unknown"
SCHEMA = {
    "split": pl.String,
    "query_id": pl.String,
    "doc_id": pl.String,
    "verdict": pl.Enum(["positive", "negative", UNKNOWN]),
    "grade": pl.Float32,  # on the judge's own scale, which is not the collection's
    "probability": pl.Float32,
    "reason": pl.String,  # why a verdict is unknown
    "judge": pl.String,
    "method": pl.String,
    "fingerprint": pl.String,
    "model": pl.String,  # as the answer reports it
    "models": pl.List(pl.String),  # every name that the judge's model goes by
    "prompt": pl.String,
    "answered": pl.String,  # when, UTC; null where a judge's answers have no time of their own
}


def file_of(collection: str, judge: str) -> Path:
    return label_file(f"filled/{collection}@{judge}.parquet")


def judges_of(collection: str) -> list[str]:
    """The judges that have filled holes of a collection."""
    return [file.stem.rpartition("@")[2] for file in label_files(f"filled/{collection}@*.parquet")]


def write(frame: pl.DataFrame, file: Path) -> None:
    """Write labels, whole or not at all."""
    rows = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    with written_whole(file) as part:
        rows.write_parquet(part, compression="zstd")


def read(file: Path) -> pl.DataFrame:
    """The labels of a file.

    Raises:
        Refused: it is no such table, or has a pair twice.
    """
    try:
        frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(f"{file} cannot be read as Parquet ({error}): remove it, and `hone judge holes` writes it anew.") from None
    if dict(frame.schema) != SCHEMA:
        odd = sorted(set(frame.schema.items()) ^ set(SCHEMA.items()), key=str)
        raise Refused(f"{file} is no table of filled holes (the column {odd[0][0]} differs): remove it, `hone judge holes` writes it anew.")
    twice = frame.filter(pl.struct("split", *PAIR).is_duplicated())
    if len(twice):
        split, query, doc = twice.row(0)[:3]
        raise Refused(f"{file} has document '{doc}' of the {split} query '{query}' twice: remove it, `hone judge holes` writes it anew.")
    return frame


def merged(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """What was filled before and what is filled now: of a pair the newest word, but a known one before any unknown one.

    In the order of split, query and document.
    """
    rows = pl.concat([before, now]).sort(pl.col("verdict").cast(pl.String) != UNKNOWN, maintain_order=True)
    return rows.unique(["split", *PAIR], keep="last", maintain_order=True).sort("split", *PAIR)


def with_filled(qrels: pl.DataFrame, filled: pl.DataFrame, min_relevance: int) -> pl.DataFrame:
    """A collection's labels and, below them, what a judge has filled.

    A yes has the grade `min_relevance`, the lowest that is right, for a judge's grades are on a scale of its own; a no has 0.
    What it could not say stays a hole. A label of the collection always counts more, and queries without any stay without.

    Args:
        qrels: query_id, doc_id, relevance.
        filled: rows of one split.
        min_relevance: the grade from which on a document is right.

    Returns:
        query_id, doc_id, relevance.
    """
    kind = pl.col("verdict").cast(pl.String)
    relevance = pl.when(kind == "positive").then(min_relevance).otherwise(0).cast(pl.Int32)
    told = filled.filter(kind != UNKNOWN).select(*PAIR, relevance=relevance)
    new = told.join(qrels, on=PAIR, how="anti", maintain_order="left").join(qrels, on="query_id", how="semi", maintain_order="left")
    return pl.concat([qrels.select(*PAIR, pl.col("relevance").cast(pl.Int32)), new])
