"""Negatives that are certainly or almost certainly positives: the same text, a near-duplicate,
or another positive of the query.
"""

from __future__ import annotations

import polars as pl

from commands.audit.dataset import Subject, with_same
from commands.audit.finding import MAX_EXAMPLES, Example, Finding, places, text_of, where
from hone.text.alike import resemble

KEY = ["query_same", "document_same"]
CURE = (
    "Delete these negatives (`--json` lists all lines). Or ignore the negatives of the file and "
    "mine new ones: set "
    "`options: {negatives: documents}` in params.yaml, and use `sample.filters: [labelled, "
    "same-text, near-duplicate]`."
)


def classify_negatives(subject: Subject, clusters: pl.DataFrame) -> pl.DataFrame:
    """Add `kind` to the given negatives of training queries: "own", "sibling", "near", or null if
    no text matches.

    own: the text of a positive of the same line (or of the same query, without lines). sibling: the
    text of a positive of the same query in another line. near: a near-duplicate of a positive.
    `answer` is the document of that positive.

    Args:
        subject: the data.
        clusters: same, cluster of documents. Only texts of the same cluster are compared.
    """
    negatives = with_same(subject.of_training(subject.negatives), subject)
    positives = with_same(subject.of_training(subject.positives), subject)
    known = positives.drop_nulls(KEY)
    lines = known.select(*KEY, "row", own="document").unique(
        [*KEY, "row"], keep="first", maintain_order=True
    )
    queries = known.select(*KEY, sibling="document").unique(KEY, keep="first", maintain_order=True)
    if subject.kind == "triplets":
        found = negatives.join(lines, on=[*KEY, "row"], how="left", maintain_order="left")
        found = found.join(queries, on=KEY, how="left", maintain_order="left")
    else:
        own = queries.rename({"sibling": "own"})
        found = negatives.join(own, on=KEY, how="left", maintain_order="left").with_columns(
            sibling=pl.lit(None, dtype=pl.UInt32)
        )
    found = found.with_row_index("place")
    found = found.join(
        find_near(subject, found, positives, clusters),
        on="place",
        how="left",
        maintain_order="left",
    )
    kind = (
        pl.when(pl.col("own").is_not_null())
        .then(pl.lit("own"))
        .when(pl.col("sibling").is_not_null())
        .then(pl.lit("sibling"))
        .when(pl.col("near").is_not_null())
        .then(pl.lit("near"))
    )
    return found.select(
        "query",
        "document",
        "row",
        "query_same",
        "document_same",
        kind=kind,
        answer=pl.coalesce("own", "sibling", "near"),
    )


def find_near(
    subject: Subject, negatives: pl.DataFrame, positives: pl.DataFrame, clusters: pl.DataFrame
) -> pl.DataFrame:
    """place and near: the positive of which a negative of the same query is a near-duplicate."""
    cluster = clusters.select(document_same="same", cluster="cluster").filter(
        pl.col("cluster").is_duplicated()
    )
    left = negatives.select("place", *KEY, "document").join(
        cluster, on="document_same", how="inner", maintain_order="left"
    )
    right = (
        positives.select(*KEY, "document")
        .unique(maintain_order=True)
        .join(cluster, on="document_same", how="inner")
    )
    right = right.select("query_same", "cluster", against="document_same", near="document")
    pairs = left.join(
        right, on=["query_same", "cluster"], how="inner", maintain_order="left"
    ).filter(pl.col("document_same") != pl.col("against"))
    texts = subject.documents.select("document", "text")
    compared = pairs.select("document", "near").unique(maintain_order=True)
    compared = compared.join(texts, on="document", how="left", maintain_order="left").join(
        texts.select(near="document", near_text="text"),
        on="near",
        how="left",
        maintain_order="left",
    )
    alike = compared.filter(
        pl.Series(resemble(compared["text"], compared["near_text"]), dtype=pl.Boolean)
    ).select("document", "near")
    return (
        pairs.join(alike, on=["document", "near"], how="semi", maintain_order="left")
        .select("place", "near")
        .unique("place", keep="first")
    )


def negatives(subject: Subject, found: pl.DataFrame) -> list[Finding]:
    """The findings of `classify_negatives`; empty if the data has no given negatives."""
    if subject.negatives.is_empty():
        return []
    texts = (
        (
            "own",
            "negative-is-positive",
            "Negatives that are the positive itself",
            "The same text is labelled both positive and negative, so its gradients cancel out.",
        ),
        (
            "sibling",
            "siblings",
            "Negatives that are another positive of the same query",
            "A positive of another line is a negative here. This often happens if a query with "
            "several positives is split into lines "
            "before mining.",
        ),
        (
            "near",
            "negative-is-nearly-positive",
            "Negatives that are a near-duplicate of a positive",
            "The same passage with a changed number or sentence is almost always as relevant as "
            "the positive.",
        ),
    )
    return [
        Finding(
            name=name,
            title=title,
            count=len(rows),
            of=len(found),
            unit="negatives",
            harm="fix",
            means=means,
            cure=CURE,
            examples=tuple(example(subject, row) for row in rows.head(MAX_EXAMPLES).to_dicts()),
            places=places(subject, rows),
        )
        for kind, name, title, means in texts
        for rows in [found.filter(pl.col("kind") == kind)]
    ]


def example(subject: Subject, row: dict) -> Example:
    documents = subject.documents
    return Example(
        where(subject, row),
        (
            ("Query", text_of(subject.queries, row["query"])),
            ("Positive", text_of(documents, row["answer"])),
            ("Given as a negative", text_of(documents, row["document"])),
        ),
    )
