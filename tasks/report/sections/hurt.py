"""hurt: whether a round is worse than the baseline, on every collection."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_compare
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table
from tasks.report.summary import MARGIN

TITLE = "Regressions against the base model"


def collect(results: Results) -> dict[str, Any]:
    return {"harms": results.harms, "margin": MARGIN}


def trace(results: Results) -> Source:
    return Source(
        ("reports/queries/*/*.parquet",),
        "dvc repro evaluate evaluate-reference",
        write_compare(results),
    )


def export(results: Results) -> list[Table]:
    rows = [
        {
            "name": one.name,
            "collection": one.collection,
            "trained_on": one.trained_on,
            "verdict": one.verdict,
            "p": one.p,
        }
        for one in results.harms
    ]
    return [Table("harm", TITLE, 30, rows)]


SECTION = Section(
    "hurt", TITLE, Part.EVIDENCE, 20, collect, link="regressions", source=trace, tables=export
)
