"""The output of `hone compare` for one collection, on the screen and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from commands.compare.by_stratum import KIND_COLUMNS
from commands.compare.contrasts import Compared
from commands.console import line, shortened, table
from hone.compare.contrast import MEASURE, SAME, describe_counts
from hone.compare.contrast import classify_contrast as direction
from hone.compare.unjudged import Judgments, UnjudgedBounds
from hone.compare.unjudged import describe_unjudged as describe_bounds
from hone.data import tables
from hone.ir.condensed import NAMES as ON_JUDGED
from hone.ir.split_names import ONLY_CHOOSE, name_split
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import (
    count,
    describe_margin,
    format_change,
    format_detectable,
    format_p,
    score,
    span,
)
from hone.stats.paired_tests import LEVEL, Paired, equivalent

WORSE = 10  # regressions to show
NO_TEXTS = pl.DataFrame(schema={"query_id": pl.String, "text": pl.String})
COLUMNS = (
    "measure",
    "before",
    "after",
    "difference",
    "95 % CI",
    "randomization test",
    "t-test",
    "effect size",
)


@dataclass(frozen=True)
class Page:
    """Sentences and tables for one collection."""

    title: str
    sentences: list[str]
    rows: list[tuple[str, ...]]
    worse: list[tuple[str, ...]]
    worse_columns: tuple[str, ...]
    kinds: list[tuple[str, ...]] = field(default_factory=list)

    def print(self) -> None:
        line(self.title)
        for sentence in self.sentences:
            line(sentence)
        line()
        table(COLUMNS, self.rows)
        if self.kinds:
            line()
            table(KIND_COLUMNS, self.kinds)
        if self.worse:
            line()
            table(self.worse_columns, self.worse)
        line()

    def markdown(self) -> str:
        tables = [
            (COLUMNS, self.rows),
            (KIND_COLUMNS, self.kinds),
            (self.worse_columns, self.worse),
        ]
        formatted_tables = [format_texts(columns, rows) for columns, rows in tables if rows]
        return (
            "\n\n".join(
                [
                    f"## {escape_text(self.title)}",
                    "\n".join(map(escape_text, self.sentences)),
                    *formatted_tables,
                ]
            )
            + "\n"
        )


def build_page(
    one: str,
    other: str,
    collection: str,
    values: pl.DataFrame,
    rows: list[Compared],
    margin: float,
    several: int,
    texts: Path | None,
    generated: bool = False,
) -> Page:
    """Sentences and tables for one collection. Without `texts`, queries are shown by id.
    `generated`: they are generated dev queries.
    """
    first, split = rows[0], name_split(values["split"][0], generated)
    sentences = [
        describe_verdict(one, other, first, several),
        describe_counts(first.against),
        *(
            []
            if first.against.sure and first.against.difference.mean > 0
            else [describe_equivalence(first.against.test, margin)]
        ),
    ]
    if generated:
        sentences.insert(0, ONLY_CHOOSE)
    if least := first.against.test.detectable:
        sentences.append(f"Minimum detectable effect: {format_detectable(least)} (80 % power).")
    return Page(
        f"{other} compared with {one} on {collection}, "
        f"{count(len(values), f'{split} query', f'{split} queries')}",
        sentences,
        [cells(row) for row in rows],
        [
            (
                shortened(text or query_id, 90),
                score(before, 3),
                score(after, 3),
                format_change(change),
            )
            for query_id, text, before, after, change in find_regressions(values, texts).rows()
        ],
        ("largest regressions", one, other, "change"),
    )


def find_regressions(values: pl.DataFrame, texts: Path | None) -> pl.DataFrame:
    """The queries that lost most, the largest loss first: query_id, text, before, after, change.
    The text is null without `texts`.
    """
    named = tables.read("queries", texts).select("query_id", "text") if texts else NO_TEXTS
    rows = values.select(
        "query_id", before=pl.col(f"{MEASURE}_before"), after=pl.col(f"{MEASURE}_after")
    ).with_columns(change=pl.col("after") - pl.col("before"))
    return (
        rows.filter(pl.col("change") < -SAME)
        .sort("change", "query_id")
        .head(WORSE)
        .join(named, on="query_id", how="left", maintain_order="left")
        .select("query_id", "text", "before", "after", "change")
    )


def describe_unjudged(
    by: Judgments, unjudged: list[UnjudgedBounds], rows: list[Compared]
) -> list[str]:
    """Sentences on unjudged documents."""
    sentences = describe_bounds(unjudged, by)
    if not any(row.measure in ON_JUDGED for row in rows):
        sentences.append(
            f"bpref and condensed-list nDCG are omitted, because no query of {by.collection} has "
            "both relevant and judged non-relevant "
            "documents. Without the latter they only measure recall."
        )
    return sentences


def cells(row: Compared) -> tuple[str, ...]:
    """The table row of a measure, with the columns `COLUMNS`."""
    difference, test = row.against.difference, row.against.test
    return (
        row.measure,
        score(row.before),
        score(row.after),
        format_change(difference.mean, 4),
        span(difference),
        format_p(row.against.p),
        format_p(test.t),
        "–" if test.effect is None else format_change(test.effect, 2),
    )


def describe_verdict(one: str, other: str, first: Compared, several: int) -> str:
    """Whether the difference is significant, by its interval and its test."""
    against = first.against
    how = {"better": "is significantly better than", "worse": "is significantly worse than"}
    how = how.get(direction(against), "is not significantly different from")
    adjusted = f", adjusted for {several} collections" if several > 1 else ""
    return (
        f"{other} {how} {one}: nDCG@10 {score(first.before, 3)} to {score(first.after, 3)}, "
        f"{format_change(against.difference.mean)} "
        f"({against.difference.called} {span(against.difference)}; "
        f"{format_p(against.p)}{adjusted})."
    )


def describe_equivalence(test: Paired, margin: float) -> str:
    """Whether the two are equivalent within a margin, or a loss of the margin is ruled out."""
    same = equivalent(test, margin)
    if same is not None and same <= LEVEL:
        return f"The two are equivalent within {margin:g}."
    return f"{describe_margin(test, margin).capitalize()}."
