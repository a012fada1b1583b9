"""Small tables for rules: one scorer's numbers of a query's candidates and answers, and what a
rule leaves of them.
"""

from __future__ import annotations

import polars as pl
from hypothesis import strategies as st

from hone.data import tables
from hone.layout import PAIR

# Scores of up to eight candidates, c0 first, as a scorer in 0..1 may give them.
NUMBERS = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8)


def pool(*docs: str, query: str = "q") -> pl.DataFrame:
    return pl.DataFrame(
        {"query_id": [query] * len(docs), "doc_id": list(docs)},
        schema=dict.fromkeys(PAIR, pl.String),
    )


def scores(scorer: str = "dense", query: str = "q", **given: float) -> pl.DataFrame:
    made = {
        "query_id": query,
        "doc_id": list(given),
        "scorer": scorer,
        "score": list(given.values()),
    }
    return tables.shaped(
        "scores",
        pl.DataFrame(
            made,
            schema={
                "query_id": pl.String,
                "doc_id": pl.String,
                "scorer": pl.String,
                "score": float,
            },
        ),
    )


def left(rows: pl.DataFrame, removed: pl.DataFrame) -> list[str]:
    """doc_ids of what stays, in their order."""
    return rows.join(removed, on=PAIR, how="anti", maintain_order="left")["doc_id"].to_list()


def numbered(values: list[float]) -> dict[str, float]:
    return {f"c{place}": value for place, value in enumerate(values)}


def trained(
    *steps: tuple[str, float, list[float]], loss: float | list[float] = 0.5
) -> pl.DataFrame:
    """The table `trained` of steps 1, 2, ..: (query, the positive's score, the scores of its own
    negatives).
    """
    losses = loss if isinstance(loss, list) else [loss] * len(steps)
    rows = [
        (step, query, doc, role, of_step if role == "positive" else None, score)
        for step, ((query, positive, negatives), of_step) in enumerate(
            zip(steps, losses, strict=True), start=1
        )
        for doc, role, score in [
            ("p", "positive", positive),
            *((f"n{place}", "negative", one) for place, one in enumerate(negatives)),
        ]
    ]
    return tables.shaped(
        "trained",
        pl.DataFrame(
            rows,
            schema=["step", "query_id", "doc_id", "role", "loss", "score"],
            orient="row",
            infer_schema_length=None,
        ),
    )
