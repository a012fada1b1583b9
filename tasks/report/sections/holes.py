"""holes: unjudged documents in each ranking, and whether they could reverse a difference."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_compare
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table

TITLE = "Unjudged documents"


def collect(results: Results) -> dict[str, Any]:
    return {"holes": results.unjudged}


def trace(results: Results) -> Source:
    files = ("reports/runs/*/*.trec", "data/*/test/qrels.parquet")
    return Source(files, "dvc repro evaluate evaluate-reference", write_compare(results))


def export(results: Results) -> list[Table]:
    rows = [
        {
            "collection": collection,
            "name": one.name,
            "judged_of_first_ten": one.seen.judged,
            "rank_biased_precision": one.seen.least,
            "residual": one.seen.residual,
            "other": one.other if one.bounds else None,
            "difference_at_least": one.bounds and one.bounds.low,
            "difference_at_most": one.bounds and one.bounds.high,
        }
        for collection, own in results.unjudged.items()
        for one in own["rows"]
    ]
    return [Table("holes", TITLE, 110, rows)]


SECTION = Section(
    "holes", TITLE, Part.AUDIT, 10, collect, link="unjudged", source=trace, tables=export
)
