"""answer: the headline, the warnings that change how it is read, and what a reader asks first."""

from __future__ import annotations

from typing import Any

from tasks.report.overview import answer_questions
from tasks.report.results import Results
from tasks.report.section import Part, Section
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
        "warnings": results.warnings,
        "open_harm": results.open_harm,
        "questions": questions,
    }


SECTION = Section("answer", "Summary", Part.SUMMARY, 10, collect)
