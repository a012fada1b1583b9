"""queries: the queries that changed most."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_compare
from tasks.report.figures import draw_changes
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

FILES = ("reports/queries/*/*.parquet", "data/*/test/queries.parquet")


def collect(results: Results) -> dict[str, Any]:
    return {"changed": results.changes}


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro evaluate evaluate-reference", write_compare(results))


def draw(results: Results) -> dict[str, dict]:
    return {"changes": draw_changes(results.scores)}


SECTION = Section(
    "queries",
    "Changes by query",
    Part.EVIDENCE,
    30,
    collect,
    link="queries",
    source=trace,
    figures=draw,
)
