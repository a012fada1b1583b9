"""Probabilities that mean what they say, by the map that `hone judge check` fitted on a held-out part."""

from __future__ import annotations

import polars as pl

from hone.stats.calibration import apply


def calibrated(said: pl.DataFrame, evidence: list[dict]) -> pl.DataFrame:
    """`said` with a judge's probabilities put through the map of their collection, and as they came in `stated`.

    Args:
        said: collection, probability and more, of one judge.
        evidence: what was found of it on each collection. Where there is no map, or it is of another judge, probabilities stay.
    """
    maps = {found["collection"]: found["calibration"] for found in evidence if found.get("calibration") and not found["another"]}
    values = said["probability"].to_numpy().copy()
    for collection, found in maps.items():
        own = (said["collection"] == collection).to_numpy()
        values[own] = apply(found, values[own])
    return said.with_columns(stated="probability", probability=pl.Series(values, dtype=pl.Float32, nan_to_null=True))
