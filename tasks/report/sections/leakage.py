"""leakage: evaluation queries that training sees."""

from __future__ import annotations

from typing import Any

from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table

SOURCE = Source(("reports/leakage/*.json",), "dvc repro leakage", "hone audit COLLECTION")


def collect(results: Results) -> dict[str, Any]:
    return {"leaks": results.leaks, "refuse_above": results.settings.refuse_above}


def export(results: Results) -> list[Table]:
    rows = [
        {"collection": one["collection"], "split": split}
        | {name: part[name] for name in ("queries", "compared", "same", "near", "share")}
        for one in results.leaks
        for split, part in one["judged_splits"]
    ]
    return [Table("leakage", "Leakage of evaluation queries", 120, rows)]


SECTION = Section(
    "leakage",
    "Leakage",
    Part.AUDIT,
    20,
    collect,
    link="leakage",
    source=lambda results: SOURCE,
    tables=export,
)
