"""hidden: what each round did with the held-out positives."""

from __future__ import annotations

from typing import Any

from tasks.report.commands import write_filters_command
from tasks.report.figures import draw_hidden
from tasks.report.negatives import CHOSEN, PLAIN_FATES
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table

TITLE = "Held-out positives among the negatives"
FILES = ("data/*/hidden.parquet", "rounds/*/negatives.parquet", "rounds/*/removed/sample.parquet")


def collect(results: Results) -> dict[str, Any]:
    return {
        "mined": results.mined,
        "hidden_total": len(results.hidden),
        "chosen": CHOSEN,
        "plain_fates": PLAIN_FATES,
    }


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro sample", write_filters_command(results))


def draw(results: Results) -> dict[str, dict]:
    return {"hidden": draw_hidden(results.mined)}


def export(results: Results) -> list[Table]:
    rows = [
        {
            "name": one.round,
            "negatives": one.negatives,
            "hidden_answers": one.hidden_chosen,
            "share": one.hidden_share,
        }
        for one in results.mined
        if one.negatives
    ]
    return [Table("negatives", TITLE, 100, rows)]


SECTION = Section(
    "hidden",
    TITLE,
    Part.AUDIT,
    30,
    collect,
    link="false negatives",
    source=trace,
    figures=draw,
    tables=export,
)
