"""churn: how many negatives of each round are new."""

from __future__ import annotations

from typing import Any

from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

SOURCE = Source(("rounds/*/negatives.parquet",), "dvc repro sample")


def collect(results: Results) -> dict[str, Any]:
    return {"mined": results.mined}


SECTION = Section(
    "churn",
    "Negative turnover",
    Part.LOOP,
    50,
    collect,
    link="turnover",
    source=lambda results: SOURCE,
)
