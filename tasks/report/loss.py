"""The loss of a training, step by step, and its dev checks."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.files import read_json
from hone.layout import round_account, round_table


def loss_by_step(round: str) -> pl.DataFrame:
    """step and the mean loss of the queries that it saw."""
    trained = tables.scan("trained", round_table(round, "trained")).filter(pl.col("loss").is_not_null())
    return trained.group_by("step").agg(pl.col("loss").mean()).sort("step").collect()


def dev_checks(round: str) -> dict:
    """The record of a round's dev checks, as the stage `train` writes it."""
    return read_json(round_account(round, "dev_checks"))
