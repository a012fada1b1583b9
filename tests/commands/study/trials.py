"""Trials of real recipes on a collection of one document, and rows of a result."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from commands.study.arms import Trial, trials, user_params
from commands.study.design import parse_question
from tests.prepared import pairs, write_params, write_rows

PLACES = [
    (round, "ours", split, f"{split}{number}")
    for round in ("r0", "r1")
    for split in ("test", "dev")
    for number in (1, 2)
]
ROWS = pl.DataFrame(
    PLACES, schema=["round", "collection", "split", "query_id"], orient="row"
).with_columns(
    ndcg_at_10=pl.col("query_id").str.slice(-1).cast(pl.Float64) / 4, recall_at_100=pl.lit(0.5)
)

FACTS = {"written": "now", "leakage": {"ours": {}}, "rounds": {"r1": {}}, "stages": {}}


def made(*recipes: str, seed: int = 1, **changes) -> Trial:
    """A trial of the first recipe (default: ance), three steps a round."""
    if not Path("params.yaml").exists():
        write_params()
        write_rows(
            Path("inputs/ours"),
            [{"doc_id": "d", "text": "a"}],
            [{"query_id": "q", "text": "b"}],
            pairs(("q", "d")),
        )
    _, question = parse_question(list(recipes or ["ance"]), {"steps": 3, "seeds": 2} | changes)
    return next(one for one in trials(question, user_params()) if one.seed == seed)
