"""What the rejector looks at of a pair: the same when it is learned and when it is used."""

from __future__ import annotations

import numpy as np
import polars as pl


def features_of(said: pl.DataFrame) -> dict[str, np.ndarray]:
    """What the model looks at: probability as the judge states it, its distance from a half, grade, the logarithm of the rank."""
    probability = said["stated" if "stated" in said.columns else "probability"].to_numpy().astype(float)
    return {
        "probability": probability,
        "doubt": 0.5 - np.abs(probability - 0.5),
        "grade": said["grade"].to_numpy().astype(float),
        "log_rank": np.log(said["rank"].to_numpy().astype(float)),
    }
