"""Malformed rows and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from commands.audit.dataset import Subject, with_same
from commands.audit.finding import (
    LISTED,
    MAX_EXAMPLES,
    Example,
    Finding,
    cut,
    places,
    text_of,
    where,
)
from hone.encoders.text_lengths import cut_texts

if TYPE_CHECKING:
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, Route

CHARACTERS_A_TOKEN = 4  # approximate value for English
LENGTH = 256  # assumed maximum tokens without an encoder


def find_malformed(subject: Subject, reader: ModelFolder | None, reading: Reading) -> list[Finding]:
    """Findings on rows and labels.

    Args:
        subject: the data.
        reader: the model whose tokenizer counts tokens; null: characters are counted instead.
        reading: its maximum length and prompts.
    """
    positives = subject.of_training(subject.positives)
    equal = with_same(positives, subject).filter(pl.col("query_same") == pl.col("document_same"))
    return [
        find_empty(subject, "queries", "query_id"),
        find_empty(subject, "documents", "doc_id"),
        Finding(
            name="positive-is-query",
            title="Positives with the same text as the query",
            count=len(equal),
            of=len(positives),
            unit="positives",
            harm="fix",
            means="The model learns nothing from such a pair. Its loss is near 0 from the start.",
            cure="Delete them.",
            examples=tuple(
                Example(
                    where(subject, row),
                    (("Query and positive", text_of(subject.queries, row["query"])),),
                )
                for row in equal.head(MAX_EXAMPLES).to_dicts()
            ),
            places=places(subject, equal),
        ),
        *(find_bad_lines(subject) if subject.kind == "triplets" else find_bad_labels(subject)),
        find_long_texts(subject.documents["text"], "documents", "document", reader, reading),
        find_long_texts(subject.queries["text"], "queries", "query", reader, reading),
    ]


def find_empty(subject: Subject, table: str, key: str) -> Finding:
    frame = {"queries": subject.queries, "documents": subject.documents}[table]
    bare = frame.filter(pl.col("same").is_null())
    if subject.kind == "triplets":
        pairs = (
            pl.concat([subject.positives, subject.negatives])
            if table == "documents"
            else subject.rows
        )
        number = {"queries": "query", "documents": "document"}[table]
        rows = pairs.join(bare.select(number), on=number, how="semi")["row"].unique().sort()
        count, of, unit, where_ = (
            len(rows),
            len(subject.rows),
            "lines",
            tuple(rows.head(LISTED).to_list()),
        )
    else:
        count, of, unit, where_ = (
            len(bare),
            len(frame),
            table,
            tuple(bare[key].fill_null("(no id)").head(LISTED).to_list()),
        )
    label = {"queries": "query", "documents": "document"}[table]
    return Finding(
        name=f"empty-{table}",
        title=f"Empty texts of {table}",
        count=count,
        of=of,
        unit=unit,
        harm="fix",
        means=f"An empty {label} has a vector like any other text, so it distorts the embedding "
        "space.",
        cure="Delete these rows. Hone rejects a collection with empty texts.",
        examples=tuple(
            Example(f"line {name}" if subject.kind == "triplets" else f"{label} {name}", ())
            for name in where_[:MAX_EXAMPLES]
        ),
        places=where_,
    )


def find_bad_lines(subject: Subject) -> list[Finding]:
    """Lines of a training file without positives or negatives."""
    missing = (
        (
            "positives",
            "fix",
            "No loss can be computed for them. Many libraries drop them silently.",
            "Delete them, or add a positive.",
        ),
        (
            "negatives",
            "note",
            "They only have in-batch negatives, which are usually easy.",
            "Mine negatives for them. `hone recipes` lists the methods.",
        ),
    )
    return [
        Finding(
            name=f"no-{column}",
            title=f"Lines without {column}",
            count=len(rows),
            of=len(subject.rows),
            unit="lines",
            harm=harm,
            means=means,
            cure=cure,
            examples=tuple(
                Example(
                    f"line {row['row']:,}", (("Query", cut(subject.queries["text"][row["query"]])),)
                )
                for row in rows.head(MAX_EXAMPLES).to_dicts()
            ),
            places=tuple(rows["row"].head(LISTED).to_list()),
        )
        for column, harm, means, cure in missing
        for rows in [subject.rows.filter(pl.col(column) == 0)]
    ]


def find_bad_labels(subject: Subject) -> list[Finding]:
    """Labels of missing texts, duplicate ids, and training queries without positives."""
    answered = pl.concat([subject.positives, subject.hidden])["query"]
    bare = subject.training.filter(~pl.col("query").is_in(answered.implode()))
    total = (
        len(subject.positives) + len(subject.judged) + len(subject.negatives) + len(subject.absent)
    )
    doubled = [(table, name) for table, names in subject.doubled.items() for name in names]
    return [
        Finding(
            name="absent",
            title="Labels of missing queries or documents",
            count=len(subject.absent),
            of=total,
            unit="labels",
            harm="fix",
            means="The query has fewer positives than labels. Without any positive, it cannot be "
            "used for training.",
            cure="Add the missing texts, or set `absent_labels: ignore` in params.yaml, which "
            "drops and counts such labels.",
            examples=tuple(
                Example(
                    f"query {row['query_id']}, document {row['doc_id']}",
                    (("Missing", f"the {row['absent']}"),),
                )
                for row in subject.absent.head(MAX_EXAMPLES).to_dicts()
            ),
            places=tuple(
                f"query {row['query_id']}, document {row['doc_id']}"
                for row in subject.absent.head(LISTED).to_dicts()
            ),
        ),
        Finding(
            name="doubled-ids",
            title="Duplicate ids",
            count=len(doubled),
            of=len(subject.documents) + len(subject.queries),
            unit="ids",
            harm="fix",
            means="A label with such an id is ambiguous. This report uses the first text.",
            cure="Use a unique id for each text. Hone rejects a collection with duplicate ids.",
            examples=tuple(
                Example(f"{table}: {name}", ()) for table, name in doubled[:MAX_EXAMPLES]
            ),
            places=tuple(name for _, name in doubled[:LISTED]),
        ),
        Finding(
            name="no-positives",
            title="Training queries without positives",
            count=len(bare),
            of=len(subject.training),
            unit="training queries",
            harm="note",
            means="They cannot be used for training. Hone excludes them and records each in "
            "removed.parquet.",
            cure="None, or label them.",
            examples=tuple(
                Example(f"query {row['query_id']}", (("Query", cut(row["text"])),))
                for row in bare.head(MAX_EXAMPLES).to_dicts()
            ),
            places=tuple(bare["query_id"].head(LISTED).to_list()),
        ),
    ]


def find_long_texts(
    texts: pl.Series, table: str, route: Route, reader: ModelFolder | None, reading: Reading
) -> Finding:
    """Texts that exceed the model's maximum length, by its own tokenizer."""
    cure = (
        "Split such texts into chunks (`parent_id`, docs/how-to/collections.md), or raise "
        "`model.max_length` (slower)."
    )
    name, title = f"long-{table}", f"{table.capitalize()} longer than the model's maximum length"
    if reader is None:
        length = reading.max_length or LENGTH
        most = length * CHARACTERS_A_TOKEN
        count = int((texts.str.len_chars() > most).sum())
        means = (
            f"The model reads about {most:,} characters ({length} tokens). The relevant part "
            "may be truncated."
        )
        note = (
            "Without a tokenizer, characters were counted, about four per token in English. "
            "Run `hone doctor` to check the model."
        )
        return Finding(name, title, count, len(texts), table, "note", means, cure, note=note)
    found = cut_texts(texts, reader, reading, route)
    means = (
        f"{found.describe(table)[0].upper()}{found.describe(table)[1:]}. The relevant part may be "
        "truncated."
    )
    return Finding(name, title, found.cut, found.counted, table, "note", means, cure)
