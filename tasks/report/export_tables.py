"""The page's figures as tables: Parquet for programs, one Markdown file for people and pull
requests.
"""

from __future__ import annotations

from dataclasses import asdict

from hone.compare.contrast import MEASURE, Contrast, Score
from hone.compare.decision import Decision
from hone.files import folder_written_whole, write_json, written_whole
from hone.layout import REPORT_TABLES, REPORT_TEXT, VERDICT
from hone.present.markdown import escape_text, format_frame
from tasks.report.section import Table

TABLES, MARKDOWN = REPORT_TABLES, REPORT_TEXT


def flatten_score(one: Score) -> dict:
    """A score as a row."""
    return {
        "name": one.name,
        "collection": one.collection,
        "split": one.split,
        "queries": one.queries,
        MEASURE: one.own.mean,
        "low": one.own.low,
        "high": one.own.high,
        **{name: value for name, value in one.means.items() if name != MEASURE},
        f"dev_{MEASURE}": one.dev,
        "generated_dev": one.generated_dev,
    }


def flatten_contrast(against: Contrast) -> dict:
    """A difference as part of a row."""
    return {
        "other": against.other,
        "difference": against.difference.mean,
        "low": against.difference.low,
        "high": against.difference.high,
        "p": against.p,
        "t": against.test.t,
        "effect": against.test.effect,
        "detectable": against.test.detectable,
        "better": against.better,
        "worse": against.worse,
        "equal": against.equal,
    }


def write_verdict(decision: Decision, lines: list[str]) -> None:
    """The verdict for programs, and its lines."""
    write_json(VERDICT, asdict(decision) | {"lines": lines})


def write(tables: list[Table], sentences: list[str]) -> None:
    """One Parquet file for each table, and all of them as Markdown under the page's sentences."""
    with folder_written_whole(TABLES) as place:
        for table in tables:
            table.frame.write_parquet(place / f"{table.name}.parquet")
    with written_whole(MARKDOWN) as part:
        part.write_text(write_markdown(tables, sentences), encoding="utf-8")


def write_markdown(tables: list[Table], sentences: list[str]) -> str:
    parts = ["# Results of the rounds", *map(escape_text, sentences)]
    parts += [
        f"## {one.title}\n\n{format_frame(one.frame)}\n\nFrom `{TABLES}/{one.name}.parquet`."
        for one in tables
    ]
    return "\n\n".join(parts) + "\n"
