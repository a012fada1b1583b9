"""The loss of a training, step by step, and its dev checks."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.files import read_json
from hone.layout import round_account, round_table

TENTHS = 10


def read_loss(round: str) -> pl.DataFrame:
    """step and the mean loss of the queries that it saw."""
    trained = tables.scan("trained", round_table(round, "trained")).filter(
        pl.col("loss").is_not_null()
    )
    return trained.group_by("step").agg(pl.col("loss").mean()).sort("step").collect()


def summarize_loss(round: str, frame: pl.DataFrame) -> dict:
    """How many steps a round trained, and the mean loss of the first and of the last tenth of
    them.
    """
    part = -(-len(frame) // TENTHS)
    return {
        "round": round,
        "steps": len(frame),
        "first": frame["loss"].head(part).mean(),
        "last": frame["loss"].tail(part).mean(),
    }


def read_dev_checks(round: str) -> dict:
    """The record of a round's dev checks, as the stage `train` writes it."""
    return read_json(round_account(round, "dev_checks"))
