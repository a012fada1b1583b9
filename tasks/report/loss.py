"""The loss of a training, step by step."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks import tables


def loss_by_step(round: str) -> pl.DataFrame:
    """step and the mean loss of the queries that it saw."""
    trained = tables.scan("trained", Path("rounds") / round / "trained.parquet").filter(pl.col("loss").is_not_null())
    return trained.group_by("step").agg(pl.col("loss").mean()).sort("step").collect()
