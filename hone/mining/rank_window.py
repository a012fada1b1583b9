"""The window of ranks for choosing negatives."""

from __future__ import annotations

import polars as pl

from hone.config import methods
from hone.config.sections.sample import Window
from hone.data.query_groups import Segments


def in_window(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Candidates inside the window of ranks."""
    if window.first == 1 and window.last is None:
        return rows
    place = rows["rank"] if window.counted == "before" else pl.Series(Segments.of(rows).places + 1)
    return rows.filter(
        place.is_between(window.first, window.last) if window.last else place >= window.first
    )


def beyond(rows: pl.DataFrame, window: Window, choose: dict) -> pl.DataFrame:
    """Candidates available for widening: those inside the window or after its end, never before its
    start.

    A window that starts at rank 31 excludes the first 30 because most false negatives are there. A
    sampler may skip the first candidates itself: `skips` in its module returns the number from its
    parameters.
    """
    widened = in_window(rows, window.model_copy(update={"last": None}))
    if skips := methods.find("sample.choose", choose["method"]).beside("skips"):
        widened = widened.filter(
            pl.Series(Segments.of(widened).places >= skips(choose["parameters"]))
        )
    return widened
