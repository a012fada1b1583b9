"""Small pools for the tests of rules that choose, and what such a rule may read."""

from __future__ import annotations

from typing import Any

import polars as pl

from hone.config import methods


def pool_of(given: dict[str, dict[str, float]]) -> pl.DataFrame:
    """Candidates with their scores, by query: ranks in the order given."""
    rows = [
        (query, doc, "dense", rank, score)
        for query, docs in given.items()
        for rank, (doc, score) in enumerate(docs.items(), start=1)
    ]
    schema = {
        "query_id": pl.String,
        "doc_id": pl.String,
        "source": pl.String,
        "rank": pl.Int32,
        "score": pl.Float32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def scores_of(pool: pl.DataFrame, positives: dict[str, float]) -> pl.DataFrame:
    """The pool's scores and those of one known positive a query, called p-QUERY."""
    known = pl.DataFrame(
        {
            "query_id": list(positives),
            "doc_id": [f"p-{query}" for query in positives],
            "score": list(positives.values()),
        },
        schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32},
    )
    return pl.concat([pool.select("query_id", "doc_id", "score"), known]).with_columns(
        scorer=pl.lit("dense")
    )


def tables_of(pool: pl.DataFrame, positives: dict[str, float] | None = None) -> dict[str, Any]:
    """What the stage hands to rules: by default every query's known positive scores .9."""
    known = (
        dict.fromkeys(pool["query_id"].unique(maintain_order=True), 0.9)
        if positives is None
        else positives
    )
    named = pl.DataFrame(
        {"query_id": list(known), "doc_id": [f"p-{query}" for query in known]},
        schema=dict.fromkeys(("query_id", "doc_id"), pl.String),
    )
    return {
        "pool": pool,
        "scores": scores_of(pool, known),
        "positives": named,
        "draws": "position 1",
        "seed": 13,
    }


def chosen(name: str, tables: dict[str, Any], **parameters: Any) -> pl.DataFrame:
    """What a rule takes, called as the stage calls it."""
    method = methods.find("sample.choose", name)
    return method(
        methods.checked("sample.choose", {name: parameters}, "test")["parameters"], **tables
    )


def docs(frame: pl.DataFrame, query: str = "q") -> list[str]:
    """The documents of one query, in order."""
    return frame.filter(pl.col("query_id") == query)["doc_id"].to_list()
