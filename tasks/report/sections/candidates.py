"""candidates: what became of the candidates of each round and source."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_explain
from tasks.report.figures import draw_fates
from tasks.report.negatives import PLAIN_FATES
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

FILES = (
    "rounds/*/candidates.parquet",
    "rounds/*/negatives.parquet",
    "rounds/*/removed/sample.parquet",
)


def collect(results: Results) -> dict[str, Any]:
    return {"mined": results.mined, "plain_fates": PLAIN_FATES}


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro sample", write_explain(results))


def draw(results: Results) -> dict[str, dict]:
    return {"fates": draw_fates(results.mined)}


SECTION = Section(
    "candidates",
    "Outcome of candidates",
    Part.LOOP,
    20,
    collect,
    link="candidates",
    source=trace,
    figures=draw,
)
