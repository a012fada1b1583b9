"""Texts that stand more than once, to the letter or nearly so."""

from __future__ import annotations

import polars as pl

from commands.audit.dataset import Subject
from commands.audit.finding import LISTED, SHOWN, Example, Finding, cut
from hone.seeds import generator
from hone.text.alike import CHARACTERS, clustered, drawn

RULES = "sample.filters: [labelled, same-text, near-duplicate]"


def duplicates(subject: Subject, seed: int, most: int) -> tuple[list[Finding], dict[str, pl.DataFrame]]:
    """Findings among documents, queries and lines; and the clusters of both, for whoever looks for near-duplicates next.

    Args:
        subject: what is audited.
        seed: of the draw where there are more texts than `most`.
        most: texts to look for near-duplicates in.

    Returns:
        Findings, and {"documents", "queries"}: same, cluster.
    """
    draw = generator(seed, "audit", "near duplicates")
    lots = pl.DataFrame({"query": subject.queries["query"], "lot": draw.permutation(len(subject.queries))})
    pairs = pl.concat([subject.positives, subject.negatives]).join(lots, on="query", how="left", maintain_order="left").sort("lot")
    together = pairs.join(subject.documents.select("document", "same"), on="document", how="left", maintain_order="left")["same"]
    chosen = {
        "documents": drawn(subject.documents, together, draw, most),
        "queries": drawn(subject.queries, lots["lot"].head(0).cast(pl.UInt64), draw, most),
    }
    clusters = {
        "documents": clustered(chosen["documents"]),
        "queries": clustered(chosen["queries"], characters=CHARACTERS),
    }
    found = [
        of_lines(subject),
        same_documents(subject),
        near(subject, "documents", chosen["documents"], clusters["documents"]),
        same_queries(subject),
        near(subject, "queries", chosen["queries"], clusters["queries"]),
    ]
    return [one for one in found if one is not None], clusters


def of_lines(subject: Subject) -> Finding | None:
    """Lines that say what a line above said."""
    if subject.kind != "triplets":
        return None
    again = subject.rows.filter("repeats")
    return Finding(
        name="repeated-lines",
        title="Lines that stand more than once",
        count=len(again),
        of=len(subject.rows),
        unit="lines",
        harm="mend",
        means="Such an example trains twice as often as others, and meets itself in a batch: its own answer as a negative.",
        cure="Delete them. Hone's `source: triplets` counts a text once, whatever the lines.",
        examples=tuple(
            Example(f"line {row['row']:,}", (("Query", cut(subject.queries["text"][row["query"]])),))
            for row in again.head(SHOWN).to_dicts()
        ),
        places=tuple(again["row"].head(LISTED).to_list()),
    )


def same_documents(subject: Subject) -> Finding:
    """Documents that differ from another in case, white space and punctuation at the ends at most."""
    return Finding(
        name="same-documents",
        title="Documents with the same text",
        **repeated(subject.documents, "doc_id", "Document", subject.kind),
        unit="documents",
        harm="mend",
        means="A copy of the answer that has another id is mined as a negative: the model learns to turn away from the answer.",
        cure=f"Keep one of each, or let the rules do it when negatives are mined: `{RULES}`.",
    )


def same_queries(subject: Subject) -> Finding:
    """Queries of the same text that count as several."""
    return Finding(
        name="same-queries",
        title="Queries with the same text that count as several",
        **repeated(subject.queries, "query_id", "Query", subject.kind),
        unit="queries",
        harm="mend",
        means="What answers the one is unlabelled for the other: its answers become negatives, in a batch or by mining.",
        cure="Give them one id, so that all their answers are known of each; `source: triplets` does it for texts equal to the letter.",
    )


def repeated(frame: pl.DataFrame, key: str, told: str, kind: str) -> dict:
    """count, of, examples and places of rows whose text stood in an earlier row."""
    texts = frame.filter(pl.col("same").is_not_null())
    again = texts.filter(pl.col("same").is_first_distinct().not_())
    first = texts.filter(pl.col("same").is_first_distinct()).select("same", first=key, first_text="text", first_row="row")
    shown = again.head(SHOWN).join(first, on="same", how="left", maintain_order="left").to_dicts()
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
                ((f"{told}, {name(row, 'first')}", cut(row["first_text"])), (f"{told}, {name(row)}", cut(row["text"]))),
            )
            for row in shown
        ),
        "places": tuple(again["row" if by_line else key].head(LISTED).to_list()),
    }


def near(subject: Subject, table: str, chosen: pl.DataFrame, clusters: pl.DataFrame) -> Finding:
    """Different texts that resemble another one."""
    told = {"documents": "Document", "queries": "Query"}[table]
    key = {"documents": "doc_id", "queries": "query_id"}[table]
    rows = chosen.join(clusters, on="same", how="left", maintain_order="left")
    again = rows.filter(pl.col("cluster").is_first_distinct().not_())
    first = rows.filter(pl.col("cluster").is_first_distinct()).select("cluster", first="text", first_id=key, first_row="row")
    by_line = subject.kind == "triplets"
    shown = again.head(SHOWN).join(first, on="cluster", how="left", maintain_order="left").to_dicts()
    total = (subject.documents if table == "documents" else subject.queries)["same"].n_unique()
    means = {
        "documents": "A near copy of an answer answers as well; mined as a negative it contradicts the label.",
        "queries": "Their answers are negatives for each other in a batch, and a split by lot puts one in training and one in test.",
    }[table]
    cure = {
        "documents": f"Let the rule see to it when negatives are mined: `{RULES}`.",
        "queries": "Leave the split to Hone, which keeps near-duplicates together (docs/collections.md).",
    }[table]

    def name(row: dict, which: str) -> str:
        return f"line {row[f'{which}row']:,}" if by_line else str(row[f"{which}id" if which else key])

    return Finding(
        name=f"near-{table}",
        title=f"{told[:-1] + 'ies' if told.endswith('y') else told + 's'} that are near-duplicates of another",
        count=len(again),
        of=len(chosen),
        unit=f"different {table}",
        harm="know",
        means=means,
        cure=cure,
        examples=tuple(
            Example(
                f"{name(row, '')} and {name(row, 'first_')}",
                ((f"{told}, {name(row, 'first_')}", cut(row["first"])), (f"{told}, {name(row, '')}", cut(row["text"]))),
            )
            for row in shown
        ),
        places=tuple(again["row" if by_line else key].head(LISTED).to_list()),
        note=f"Looked for in {len(chosen):,} of {total:,} {table}, drawn by lot." if len(chosen) < total else "",
    )
