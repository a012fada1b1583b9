"""Probabilities that mean what they say, by the map that `hone judge check` fitted on a held-out part."""

from __future__ import annotations

import polars as pl

from tasks.relabel.fitness.calibration import apply


def calibrated(final: pl.DataFrame, cascade: list[dict]) -> pl.DataFrame:
    """`final` with each judge's probabilities put through its map; those of a judge that has none stay as they are.

    Args:
        final: judge, probability and more.
        cascade: lines with `name` and `evidence`.
    """
    maps = {
        line["name"]: found["calibration"]
        for line in cascade
        for found in line["evidence"]
        if found.get("calibration") and found["fingerprint"] == line["fingerprint"]
    }
    parts = []
    for (name,), rows in final.with_row_index("row").group_by("judge", maintain_order=True):
        if found := maps.get(name):
            rows = rows.with_columns(
                probability=pl.Series(apply(found, rows["probability"].to_numpy()), dtype=pl.Float32, nan_to_null=True)
            )
        parts.append(rows)
    return pl.concat(parts).sort("row").drop("row") if parts else final
