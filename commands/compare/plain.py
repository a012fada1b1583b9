"""The output of `hone compare --json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from commands.compare.contrasts import Compared
from commands.compare.page import Page, find_regressions
from hone.compare.by_stratum import Level
from tasks.report.export_tables import flatten_contrast


def as_plain(
    page: Page,
    rows: list[Compared],
    values: pl.DataFrame,
    levels: list[Level],
    texts: Path | None,
    generated: bool = False,
) -> dict[str, Any]:
    """One collection as JSON values. The difference of a measure is candidate minus baseline.

    Args:
        page: its sentences.
        rows: its measures.
        values: both values of every measure, by query.
        levels: its query slices.
        texts: the texts of the queries; null: unknown.
        generated: whether they are generated dev queries.
    """
    return {
        "title": page.title,
        "split": values["split"][0],
        "generated_queries": generated,
        "queries": len(values),
        "sentences": page.sentences,
        "measures": [
            {"measure": row.measure, "baseline": row.before, "candidate": row.after}
            | flatten_contrast(row.against)
            for row in rows
        ],
        "slices": [slice_as_plain(level) for level in levels],
        "regressions": find_regressions(values, texts).to_dicts(),
    }


def slice_as_plain(level: Level) -> dict[str, Any]:
    """One query slice as JSON values."""
    [inside] = level.rounds
    return {
        "slice": level.level,
        "meaning": level.meaning,
        "queries": level.queries,
        "too_few": level.few,
        "baseline": level.base,
        "candidate": inside.mean,
    } | flatten_contrast(inside.against)
