"""The rejector's features of a pair, the same in fitting and in use."""

from __future__ import annotations

import numpy as np
import polars as pl


def features_of(judged: pl.DataFrame) -> dict[str, np.ndarray]:
    """The features: the judge's stated probability, its distance from 0.5, grade, logarithm of
    the rank.
    """
    probability = (
        judged["stated" if "stated" in judged.columns else "probability"].to_numpy().astype(float)
    )
    return {
        "probability": probability,
        "doubt": 0.5 - np.abs(probability - 0.5),
        "grade": judged["grade"].to_numpy().astype(float),
        "log_rank": np.log(judged["rank"].to_numpy().astype(float)),
    }
