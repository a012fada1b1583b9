"""rounds: each round, the one that it starts from, and its recipe."""

from __future__ import annotations

from typing import Any

from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

SOURCE = Source(
    ("params.yaml", "recipes/*.yaml", "resolved/report.json"),
    "dvc repro resolve",
    "hone recipes show NAME",
)


def collect(results: Results) -> dict[str, Any]:
    return {"rounds": results.rounds, "recipes": results.settings.recipes}


SECTION = Section(
    "rounds", "Rounds", Part.LOOP, 10, collect, link="rounds", source=lambda results: SOURCE
)
