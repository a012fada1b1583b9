"""Schemas of the tables, the contract between stages. One stage writes each table once. Tables
are checked on write and on read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.errors import Refused, listed
from hone.files import written_whole

ROWS_PER_GROUP = 8192
# Soft hyphen, zero-width characters, direction marks, variation selectors, tags and other
# characters that may be invisible.
INVISIBLE = (
    r"[\u{00AD}\u{034F}\u{061C}\u{115F}\u{1160}\u{17B4}\u{17B5}\u{180B}-\u{180F}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{206F}"
    r"\u{3164}\u{FE00}-\u{FE0F}\u{FEFF}\u{FFA0}\u{E0000}-\u{E0FFF}]"
)
SINGLE_QUOTES, DOUBLE_QUOTES, DASHES = r"[‘’‚‛′´ʼ‹›]", r"[“”„‟″«»]", r"[\p{Pd}\u{2212}]"

QUERIES = {"query_id": pl.String, "text": pl.String}
DOCUMENTS = {"doc_id": pl.String, "title": pl.String, "text": pl.String, "parent_id": pl.String}
QRELS = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "relevance": pl.Int32,
    "weight": pl.Float32,
    "source": pl.String,
}
CANDIDATES = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "source": pl.String,
    "rank": pl.Int32,
    "score": pl.Float32,
}

SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "queries": QUERIES,
    "documents": DOCUMENTS,
    "qrels": QRELS,
    "hidden": QRELS,
    # For reranking tasks: the only documents that are ranked for a query.
    "ranked": {"query_id": pl.String, "doc_id": pl.String},
    # Dates of documents, if known. A date consists of numbers, the most significant first. Dates
    # with the same `clock` are comparable: "calendar" (2021-03-04), or a library name for versions
    # (1.10.2).
    "dates": {"doc_id": pl.String, "clock": pl.String, "date": pl.String},
    # Other data about documents: a group, a taxonomy path, ids of linked documents. A list is
    # several rows.
    "metadata": {"doc_id": pl.String, "name": pl.String, "value": pl.String},
    # The pairs of a click log that were shown. `position` is their mean position, from 1. `rate` is
    # the click rate, or the attractiveness of a click model, with its 95 % interval. A pair without
    # `relevance` is not labelled.
    "clicks": {
        "query_id": pl.String,
        "doc_id": pl.String,
        "impressions": pl.Int64,
        "clicks": pl.Int64,
        "position": pl.Float32,
        "rate": pl.Float32,
        "low": pl.Float32,
        "high": pl.Float32,
        "relevance": pl.Int32,
    },
    # How often users searched for a query, if the source knows it.
    "traffic": {"query_id": pl.String, "searches": pl.Int64},
    "candidates": CANDIDATES,
    "scores": {
        "query_id": pl.String,
        "doc_id": pl.String,
        "scorer": pl.String,
        "score": pl.Float32,
    },
    # In selection order. `rank` and `score` are those of the candidate.
    "negatives": CANDIDATES,
    "removed": {"query_id": pl.String, "doc_id": pl.String, "rule": pl.String, "detail": pl.String},
    # `rank` is the place among the query's negatives, from 1. Null for other labels.
    "labels": {
        "query_id": pl.String,
        "doc_id": pl.String,
        "label": pl.Enum(["positive", "negative", "unknown"]),
        "grade": pl.Float32,
        "probability": pl.Float32,
        "weight": pl.Float32,
        "source": pl.String,
        "rank": pl.Int32,
        "judge": pl.String,
        "reason": pl.String,
    },
    # Verdicts of judges on a round's negatives. `answer` is the number of the response in the
    # judgment log. Its text and cost are only in its first row here. `verdict` is unknown if the
    # judge could not decide, for the `reason`. `place` is the judge's position in the cascade, from
    # 1. It is 0 for a graded labelled positive, which is not a negative.
    "judgments": {
        "query_id": pl.String,
        "doc_id": pl.String,
        "place": pl.Int32,
        "judge": pl.String,
        "fingerprint": pl.String,
        "verdict": pl.Enum(["positive", "negative", "unknown"]),
        "grade": pl.Float32,
        "probability": pl.Float32,
        "reason": pl.String,
        "answer": pl.Int64,
        "raw": pl.String,
        "model": pl.String,
        "tokens_in": pl.Int64,
        "tokens_out": pl.Int64,
        "money": pl.Float64,
        "seconds": pl.Float64,
        "asked_at": pl.String,
        "run": pl.String,
    },
    "trained": {
        "step": pl.Int32,
        "query_id": pl.String,
        "doc_id": pl.String,
        "role": pl.Enum(["positive", "negative"]),
        "loss": pl.Float32,
        "score": pl.Float32,
    },
}
# Additional columns of some tables: where a text comes from, and its collection if several are
# joined.
OPTIONAL = {
    "queries": {"origin": pl.String, "collection": pl.String},
    "documents": {"origin": pl.String},
}


def empty(table: str) -> pl.DataFrame:
    """The named table without rows."""
    return pl.DataFrame(schema=SCHEMAS[table])


def shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the columns of `table`, in order and with the right types. Missing columns
    become null.

    Raises:
        Refused: a value that does not fit the type of its column.
    """
    columns = SCHEMAS[table] | {
        name: kind for name, kind in OPTIONAL.get(table, {}).items() if name in frame.columns
    }
    try:
        return frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in columns.items()
        )
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError) as error:
        raise Refused(f"the table {table} cannot store these values: {error}") from error


def checked(table: str, columns: dict[str, pl.DataType], path: Path) -> None:
    """Raise Refused if `columns` differ from those of the table."""
    wanted = SCHEMAS[table]
    missing = [name for name in wanted if name not in columns]
    extra = [name for name in columns if name not in wanted and name not in OPTIONAL.get(table, {})]
    wrong = [
        f"{name} is {columns[name]} and must be {kind() if isinstance(kind, type) else kind}"
        for name, kind in wanted.items()
        if name in columns and columns[name] != kind
    ]
    complaints = [
        *([f"it lacks {listed(missing)}"] if missing else []),
        *([f"it has unexpected columns {listed(extra)}"] if extra else []),
        *wrong,
    ]
    if complaints:
        raise Refused(
            f"{path} is not a valid {table} table: {'; '.join(complaints)}. Run `dvc repro` to "
            "create it again."
        )


def write(table: str, frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` as the named table, atomically. Equal rows give equal bytes."""
    checked(table, dict(frame.schema), path)
    with written_whole(Path(path)) as part:
        frame.write_parquet(
            part, compression="zstd", row_group_size=ROWS_PER_GROUP, statistics=True
        )


def read(table: str, path: Path) -> pl.DataFrame:
    """Read the named table and check it."""
    return scan(table, path).collect()


def scan(table: str, path: Path) -> pl.LazyFrame:
    """The named table, checked, as a lazy frame."""
    path = Path(path)
    if not path.exists():
        raise Refused(f"{path} is missing. Run `dvc repro` to create it.")
    try:
        frame = pl.scan_parquet(path)
        columns = dict(frame.collect_schema())
    except pl.exceptions.ComputeError as error:
        raise Refused(
            f"{path} cannot be read as Parquet ({error}). Delete it and run `dvc repro`."
        ) from error
    checked(table, columns, path)
    return frame


@dataclass(frozen=True)
class Documents:
    """The documents of one collection, on disk: read by column, by chunk or by id, never all texts
    at once.

    `prefix` precedes every id (`scifact/` if several collections are joined, otherwise empty).
    `generated` is a table of generated documents, which are found by id alone: they are never
    retrieved, ranked or counted. Null: none.
    """

    path: Path
    prefix: str = ""
    generated: Path | None = None

    def __len__(self) -> int:
        return scan("documents", self.path).select(pl.len()).collect().item()

    @property
    def ids(self) -> pl.Series:
        """Every doc_id, in file order."""
        return self._scan().select("doc_id").collect()["doc_id"]

    @property
    def parents(self) -> pl.DataFrame:
        """doc_id and parent_id of the documents that are chunks."""
        return (
            self._scan()
            .select("doc_id", "parent_id")
            .filter(pl.col("parent_id").is_not_null())
            .collect()
        )

    def chunks(self, rows: int = ROWS_PER_GROUP) -> Iterator[list[str]]:
        """The texts in file order, `rows` at a time, as an encoder reads them (title, space,
        text).
        """
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=["title", "text"]):
                yield pl.from_arrow(batch).select(full_text())["full_text"].to_list()

    def chunks_of(
        self, ids: pl.Series, rows: int = ROWS_PER_GROUP
    ) -> Iterator[tuple[list[str], list[str]]]:
        """doc_ids and texts of the `ids` that exist here or are generated, in file order."""
        import pyarrow.parquet

        for path in self._paths:
            with pyarrow.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(
                    batch_size=rows, columns=["doc_id", "title", "text"]
                ):
                    read = pl.from_arrow(batch).with_columns(prefixed(self.prefix, "doc_id"))
                    wanted = read.filter(pl.col("doc_id").is_in(ids.implode())).select(
                        "doc_id", full_text()
                    )
                    if len(wanted):
                        yield wanted["doc_id"].to_list(), wanted["full_text"].to_list()

    def texts(self, ids: Iterable[str]) -> pl.DataFrame:
        """doc_id, full_text and parent_id of the `ids` that exist here, or are generated."""
        wanted = pl.LazyFrame({"doc_id": list(ids)}, schema={"doc_id": pl.String}).unique()
        parts = [
            self._scan(path)
            .join(wanted, on="doc_id", how="semi")
            .select("doc_id", full_text(), "parent_id")
            .collect(engine="streaming")
            for path in self._paths
        ]
        return pl.concat(parts)

    @property
    def _paths(self) -> list[Path]:
        """The tables in which a document is found by its id."""
        return [self.path, *([] if self.generated is None else [self.generated])]

    def _scan(self, path: Path | None = None) -> pl.LazyFrame:
        frame = scan("documents", path or self.path)
        if self.prefix:
            frame = frame.with_columns(prefixed(self.prefix, "doc_id", "parent_id"))
        return frame


def prefixed(prefix: str, *names: str) -> list[pl.Expr]:
    """The id columns with `prefix` before each id, under their own names. Null stays null."""
    return [(pl.lit(prefix) + pl.col(name)).alias(name) for name in names]


def full_text() -> pl.Expr:
    """The text that an encoder reads of a document: title, a space, text (as in BEIR and MTEB).
    The text alone if untitled.
    """
    title, text = pl.col("title").fill_null(""), pl.col("text").fill_null("")
    return (
        pl.when(title == "")
        .then(text)
        .otherwise(title + " " + text)
        .str.strip_chars()
        .alias("full_text")
    )


def normalised(text: pl.Expr) -> pl.Expr:
    """The normalized form for comparing texts. Texts that differ only in character encoding, case,
    spaces or outer marks are equal.

    Filters, masks, splits, leakage and the audit all use this definition of the same query or
    document. The form is never encoded, shown to a judge or hashed into a key of the embedding
    cache or judgment log. Steps in order: straighten curly quotes (NFKC would split some), apply
    Unicode NFKC (full width, ligatures, combining accents), remove invisible characters, unify
    dashes, fold case (by upper case, so ß equals ss), collapse white space, and strip outer
    punctuation and white space.
    """
    return text.map_batches(_normalised, return_dtype=pl.String)


def _normalised(texts: pl.Series) -> pl.Series:
    """`normalised` for a column. Pure ASCII texts, the majority, take a third of the time."""
    plain = texts.str.to_lowercase()
    other = texts.str.contains(r"[^\x00-\x7F]").fill_null(False).arg_true()
    if len(other):
        straight = (
            texts.gather(other)
            .str.replace_all(SINGLE_QUOTES, "'")
            .str.replace_all(DOUBLE_QUOTES, '"')
        )
        plain_unicode = (
            straight.str.normalize("NFKC")
            .str.replace_all(INVISIBLE, "")
            .str.replace_all(DASHES, "-")
        )
        plain = plain.scatter(other, plain_unicode.str.to_uppercase().str.to_lowercase())
    return plain.str.replace_all(r"\s+", " ").str.strip_chars(" .,;:!?\"'()[]")
