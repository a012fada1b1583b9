"""Duplicates and near-duplicates."""

from __future__ import annotations

import polars as pl

from commands.audit.dataset import Subject
from commands.audit.finding import LISTED, MAX_EXAMPLES, Example, Finding, cut
from hone.seeds import generator
from hone.text.alike import CHARACTERS, clustered, drawn

RULES = "sample.filters: [labelled, same-text, near-duplicate]"


def duplicates(
    subject: Subject, seed: int, most: int
) -> tuple[list[Finding], dict[str, pl.DataFrame]]:
    """Findings on documents, queries and lines, and the clusters of near-duplicates for later
    checks.

    Args:
        subject: the data.
        seed: seed of the sample if there are more texts than `most`.
        most: largest number of texts to compare for near-duplicates.

    Returns:
        Findings, and {"documents", "queries"}: same, cluster.
    """
    draw = generator(seed, "audit", "near duplicates")
    lots = pl.DataFrame(
        {"query": subject.queries["query"], "lot": draw.permutation(len(subject.queries))}
    )
    pairs = (
        pl.concat([subject.positives, subject.negatives])
        .join(lots, on="query", how="left", maintain_order="left")
        .sort("lot")
    )
    together = pairs.join(
        subject.documents.select("document", "same"),
        on="document",
        how="left",
        maintain_order="left",
    )["same"]
    chosen = {
        "documents": drawn(subject.documents, together, draw, most),
        "queries": drawn(subject.queries, lots["lot"].head(0).cast(pl.UInt64), draw, most),
    }
    clusters = {
        "documents": clustered(chosen["documents"]),
        "queries": clustered(chosen["queries"], characters=CHARACTERS),
    }
    found = [
        find_repeated_lines(subject),
        same_documents(subject),
        find_near_duplicates(subject, "documents", chosen["documents"], clusters["documents"]),
        same_queries(subject),
        find_near_duplicates(subject, "queries", chosen["queries"], clusters["queries"]),
    ]
    return [one for one in found if one is not None], clusters


def find_repeated_lines(subject: Subject) -> Finding | None:
    """Lines that repeat an earlier line."""
    if subject.kind != "triplets":
        return None
    again = subject.rows.filter("repeats")
    return Finding(
        name="repeated-lines",
        title="Repeated lines",
        count=len(again),
        of=len(subject.rows),
        unit="lines",
        harm="fix",
        means="A repeated example has twice the weight. If both copies are in a batch, its "
        "positive is also an in-batch negative.",
        cure="Delete them. Hone's `source: triplets` uses each text once, regardless of repeated "
        "lines.",
        examples=tuple(
            Example(
                f"line {row['row']:,}", (("Query", cut(subject.queries["text"][row["query"]])),)
            )
            for row in again.head(MAX_EXAMPLES).to_dicts()
        ),
        places=tuple(again["row"].head(LISTED).to_list()),
    )


def same_documents(subject: Subject) -> Finding:
    """Documents that differ at most in case, white space, and leading or trailing punctuation."""
    return Finding(
        name="same-documents",
        title="Documents with the same text",
        **summarize_repeats(subject.documents, "doc_id", "Document", subject.kind),
        unit="documents",
        harm="fix",
        means="A copy of a positive with a different id can be mined as a negative. Then the "
        "model learns to reject the positive.",
        cure=f"Keep one copy of each, or use these filters for mining: `{RULES}`.",
    )


def same_queries(subject: Subject) -> Finding:
    """Queries with the same text and different ids."""
    return Finding(
        name="same-queries",
        title="Queries with the same text and different ids",
        **summarize_repeats(subject.queries, "query_id", "Query", subject.kind),
        unit="queries",
        harm="fix",
        means="The positives of one are unlabelled for the other, so they can become in-batch or "
        "mined negatives.",
        cure="Use one id, so that they share all positives. `source: triplets` does this for "
        "identical texts.",
    )


def summarize_repeats(frame: pl.DataFrame, key: str, label: str, kind: str) -> dict:
    """count, of, examples and places of rows whose text repeats an earlier row."""
    texts = frame.filter(pl.col("same").is_not_null())
    again = texts.filter(pl.col("same").is_first_distinct().not_())
    first = texts.filter(pl.col("same").is_first_distinct()).select(
        "same", first=key, first_text="text", first_row="row"
    )
    examples = (
        again.head(MAX_EXAMPLES)
        .join(first, on="same", how="left", maintain_order="left")
        .to_dicts()
    )
    by_line = kind == "triplets"

    def name(row: dict, before: str = "") -> str:
        number = row[f"{before}_row" if before else "row"]
        return f"line {number:,}" if by_line else str(row[before or key])

    return {
        "count": len(again),
        "of": len(frame),
        "examples": tuple(
            Example(
                f"{name(row)} and {name(row, 'first')}",
                (
                    (f"{label}, {name(row, 'first')}", cut(row["first_text"])),
                    (f"{label}, {name(row)}", cut(row["text"])),
                ),
            )
            for row in examples
        ),
        "places": tuple(again["row" if by_line else key].head(LISTED).to_list()),
    }


def find_near_duplicates(
    subject: Subject, table: str, chosen: pl.DataFrame, clusters: pl.DataFrame
) -> Finding:
    """Different texts that are near-duplicates."""
    label = {"documents": "Document", "queries": "Query"}[table]
    key = {"documents": "doc_id", "queries": "query_id"}[table]
    rows = chosen.join(clusters, on="same", how="left", maintain_order="left")
    again = rows.filter(pl.col("cluster").is_first_distinct().not_())
    first = rows.filter(pl.col("cluster").is_first_distinct()).select(
        "cluster", first="text", first_id=key, first_row="row"
    )
    by_line = subject.kind == "triplets"
    examples = (
        again.head(MAX_EXAMPLES)
        .join(first, on="cluster", how="left", maintain_order="left")
        .to_dicts()
    )
    total = (subject.documents if table == "documents" else subject.queries)["same"].n_unique()
    means = {
        "documents": "A near-duplicate of a positive is usually relevant too. As a mined "
        "negative, it contradicts the label.",
        "queries": "In a batch, their positives are negatives for each other. A random split can "
        "put one in training and one in test.",
    }[table]
    cure = {
        "documents": f"Use these filters for mining: `{RULES}`.",
        "queries": "Use Hone's split, which keeps near-duplicates together "
        "(docs/how-to/collections.md).",
    }[table]

    def name(row: dict, which: str) -> str:
        return (
            f"line {row[f'{which}row']:,}" if by_line else str(row[f"{which}id" if which else key])
        )

    return Finding(
        name=f"near-{table}",
        title=f"{label[:-1] + 'ies' if label.endswith('y') else label + 's'} that are "
        "near-duplicates of another",
        count=len(again),
        of=len(chosen),
        unit=f"different {table}",
        harm="note",
        means=means,
        cure=cure,
        examples=tuple(
            Example(
                f"{name(row, '')} and {name(row, 'first_')}",
                (
                    (f"{label}, {name(row, 'first_')}", cut(row["first"])),
                    (f"{label}, {name(row, '')}", cut(row["text"])),
                ),
            )
            for row in examples
        ),
        places=tuple(again["row" if by_line else key].head(LISTED).to_list()),
        note=f"Checked a random sample of {len(chosen):,} of {total:,} {table}."
        if len(chosen) < total
        else "",
    )
