"""What `hone compare` says of one collection, on the screen and as Markdown."""

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
from hone.compare.unjudged import describe_unjudged as unjudged_told
from hone.data import tables
from hone.ir.condensed import NAMES as ON_JUDGED
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import count, describe_margin, format_change, format_detectable, format_p, score, span
from hone.stats.paired_tests import LEVEL, Paired, equivalent

WORSE = 10  # queries that are shown
NO_TEXTS = pl.DataFrame(schema={"query_id": pl.String, "text": pl.String})
COLUMNS = ("measure", "before", "after", "difference", "95 %", "randomisation", "t-test", "effect")


@dataclass(frozen=True)
class Page:
    """What is said of one collection."""

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
        tables = [(COLUMNS, self.rows), (KIND_COLUMNS, self.kinds), (self.worse_columns, self.worse)]
        shown = [format_texts(columns, rows) for columns, rows in tables if rows]
        return "\n\n".join([f"## {escape_text(self.title)}", "\n".join(map(escape_text, self.sentences)), *shown]) + "\n"


def told(
    one: str, other: str, collection: str, values: pl.DataFrame, rows: list[Compared], margin: float, several: int,
    texts: Path | None,
) -> Page:  # fmt: skip
    """Sentences and tables on one collection; queries are shown by their ids where there are no `texts`."""
    first, split = rows[0], values["split"][0]
    change = values[f"{MEASURE}_after"] - values[f"{MEASURE}_before"]
    sentences = [
        verdict(one, other, first, several),
        describe_counts(first.against),
        *([] if first.against.sure and first.against.difference.mean > 0 else [within(first.against.test, margin)]),
    ]
    if least := first.against.test.detectable:
        sentences.append(f"A true difference under {format_detectable(least)} is missed by so many queries more than once in five times.")
    named = tables.read("queries", texts).select("query_id", "text") if texts else NO_TEXTS
    fell = (
        values.with_columns(change=change)
        .filter(pl.col("change") < -SAME)
        .sort("change", "query_id")
        .head(WORSE)
        .join(named, on="query_id", how="left", maintain_order="left")
    )
    shown_of_query = ("query_id", "text", f"{MEASURE}_before", f"{MEASURE}_after", "change")
    return Page(
        f"{other} against {one} on {collection}, {count(len(values), f'{split} query', f'{split} queries')}",
        sentences,
        [cells(row) for row in rows],
        [
            (shortened(text or query_id, 90), score(before, 3), score(after, 3), format_change(change))
            for query_id, text, before, after, change in fell.select(*shown_of_query).rows()
        ],
        ("what got worse most", one, other, "change"),
    )  # fmt: skip


def on_holes(by: Judgments, unjudged: list[UnjudgedBounds], rows: list[Compared]) -> list[str]:
    """What to know of documents that nobody has judged."""
    sentences = unjudged_told(unjudged, by)
    if not any(row.measure in ON_JUDGED for row in rows):
        sentences.append(
            f"bpref and nDCG of condensed lists are left out: no query of {by.collection} has a document that was judged wrong beside a "
            "right one, and without any they are recall by another name."
        )
    return sentences


def cells(row: Compared) -> tuple[str, ...]:
    """A measure's line of the table, under `COLUMNS`."""
    difference, test = row.against.difference, row.against.test
    return (
        row.measure, score(row.before), score(row.after), format_change(difference.mean, 4), span(difference),
        format_p(row.against.p), format_p(test.t), "–" if test.effect is None else format_change(test.effect, 2),
    )  # fmt: skip


def verdict(one: str, other: str, first: Compared, several: int) -> str:
    """Better, worse, or not to be told apart, by interval and test together."""
    against = first.against
    how = {"better": "is better than", "worse": "is worse than"}.get(direction(against), "cannot be told from")
    adjusted = f", adjusted for {several} collections" if several > 1 else ""
    return (
        f"{other} {how} {one}: nDCG@10 {score(first.before, 3)} to {score(first.after, 3)}, {format_change(against.difference.mean)} "
        f"({against.difference.called} {span(against.difference)}; {format_p(against.p)}{adjusted})."
    )


def within(test: Paired, margin: float) -> str:
    """What is shown about a margin of indifference."""
    same = equivalent(test, margin)
    if same is not None and same <= LEVEL:
        return f"The two are shown to be the same within {margin:g}."
    return f"{describe_margin(test, margin).capitalize()}."
