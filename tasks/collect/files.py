"""files: a folder of Markdown, text, HTML, PDF and CSV documents, split into chunks by headings
and tokens.

Markdown is read by markdown-it-py, HTML by selectolax, PDF by pypdf, and semantic-text-splitter
splits the texts. A file is the parent of its chunks. Each row of a CSV file is a document. Queries
and labels are in the same folder, in the layout of `folder`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hone.data.file_faults import Faults, Faulty
from hone.data.source import DATED, DOCUMENTS, QRELS, QUERIES, Source, frame
from hone.encoders.model_folder import ModelFolder, folder_of
from hone.errors import Refused, listed, printable
from hone.stage import may_download
from tasks.collect.file_chunks import ChunkSize, chunk_ids
from tasks.collect.file_listing import FORMATS, TABLE_ENDINGS, Listing, list_files
from tasks.collect.file_reader import FileReader
from tasks.collect.folder import (
    CALENDAR,
    attempt,
    filled,
    from_columns,
    has_table,
    read_table,
    with_days,
)
from tasks.collect.metadata import of_records

READS_FILES = True
MOST_TOKENS = 256  # of a chunk, if `tokens` is null and the model reads more
EXAMPLES = 3  # reasons in the message if no file can be read
REMOVED = {"doc_id": pl.String, "rule": pl.String, "detail": pl.String}


def needs_model(parameters: dict[str, Any]) -> bool:
    """Whether chunks are measured by the model's tokenizer."""
    return parameters["chunk"]["characters"] is None


class Chunking(BaseModel):
    """The maximum size of a chunk. Either `tokens` or `characters`.

    Attributes:
        tokens: of the model's tokenizer, for title and text together. Null: as many as the model
            reads, at most 256.
        characters: of the text. The chunks then do not depend on the model.
        overlap: of neighboring chunks of a section, in the same unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: Annotated[int, Field(ge=16)] | None = None
    characters: Annotated[int, Field(ge=50)] | None = None
    overlap: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def refuse_unfit_sizes(self) -> Chunking:
        if self.tokens and self.characters:
            raise ValueError("`chunk` has both `tokens` and `characters`. Delete one of them")
        most = self.tokens or self.characters
        if most and self.overlap * 4 > most:
            raise ValueError(
                f"`overlap` is {self.overlap}, more than a quarter of a chunk ({most}). Lower it"
            )
        return self


DEFAULT = Chunking()


@dataclass
class Found:
    """Documents as they are read.

    Attributes:
        rows: of the table of documents, for chunks.
        records: metadata of each document.
        tables: documents of CSV files.
        metadata: other columns of CSV files.
        fragments: the chunks of each heading, by path, `#` and fragment.
        unread: the reason for each file that is not read.
    """

    rows: list[tuple] = field(default_factory=list)
    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tables: list[pl.DataFrame] = field(default_factory=list)
    metadata: list[pl.DataFrame] = field(default_factory=list)
    fragments: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def files(
    path: Path,
    what: str | None,
    model: dict[str, Any] | None,
    generated: bool = False,
    *,
    chunk: Chunking = DEFAULT,
    max_bytes: Annotated[int, Field(ge=1)] = 20_000_000,
    seconds: Annotated[float, Field(gt=0)] = 60.0,
) -> Source:
    """Read the documents of a folder, and its queries and qrels files.

    Args:
        path: the folder.
        what: the same, as a part of `source`, or null.
        model: the model with the tokenizer: name, revision, fingerprint, max_length, prompt.
            Null if chunks are measured in characters.
        generated: queries are generated for it, so queries and qrels may be missing.
        chunk: the maximum size of a chunk: `tokens` (null: as many as the model reads, at most
            256) or `characters`, and `overlap`. [Hone default]
        max_bytes: the maximum size of a file. Larger files are not read. [Hone default]
        seconds: the time limit for one file. [Hone default]

    Raises:
        Refused: the folder has no readable document, or no queries or qrels. All errors are
            reported at once.
    """
    root, faults = Path(what) if what else path, Faults()
    if not root.is_dir():
        raise Refused(f"{root} is not a folder. Correct `path` in params.yaml.")
    listing = list_files(root, max_bytes)
    tables = {
        name: pl.DataFrame(schema=schema)
        if generated and not has_table(root, name)
        else attempt(faults, name, labels_of, root, name, faults)
        for name, schema in LABELS.items()
    }
    found = Found(unread=dict(listing.unread))
    if not listing.readable:
        faults.note(nothing_readable(listing))
        raise Faulty(faults, None)
    size = chunk_size(Chunking.model_validate(chunk), model)
    with FileReader(size, seconds) as reader:
        for name in listing.readable:
            read_document_file(found, root, name, reader)
    if not found.rows and not found.tables:
        faults.note(nothing_readable(Listing(root, unread=found.unread)))
    if faults:
        raise Faulty(faults, None)
    documents = documents_of(found)
    return Source(
        documents=documents,
        queries=tables["queries"],
        qrels=with_fragments(tables["qrels"], documents, found.fragments),
        metadata=pl.concat([of_records(found.records), *found.metadata]).unique(
            maintain_order=True
        ),
        counts={
            "unread_files": len(found.unread),
            "missing_titles": documents["title"].null_count(),
        },
        removed=pl.DataFrame(
            [(name, "unread", why) for name, why in sorted(found.unread.items())],
            schema=REMOVED,
            orient="row",
        ),
    )


LABELS = {"queries": QUERIES, "qrels": QRELS}
COLUMNS = {
    "queries": "columns query_id, text",
    "qrels": "columns query_id, doc_id; a doc_id is the path of a file in the folder, such as "
    "guide/setup.md, or a path and a heading, such as guide/setup.md#install",
}


def labels_of(root: Path, table: str, faults: Faults) -> pl.DataFrame:
    """The queries or qrels at the top of the folder.

    Raises:
        Refused: the file is missing, ambiguous or unreadable, or lacks a column.
    """
    if not has_table(root, table):
        endings = listed(f"{table}{ending}" for ending in TABLE_ENDINGS)
        raise Refused(
            f"{root} has documents but no {table} file. Hone trains and evaluates on queries and "
            f"their labels. Add one of {endings} at the top of the folder ({COLUMNS[table]}), or "
            "let queries be generated (`generate` in params.yaml, docs/how-to/generate.md)."
        )
    return filled(read_table(root, table, faults), LABELS[table])


def nothing_readable(listing: Listing) -> str:
    """The message if no file of a folder can be read, without the final period."""
    examples = "; ".join(
        f"'{printable(name, lines=False)}': {printable(why, lines=False)}"
        for name, why in list(listing.unread.items())[:EXAMPLES]
    )
    more = len(listing.unread) - EXAMPLES
    found = examples + (f"; and {more:,} more" if more > 0 else "") or "The folder is empty"
    return (
        f"{listing.root} has no readable document. {found}. Add files of these types: "
        f"{', '.join(FORMATS)}"
    )


def chunk_size(chunk: Chunking, model: dict[str, Any] | None) -> ChunkSize:
    """The maximum size of chunks, with the tokenizer that measures them.

    Raises:
        Refused: the model is not on this machine, or has no tokenizer.json.
    """
    if chunk.characters:
        return ChunkSize(chunk.characters, chunk.overlap)
    if model["fingerprint"] is None:
        may_download()
    folder = ModelFolder(folder_of(model["name"], model["revision"]))
    tokenizers = sorted(folder.path.rglob("tokenizer.json"))
    if not tokenizers:
        raise Refused(
            f"{folder.path} has no tokenizer.json, so chunks cannot be measured in tokens. Set "
            "`options: {chunk: {characters: 1000}}`."
        )
    most = chunk.tokens or min(MOST_TOKENS, model["max_length"] or folder.max_length)
    if chunk.overlap * 4 > most:
        raise Refused(
            f"`chunk.overlap` is {chunk.overlap}, more than a quarter of a chunk ({most} tokens). "
            "Lower it."
        )
    prompt = folder.prompt("document") if model["prompt"] is None else model["prompt"]
    return ChunkSize(most, chunk.overlap, str(tokenizers[0].resolve()), prompt)


def read_document_file(found: Found, root: Path, name: str, reader: FileReader) -> None:
    """Add the documents of one file to `found`, or the reason why it cannot be read."""
    file = root / name
    kind = FORMATS[file.suffix.lower()]
    if kind == "csv":
        try:
            read_rows(found, file, name)
        except Refused as refusal:
            found.unread[name] = str(refusal)
        return
    read = reader.read(file.resolve(), kind, file.stem)
    if read.reason:
        found.unread[name] = read.reason
        return
    ids = chunk_ids(name, read.chunks)
    for number, (doc_id, part) in enumerate(zip(ids, read.chunks, strict=True), start=1):
        found.rows.append((doc_id, read.title, part.text, name, str(file), number))
        record = {"title": read.title, "path": name, "heading": " > ".join(part.headings)}
        found.records.append((doc_id, record))
        for fragment in dict.fromkeys(part.fragments):
            found.fragments.setdefault(f"{name}#{fragment}", []).append(doc_id)


def read_rows(found: Found, file: Path, name: str) -> None:
    """Add the rows of a CSV file, with the columns of `folder`. The id is the path, `#`, and the
    column `doc_id` or else the row number. The header is row 1.

    Raises:
        Refused: the file cannot be read, or a row is invalid.
    """
    faults = Faults()
    given = from_columns(file, "documents", faults, numbered=True)
    rows = given.rows
    if "date" in rows.columns:
        rows = with_days(rows, file, faults)
    faults.refuse()
    if rows.is_empty():
        raise Refused(f"{file} has no rows")
    rows = rows.with_columns(
        pl.format("{}#{}", pl.lit(name), key).alias(key)
        for key in ("doc_id", "parent_id")
        if key in rows.columns
    )
    found.tables.append(filled(replace(given, rows=rows), DOCUMENTS | DATED))
    own = pl.format("{}#{}", pl.lit(name), "doc_id").alias("doc_id")
    found.metadata.append(given.metadata.with_columns(own))
    titles = rows["title"] if "title" in rows.columns else [None] * len(rows)
    records = zip(rows["doc_id"], titles, strict=True)
    found.records += [(doc_id, {"title": title, "path": name}) for doc_id, title in records]


def documents_of(found: Found) -> pl.DataFrame:
    """The table of documents: chunks, then rows of CSV files, in the order of their paths."""
    chunks = frame(DOCUMENTS, found.rows).with_columns(
        clock=pl.lit(CALENDAR), date=pl.lit(None, dtype=pl.String)
    )
    return pl.concat([chunks, *found.tables]).sort("file", maintain_order=True)


def with_fragments(
    qrels: pl.DataFrame, documents: pl.DataFrame, fragments: dict[str, list[str]]
) -> pl.DataFrame:
    """The labels, with one row per chunk for each label that names a heading.

    A label of a chunk takes precedence over one of its heading. Two headings of a chunk may have
    labels with different grades. The chunk then has the higher grade.
    """
    known = pl.concat([documents["doc_id"], documents["parent_id"]]).drop_nulls()
    named = {
        label: chunks
        for label in qrels["doc_id"].drop_nulls().unique().to_list()
        if label not in known and (chunks := chunks_of(label, fragments))
    }
    if not named:
        return qrels
    table = pl.DataFrame(
        [(label, chunk) for label, chunks in named.items() for chunk in chunks],
        schema={"doc_id": pl.String, "chunk": pl.String},
        orient="row",
    )
    pair = ["query_id", "doc_id"]
    spread = (
        qrels.join(table, on="doc_id", how="inner", maintain_order="left")
        .with_columns(doc_id=pl.col("chunk"))
        .drop("chunk")
        .join(qrels, on=pair, how="anti", maintain_order="left")
        .sort("relevance", descending=True, maintain_order=True, nulls_last=True)
        .unique(pair, keep="first", maintain_order=True)
    )
    others = qrels.filter(~pl.col("doc_id").is_in(list(named)).fill_null(False))
    return pl.concat([others, spread]).sort("file", "row", maintain_order=True)


def chunks_of(label: str, fragments: dict[str, list[str]]) -> list[str]:
    """The chunks below the heading that a label names. Case does not matter in a heading."""
    for place, character in enumerate(label):
        if character == "#":
            fragment = " ".join(label[place + 1 :].casefold().split())
            if chunks := fragments.get(f"{label[:place]}#{fragment}"):
                return chunks
    return []
