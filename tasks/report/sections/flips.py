"""flips: queries that a round no longer answers although the round before did."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_compare
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table

FILES = ("reports/queries/*/*.parquet", "reports/runs/*/*.trec", "data/*/test/queries.parquet")
COLUMNS = ("name", "start", "collection", "queries", "answered", "lost", "won", "worse", "better")


def collect(results: Results) -> dict[str, Any]:
    return {"flips": results.flips}


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro evaluate", write_compare(results))


def export(results: Results) -> list[Table]:
    rows = [{name: getattr(one, name) for name in COLUMNS} for one in results.flips]
    return [Table("flips", "Regressions from round to round", 90, rows)]


SECTION = Section(
    "flips",
    "Regressions from round to round",
    Part.EVIDENCE,
    40,
    collect,
    link="round to round",
    source=trace,
    tables=export,
)
