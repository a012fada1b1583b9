"""sources: every file that the page was made of, with the command that makes it and its hash."""

from __future__ import annotations

from typing import Any

from hone.present.provenance import read_lock
from tasks.report.results import Results
from tasks.report.section import Part, Section

# What the page reads. Other outputs that DVC knows, such as the page itself, are made from these.
READ = (
    "data/",
    "models/",
    "rounds/",
    "reports/drift.json",
    "reports/leakage",
    "reports/metrics/",
    "reports/queries/",
    "reports/runs/",
)


def collect(results: Results) -> dict[str, Any]:
    return {"rows": [row for row in read_lock() if row["path"].startswith(READ)]}


SECTION = Section("sources", "Files and commands", Part.SETTINGS, 20, collect, link="files")
