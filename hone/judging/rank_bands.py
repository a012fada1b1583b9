"""Rank bands: the strata of a round's candidates and of annotation sheets."""

from __future__ import annotations

from typing import TypeVar

import polars as pl

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
Bands = tuple[tuple[str, int | None], ...]

# Each band has a name and its last rank; the last band has no end.
BANDS: Bands = (("1", 1), ("2 to 3", 3), ("4 to 10", 10), ("11 to 30", 30), ("31 and more", None))
# An annotation sheet has an equal number of pairs from each of these [Hone default]. None of them
# crosses a boundary of a band above.
SHEET_BANDS: Bands = (("1 to 3", 3), ("4 to 10", 10), ("11 to 30", 30), ("31 and more", None))


def band_of(rank: pl.Expr, bands: Bands = BANDS) -> pl.Expr:
    """The name of the band that each rank, from 1, is in."""
    band = pl.lit(bands[-1][0])
    for name, last in reversed(bands[:-1]):
        band = pl.when(rank <= last).then(pl.lit(name)).otherwise(band)
    return band


def with_band(ranked: Frame) -> Frame:
    """`ranked` with the column `band`: that of each `rank`."""
    return ranked.with_columns(band=band_of(pl.col("rank")))
