"""judges: verdicts, cost, and the pairs on which judges disagree; left out if no round has a
judge.
"""

from __future__ import annotations

from typing import Any

from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

SOURCE = Source(
    ("rounds/*/relabel.json", "rounds/*/judgments.parquet"), "dvc repro relabel", "hone judge log"
)


def collect(results: Results) -> dict[str, Any] | None:
    return (
        {"judged": results.judged, "hidden_total": len(results.hidden)} if results.judged else None
    )


SECTION = Section(
    "judges",
    "Judge verdicts on negatives",
    Part.LOOP,
    30,
    collect,
    link="judges",
    source=lambda results: SOURCE,
)
