"""drift: pairs that later models have forgotten, and how far the embeddings moved."""

from __future__ import annotations

from typing import Any

from tasks.report.drift import read_drift
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

SOURCE = Source(("reports/drift.json", "reports/metrics/*/*.json"), "dvc repro drift")


def collect(results: Results) -> dict[str, Any]:
    return {"drift": read_drift(results.training)}


SECTION = Section(
    "drift",
    "Forgetting and embedding drift",
    Part.EVIDENCE,
    50,
    collect,
    link="drift",
    source=lambda results: SOURCE,
)
