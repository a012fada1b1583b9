"""answer: the headline, the warnings that change how it is read, and what a reader asks first."""

from __future__ import annotations

from typing import Any

from hone.compare.decomposition import describe_parts
from tasks.report.export_tables import flatten_contrast
from tasks.report.overview import answer_questions
from tasks.report.progression import draw_progression, find_controls
from tasks.report.results import Results
from tasks.report.section import Part, Section, Table
from tasks.report.truncation import describe_truncation


def collect(results: Results) -> dict[str, Any]:
    worse = [line for lines in results.hidden_losses.values() for line in lines]
    questions = answer_questions(
        results.answer,
        results.scores,
        results.rounds,
        results.changes,
        worse,
        results.judged,
        describe_truncation(results.truncated),
    )
    return {
        "verdict": results.verdict,
        "parts": describe_parts(results.parts),
        "controls": find_controls(results.rounds),
        "warnings": results.warnings,
        "open_harm": results.open_harm,
        "questions": questions,
    }


def draw(results: Results) -> dict[str, dict]:
    return {"progression": draw_progression(results.scores, results.rounds, results.base)}


def export(results: Results) -> list[Table]:
    rows = [
        {
            "collection": one.collection,
            "part": one.name,
            "name": one.round,
            **(flatten_contrast(one.contrast) if one.contrast else {}),
            "note": one.reason,
        }
        for one in results.parts
    ]
    return [Table("parts", "Differences by part: training, mining, judging", 15, rows)]


SECTION = Section("answer", "Summary", Part.SUMMARY, 10, collect, figures=draw, tables=export)
