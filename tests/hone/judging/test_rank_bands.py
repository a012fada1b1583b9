"""Rank bands: each rank is in one, and a sheet's bands cross no border of a stratum."""

from __future__ import annotations

import polars as pl

from hone.judging.rank_bands import BANDS, SHEET_BANDS, band_of, with_band

RANKS = pl.DataFrame({"rank": [1, 2, 3, 4, 10, 11, 30, 31, 500]})


def test_bands_of_ranks():
    assert with_band(RANKS)["band"].to_list() == [
        "1",
        "2 to 3",
        "2 to 3",
        "4 to 10",
        "4 to 10",
        "11 to 30",
        "11 to 30",
        "31 and more",
        "31 and more",
    ]


def test_bands_of_a_sheet():
    assert RANKS.select(band_of(pl.col("rank"), SHEET_BANDS)).to_series().to_list() == [
        "1 to 3",
        "1 to 3",
        "1 to 3",
        "4 to 10",
        "4 to 10",
        "11 to 30",
        "11 to 30",
        "31 and more",
        "31 and more",
    ]


def test_a_stratum_ends_wherever_a_band_of_a_sheet_does():
    assert {last for _, last in SHEET_BANDS} <= {last for _, last in BANDS}
