"""Examples to read: training queries with a positive and the negatives that a round chose for
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.training_set import TrainingSet
from hone.layout import PAIR, ROUNDS
from hone.present.number_format import truncate
from hone.seeds import generator

QUERIES, WITH_HIDDEN, NEGATIVES = 6, 3, 3


@dataclass(frozen=True)
class Document:
    """A document of an example; `score` and `scorer` are null if it has no score."""

    doc_id: str
    text: str
    score: float | None
    scorer: str | None
    source: str
    rank: int | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Example:
    """A training query with one labelled positive and its first negatives."""

    query_id: str
    query: str
    positive: Document
    negatives: list[Document]


def draw_examples(
    round: str, training: TrainingSet, hidden: pl.DataFrame, seed: int
) -> list[Example]:
    """Some queries of a round; none if the round mined no negatives.

    The seed selects the same queries in every round in which they have negatives. The last few have
    a negative that is a held-out positive.
    """
    folder = ROUNDS / round
    negatives = tables.read("negatives", folder / "negatives.parquet").with_columns(
        place=pl.int_range(1, pl.len() + 1).over("query_id")
    )
    if negatives.is_empty():
        return []
    marked = negatives.join(
        hidden.select(*PAIR, hidden=pl.lit(True)), on=PAIR, how="left", maintain_order="left"
    )
    marked = marked.with_columns(pl.col("hidden").fill_null(False)).filter(
        pl.col("place") <= NEGATIVES
    )
    order = training.queries().select("query_id", query="text").sort("query_id")
    order = order[generator(seed, "report", "examples").permutation(len(order))]
    with_hidden = order.join(
        marked.filter("hidden"), on="query_id", how="semi", maintain_order="left"
    ).head(WITH_HIDDEN)
    others = order.join(marked, on="query_id", how="semi", maintain_order="left").join(
        with_hidden, on="query_id", how="anti", maintain_order="left"
    )
    queries = pl.concat([others.head(QUERIES), with_hidden])
    positives = (
        tables.scan("labels", folder / "labels.parquet")
        .filter(pl.col("label") == "positive")
        .join(queries.lazy(), on="query_id", how="semi", maintain_order="left")
        .unique("query_id", keep="first", maintain_order=True)
        .select(
            *PAIR,
            "source",
            place=pl.lit(0, dtype=pl.Int64),
            rank=pl.lit(None, dtype=pl.Int32),
            score=pl.lit(None, dtype=pl.Float32),
            hidden=pl.lit(False),
        )
        .collect()
    )
    chosen = marked.join(queries, on="query_id", how="semi", maintain_order="left").select(
        positives.columns
    )
    scored_rows = join_scores(pl.concat([positives, chosen]), folder)
    texts = training.texts(scored_rows["doc_id"].unique()).select("doc_id", text="full_text")
    by_query = scored_rows.join(texts, on="doc_id", how="left", maintain_order="left").sort(
        "place", maintain_order=True
    )
    rows = by_query.partition_by("query_id", as_dict=True)
    pairs = queries.select("query_id", "query").iter_rows()
    made = [make_example(query_id, text, rows[(query_id,)].to_dicts()) for query_id, text in pairs]
    return [one for one in made if one is not None]


def join_scores(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """The rows with score and scorer: the round's first scorer, else the source that found the
    document.
    """
    scores = (
        tables.scan("scores", folder / "scores.parquet")
        .join(rows.lazy(), on=PAIR, how="semi", maintain_order="left")
        .collect()
    )
    first = scores.filter(pl.col("scorer") == pl.col("scorer").first()).unique(PAIR, keep="first")
    own = rows.with_columns(own=pl.when(pl.col("score").is_not_null()).then("source")).rename(
        {"score": "own_score"}
    )
    return own.join(first, on=PAIR, how="left", maintain_order="left").with_columns(
        score=pl.coalesce("score", "own_score"), scorer=pl.coalesce("scorer", "own")
    )


def make_example(query_id: str, text: str, rows: list[dict]) -> Example | None:
    """One example from its rows, the positive first; null if the positive is missing."""
    documents = [
        Document(
            row["doc_id"],
            truncate(row["text"] or ""),
            row["score"],
            row["scorer"],
            row["source"] or "",
            row["rank"],
            row["hidden"],
        )
        for row in rows
    ]
    return Example(query_id, text, documents[0], documents[1:]) if rows[0]["place"] == 0 else None
