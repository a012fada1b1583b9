"""Labels of unjudged documents by a judge: separate for each collection and judge, never part of
the collection.

They show a difference under the assumption that the judge is right. Training never reads them.
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
    "grade": pl.Float32,  # on the judge's own scale, which differs from the collection's
    "probability": pl.Float32,
    "reason": pl.String,  # why a verdict is unknown
    "judge": pl.String,
    "method": pl.String,
    "fingerprint": pl.String,
    "model": pl.String,  # as reported in the response
    "models": pl.List(pl.String),  # every name of the judge's model
    "prompt": pl.String,
    "answered": pl.String,  # time in UTC. Null if the judge's responses have no time
}


def file_of(collection: str, judge: str) -> Path:
    return label_file(f"filled/{collection}@{judge}.parquet")


def judges_of(collection: str) -> list[str]:
    """The judges that have labelled unjudged documents of a collection."""
    return [file.stem.rpartition("@")[2] for file in label_files(f"filled/{collection}@*.parquet")]


def write(frame: pl.DataFrame, file: Path) -> None:
    """Write labels atomically."""
    rows = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    with written_whole(file) as part:
        rows.write_parquet(part, compression="zstd")


def read(file: Path) -> pl.DataFrame:
    """Read the labels of a file.

    Raises:
        Refused: it is not such a table, or contains a pair twice.
    """
    try:
        frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(
            f"{file} cannot be read as Parquet ({error}). Delete it and run `hone judge unjudged` "
            "to write it again."
        ) from None
    if dict(frame.schema) != SCHEMA:
        odd = sorted(set(frame.schema.items()) ^ set(SCHEMA.items()), key=str)
        raise Refused(
            f"{file} is not a table of judged documents (column {odd[0][0]} differs). Delete it "
            "and run `hone judge unjudged` to write "
            "it again."
        )
    twice = frame.filter(pl.struct("split", *PAIR).is_duplicated())
    if len(twice):
        split, query, doc = twice.row(0)[:3]
        raise Refused(
            f"{file} contains document '{doc}' of the {split} query '{query}' twice. Delete it "
            "and run `hone judge unjudged` to write it "
            "again."
        )
    return frame


def merged(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Merge earlier and new labels: the newest verdict of a pair, but a known one before any
    unknown one.

    The result is ordered by split, query and document.
    """
    rows = pl.concat([before, now]).sort(
        pl.col("verdict").cast(pl.String) != UNKNOWN, maintain_order=True
    )
    return rows.unique(["split", *PAIR], keep="last", maintain_order=True).sort("split", *PAIR)


def with_filled(qrels: pl.DataFrame, filled: pl.DataFrame, min_relevance: int) -> pl.DataFrame:
    """A collection's labels, followed by the labels of a judge.

    A yes becomes the grade `min_relevance`, the lowest relevant one, because a judge's grades have
    their own scale. A no becomes 0. Undecided documents stay unjudged. A label of the collection
    always has priority, and unlabelled queries stay unlabelled.

    Args:
        qrels: query_id, doc_id, relevance.
        filled: rows of one split.
        min_relevance: the lowest relevance grade of a relevant document.

    Returns:
        query_id, doc_id, relevance.
    """
    kind = pl.col("verdict").cast(pl.String)
    relevance = pl.when(kind == "positive").then(min_relevance).otherwise(0).cast(pl.Int32)
    decided = filled.filter(kind != UNKNOWN).select(*PAIR, relevance=relevance)
    new = decided.join(qrels, on=PAIR, how="anti", maintain_order="left").join(
        qrels, on="query_id", how="semi", maintain_order="left"
    )
    return pl.concat([qrels.select(*PAIR, pl.col("relevance").cast(pl.Int32)), new])
