"""Rows that cannot train as they are meant to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from commands.audit.dataset import Subject, with_same
from commands.audit.finding import LISTED, SHOWN, Example, Finding, cut, places, text_of, where
from hone.encoders.text_lengths import cut_texts

if TYPE_CHECKING:
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, Route

CHARACTERS_A_TOKEN = 4  # English, roughly
LENGTH = 256  # tokens, where no encoder says how far it reads


def broken(subject: Subject, reader: ModelFolder | None, reading: Reading) -> list[Finding]:
    """Findings among rows and labels.

    Args:
        subject: what is audited.
        reader: the model whose tokenizer counts; null: characters are counted instead.
        reading: its length and prompts.
    """
    positives = subject.of_training(subject.positives)
    equal = with_same(positives, subject).filter(pl.col("query_same") == pl.col("document_same"))
    return [
        empty(subject, "queries", "query_id"),
        empty(subject, "documents", "doc_id"),
        Finding(
            name="positive-is-query",
            title="Positives that are the query itself",
            count=len(equal),
            of=len(positives),
            unit="positives",
            harm="mend",
            means="There is nothing to learn from such a pair, and its loss is near 0 from the start.",
            cure="Delete them.",
            examples=tuple(
                Example(where(subject, row), (("Query and answer", text_of(subject.queries, row["query"])),))
                for row in equal.head(SHOWN).to_dicts()
            ),
            places=places(subject, equal),
        ),
        *(lines(subject) if subject.kind == "triplets" else labels(subject)),
        long(subject.documents["text"], "documents", "document", reader, reading),
        long(subject.queries["text"], "queries", "query", reader, reading),
    ]


def empty(subject: Subject, table: str, key: str) -> Finding:
    frame = {"queries": subject.queries, "documents": subject.documents}[table]
    bare = frame.filter(pl.col("same").is_null())
    if subject.kind == "triplets":
        pairs = pl.concat([subject.positives, subject.negatives]) if table == "documents" else subject.rows
        number = {"queries": "query", "documents": "document"}[table]
        rows = pairs.join(bare.select(number), on=number, how="semi")["row"].unique().sort()
        count, of, unit, where_ = len(rows), len(subject.rows), "lines", tuple(rows.head(LISTED).to_list())
    else:
        count, of, unit, where_ = len(bare), len(frame), table, tuple(bare[key].fill_null("(no id)").head(LISTED).to_list())
    told = {"queries": "query", "documents": "document"}[table]
    return Finding(
        name=f"empty-{table}",
        title=f"Empty texts of {table}",
        count=count,
        of=of,
        unit=unit,
        harm="mend",
        means=f"An empty {told} has a vector like any other: the model is pulled to it, or pushed from it.",
        cure="Delete these rows; Hone refuses a collection that has them.",
        examples=tuple(Example(f"line {name}" if subject.kind == "triplets" else f"{told} {name}", ()) for name in where_[:SHOWN]),
        places=where_,
    )


def lines(subject: Subject) -> list[Finding]:
    """Lines of a training file without positives or negatives."""
    told = (
        (
            "positives",
            "mend",
            "No loss can be computed for them; many libraries drop them without a word.",
            "Delete them, or add the answer.",
        ),
        (
            "negatives",
            "know",
            "Only the other answers of the batch stand against the positive: easy ones, as a rule.",
            "Mine negatives for them: `hone recipes` lists the ways.",
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
                Example(f"line {row['row']:,}", (("Query", cut(subject.queries["text"][row["query"]])),))
                for row in rows.head(SHOWN).to_dicts()
            ),
            places=tuple(rows["row"].head(LISTED).to_list()),
        )
        for column, harm, means, cure in told
        for rows in [subject.rows.filter(pl.col(column) == 0)]
    ]


def labels(subject: Subject) -> list[Finding]:
    """Labels for what is not there, ids that stand twice, and training queries without an answer."""
    answered = pl.concat([subject.positives, subject.hidden])["query"]
    bare = subject.training.filter(~pl.col("query").is_in(answered.implode()))
    total = len(subject.positives) + len(subject.judged) + len(subject.negatives) + len(subject.absent)
    doubled = [(table, name) for table, names in subject.doubled.items() for name in names]
    return [
        Finding(
            name="absent",
            title="Labels that name what is not there",
            count=len(subject.absent),
            of=total,
            unit="labels",
            harm="mend",
            means="The query has fewer answers than its labels say; with all of them absent it cannot train.",
            cure="Add what is missing, or set `absent_labels: ignore` in params.yaml, which leaves such labels out and counts them.",
            examples=tuple(
                Example(f"query {row['query_id']}, document {row['doc_id']}", (("Missing", f"the {row['absent']}"),))
                for row in subject.absent.head(SHOWN).to_dicts()
            ),
            places=tuple(f"query {row['query_id']}, document {row['doc_id']}" for row in subject.absent.head(LISTED).to_dicts()),
        ),
        Finding(
            name="doubled-ids",
            title="Ids that stand more than once",
            count=len(doubled),
            of=len(subject.documents) + len(subject.queries),
            unit="ids",
            harm="mend",
            means="Which of the texts a label means cannot be told; this page took the first.",
            cure="Give each text an id of its own; Hone refuses such a collection.",
            examples=tuple(Example(f"{table}: {name}", ()) for table, name in doubled[:SHOWN]),
            places=tuple(name for _, name in doubled[:LISTED]),
        ),
        Finding(
            name="no-positives",
            title="Training queries without an answer",
            count=len(bare),
            of=len(subject.training),
            unit="training queries",
            harm="know",
            means="They cannot train: Hone leaves them out, each with a row in removed.parquet.",
            cure="Nothing, or label them.",
            examples=tuple(Example(f"query {row['query_id']}", (("Query", cut(row["text"])),)) for row in bare.head(SHOWN).to_dicts()),
            places=tuple(bare["query_id"].head(LISTED).to_list()),
        ),
    ]


def long(texts: pl.Series, table: str, route: Route, reader: ModelFolder | None, reading: Reading) -> Finding:
    """Texts that are longer than what the model reads, by its own tokenizer."""
    cure = "Cut such texts into chunks (`parent_id`, docs/collections.md), or raise `model.max_length`, at a price in time."
    name, title = f"long-{table}", f"{table.capitalize()} longer than the model reads"
    if reader is None:
        length = reading.max_length or LENGTH
        most = length * CHARACTERS_A_TOKEN
        count = int((texts.str.len_chars() > most).sum())
        means = f"About {most:,} characters ({length} tokens) are read; what decides may stand behind them."
        note = "No tokenizer is here: characters were counted, some four to a token in English. `hone doctor` says why there is no model."
        return Finding(name, title, count, len(texts), table, "know", means, cure, note=note)
    found = cut_texts(texts, reader, reading, route)
    means = f"{found.told(table)[0].upper()}{found.told(table)[1:]}; what decides may stand there."
    return Finding(name, title, found.cut, found.counted, table, "know", means, cure)
