"""examples: training queries with a positive and the negatives that each round chose."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_explain
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

FILES = ("rounds/*/labels.parquet", "data/*/documents.parquet")


def collect(results: Results) -> dict[str, Any]:
    return {
        "examples": [
            {"round": name, "examples": drawn} for name, drawn in results.examples.items() if drawn
        ]
    }


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro relabel", write_explain(results))


SECTION = Section("examples", "Examples", Part.LOOP, 60, collect, link="examples", source=trace)
