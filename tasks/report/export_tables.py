"""The page's figures as tables: Parquet for programs, one Markdown file for people and pull requests."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.compare.by_stratum import Level
from hone.compare.contrast import Contrast, Overall, Score
from hone.compare.unjudged import UnjudgedBounds
from hone.files import folder_written_whole, written_whole
from hone.present.markdown import escape_text, format_frame
from tasks.report.diagnostics import Shown
from tasks.report.negative_flips import Flips
from tasks.report.negatives import Mined
from tasks.report.regressions import Harm

TABLES, MARKDOWN = Path("reports/tables"), Path("reports/report.md")
TITLES = {
    "scores": "Scores",
    "contrasts": "Differences in nDCG@10, with 95 % intervals and p adjusted by Holm",
    "harm": "Did training hurt the base model?",
    "kinds": "nDCG@10 by kind of query",
    "suites": "Suites for one ability",
    "mteb": "By mteb's own scorer",
    "vectors": "How the vectors lie",
    "overall": "All collections together",
    "flips": "Queries answered before and not any more",
    "negatives": "Right answers among the negatives",
    "holes": "What nobody has judged",
    "leakage": "Test and dev queries that training sees",
}


def flat(
    found: list[Score], harms: list[Harm], levels: list[Level], flips: list[Flips], mined: list[Mined],
    holes: dict[str, list[UnjudgedBounds]], leaks: list[dict], suites: list[Shown], mteb: dict[str, list[tuple[str, str, float]]],
    vectors: dict[str, list[dict]],
    together: list[Overall],
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """A table for each of `TITLES`; empty ones are left out."""
    rows = {
        "scores": [scored(one) for one in found],
        "contrasts": [
            {"name": one.name, "collection": one.collection, **difference(against)}
            for one in found
            for against in (one.base, one.start)
            if against is not None
        ],
        "harm": [
            {"name": one.name, "collection": one.collection, "trained_on": one.trained_on, "verdict": one.verdict, "p": one.p}
            for one in harms
        ],
        "kinds": [
            {"collection": one.collection, "stratum": one.stratum, "level": one.level, "level_queries": one.queries, "name": inside.name,
             "base_ndcg_at_10": one.base, "ndcg_at_10": inside.mean, **difference(inside.against)}
            for one in levels
            for inside in one.rounds
        ],
        "suites": [
            {"collection": one.collection, "name": one.name, "measure": one.own.measure, "chance": one.own.chance,
             **{part: getattr(one.own.found, part) for part in ("estimate", "low", "high", "count")},
             "difference": one.difference and one.difference.mean, "difference_low": one.difference and one.difference.low,
             "difference_high": one.difference and one.difference.high, "p": one.p}
            for one in suites
        ],
        "mteb": [
            {"collection": collection, "name": name, "measure": measure, "value": value}
            for collection, own in mteb.items()
            for name, measure, value in own
        ],
        "vectors": [{"collection": collection, **row} for collection, own in vectors.items() for row in own],
        "overall": [{"name": one.name, "mean_ndcg_at_10": one.mean, "borda": one.borda} for one in together],
        "flips": [
            {name: getattr(one, name) for name in ("name", "start", "collection", "queries", "answered", "lost", "won", "worse", "better")}
            for one in flips
        ],
        "negatives": [
            {"name": one.round, "negatives": one.negatives, "hidden_answers": one.hidden_chosen, "share": one.hidden_share}
            for one in mined
            if one.negatives
        ],
        "holes": [
            {"collection": collection, "name": one.name, "judged_of_first_ten": one.seen.judged, "rank_biased_precision": one.seen.least,
             "residual": one.seen.residual, "other": one.other if one.bounds else None,
             "difference_at_least": one.bounds and one.bounds.low, "difference_at_most": one.bounds and one.bounds.high}
            for collection, own in holes.items()
            for one in own
        ],
        "leakage": [
            {"collection": one["collection"], "split": split}
            | {name: part[name] for name in ("queries", "compared", "same", "near", "share")}
            for one in leaks
            for split, part in one["asked"]
        ],
    }  # fmt: skip
    return {name: pl.DataFrame(own, infer_schema_length=None) for name, own in rows.items() if own}


def scored(one: Score) -> dict:
    return {
        "name": one.name, "collection": one.collection, "split": one.split, "queries": one.queries, "ndcg_at_10": one.own.mean,
        "low": one.own.low, "high": one.own.high, **{name: value for name, value in one.means.items() if name != "ndcg_at_10"},
        "dev_ndcg_at_10": one.dev,
    }  # fmt: skip


def difference(against: Contrast) -> dict:
    return {
        "other": against.other, "difference": against.difference.mean, "low": against.difference.low, "high": against.difference.high,
        "p": against.p, "t": against.test.t, "effect": against.test.effect, "detectable": against.test.detectable,
        "better": against.better, "worse": against.worse, "equal": against.equal,
    }  # fmt: skip


def write(tables: dict[str, pl.DataFrame], sentences: list[str]) -> None:
    """One Parquet file for each table, and all of them as Markdown under the page's sentences."""
    with folder_written_whole(TABLES) as place:
        for name, frame in tables.items():
            frame.write_parquet(place / f"{name}.parquet")
    with written_whole(MARKDOWN) as part:
        part.write_text(markdown(tables, sentences), encoding="utf-8")


def markdown(tables: dict[str, pl.DataFrame], sentences: list[str]) -> str:
    parts = ["# What the rounds gave", *map(escape_text, sentences)]
    parts += [f"## {TITLES[name]}\n\n{format_frame(frame)}\n\nFrom `{TABLES}/{name}.parquet`." for name, frame in tables.items()]
    return "\n\n".join(parts) + "\n"
