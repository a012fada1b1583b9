"""`hone compare --judge JUDGE`: the difference with a judge's labels of unjudged documents,
compared with the difference without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from commands.compare.contrasts import Compared, compare_columns
from commands.judge.independence import PEOPLE, Filler, plain, refuse_related
from hone.compare.contrast import MEASURE
from hone.compare.unjudged import Judgments
from hone.config.params import Params
from hone.errors import Refused, nearest
from hone.files import read_json
from hone.ir import judge_labels
from hone.ir.judging_priority import unjudged
from hone.ir.measures import per_query
from hone.ir.unjudged_bounds import FIRST, Bounds, bounds, seen
from hone.judging.settings import fitness_file
from hone.present.number_format import count, format_change, share


@dataclass(frozen=True)
class Filling:
    """A judge's labels of one collection.

    Attributes:
        judge: the judge's name.
        rows: labels of one split, as described in `hone.ir.judge_labels`.
    """

    judge: str
    rows: pl.DataFrame

    @property
    def people(self) -> bool:
        return PEOPLE in self.rows["method"]


def read_fillings(
    judge: str | None, one: str, other: str, splits: dict[str, str], given: Params
) -> dict[str, Filling]:
    """A judge's labels of each collection, possibly empty; no entries if `judge` is null.

    Args:
        judge: the judge's name, or people:NAME.
        one, other: rounds or references.
        splits: the split of each compared collection.
        given: params.yaml.

    Raises:
        Refused: the judge has no labels on any of the collections, or it labelled training data of
            one of the two.
    """
    if judge is None:
        return {}
    judge = judge.removeprefix(f"{PEOPLE}:")
    files = {name: judge_labels.file_of(name, judge) for name in splits}
    judged = {
        name: judge_labels.read(file).filter(pl.col("split") == splits[name])
        for name, file in files.items()
        if file.exists()
    }
    judged = {name: rows for name, rows in judged.items() if len(rows)}
    if not judged:
        known = [name for collection in splits for name in judge_labels.judges_of(collection)]
        raise Refused(
            f"--judge {judge}: this judge has no labels of unjudged documents on "
            f"{' or '.join(splits)} ({nearest(judge, set(known))}). "
            f"Run `hone judge unjudged {judge} --collection {next(iter(splits))}`."
        )
    rows = pl.concat(judged.values())
    models = frozenset(
        map(plain, [*rows["models"].explode().drop_nulls(), *rows["model"].drop_nulls()])
    )
    for method in rows["method"].unique():
        refuse_related(
            Filler(judge, method, frozenset(rows["fingerprint"]), models), [one, other], given
        )
    return {name: Filling(judge, judged.get(name, rows.clear())) for name in splits}


def add_filling(
    one: str,
    other: str,
    runs: dict[str, pl.DataFrame],
    by: Judgments,
    filling: Filling,
    draw: np.random.Generator,
) -> tuple[list[str], list[Compared]]:
    """The effect of a judge's labels on the difference: sentences, and a row of the table.

    Args:
        one, other: the compared systems.
        runs: the ranking of each: query_id, doc_id, rank, score.
        by: the collection's own labels.
        filling: the judge's labels.
        draw: random generator for the bootstrap intervals.
    """
    if filling.rows.is_empty():
        return [
            f"{filling.judge} has no labels on {by.collection}. Run `hone judge unjudged "
            f"{filling.judge} --collection {by.collection}`."
        ], []
    labels = judge_labels.with_filled(by.qrels, filling.rows, by.min_relevance)
    before, after = (
        per_query(runs[name], labels, by.min_relevance).select(MEASURE).to_numpy()
        for name in (one, other)
    )
    row = compare_columns(one, (f"{MEASURE}, with labels of {filling.judge}",), before, after, draw)
    return describe_filling(one, other, runs, by, filling, labels), row


def describe_filling(
    one: str,
    other: str,
    runs: dict[str, pl.DataFrame],
    by: Judgments,
    filling: Filling,
    labels: pl.DataFrame,
) -> list[str]:
    """How many unjudged documents the judge labelled, the new bounds, and the accuracy of the
    judge.
    """
    holes = unjudged([runs[one], runs[other]], by.qrels, by.min_relevance).filter(
        pl.col("rank") <= FIRST
    )
    found = holes.join(filling.rows, on=["query_id", "doc_id"], how="inner")
    unknown = int((found["verdict"].cast(pl.String) == judge_labels.UNKNOWN).sum())
    known = len(found) - unknown
    parts = ", ".join(
        f"{share(seen(runs[name], labels, by.min_relevance).judged)} ({name})"
        for name in (one, other)
    )
    was, now = (
        bounds(runs[one], runs[other], qrels, by.min_relevance) for qrels in (by.qrels, labels)
    )
    return [
        f"{filling.judge} labelled {known:,} of {count(len(holes), 'unjudged document')} among "
        "the first ten "
        f"({share(known / len(holes) if holes.height else 1.0)}). "
        f"{count(unknown, 'verdict is', 'verdicts are')} unknown, and "
        f"{len(holes) - len(found):,} were not requested. These labels are not part of "
        f"{by.collection}, whose own labels take precedence.",
        f"Judged among the first ten documents with these labels: {parts}.",
        describe_difference(one, other, was, now),
        describe_accuracy(filling, by.collection),
    ]


def describe_difference(one: str, other: str, was: Bounds, now: Bounds) -> str:
    """The difference in rank-biased precision with the labels, and its bounds."""
    change = (
        f"If these labels are correct, {other} differs from {one} by "
        f"{format_change(now.observed)} in rank-biased precision"
    )
    before = f"(without them: from {format_change(was.low)} to {format_change(was.high)})"
    if not now.unjudged:
        return f"{change} {before}. The two no longer rank any unjudged document differently."
    sign = "could still reverse" if now.open else "cannot reverse"
    left = count(now.unjudged, "document")
    bounds = f"from {format_change(now.low)} to {format_change(now.high)}"
    return (
        f"{change} {before}. Judging the other {left} could move it to any value {bounds}, "
        f"which {sign} its sign."
    )


def describe_accuracy(filling: Filling, collection: str) -> str:
    """The measured accuracy of the judge on a collection."""
    judge = filling.judge
    if filling.people:
        return f"{judge} is a person. Agreement between people has not been measured here."
    file, who = fitness_file(judge, collection), f"The accuracy of {judge} on {collection}"
    check = f"Run `hone judge check {judge} --collection {collection}`."
    if not file.exists():
        return f"{who} has not been measured. {check}"
    found = read_json(file)
    if set(filling.rows["fingerprint"]) - {found["fingerprint"]}:
        return f"{who} has been measured with a different model, prompt or parameters only. {check}"
    use = found.get("precision_at_use")
    precision = format_share(
        "precision" + (" among candidates" if use else ""), use or found["precision"]
    )
    return (
        f"{who}, split {found['split']}: {precision}, "
        f"{format_share('recall', found['recall'])} ({file})."
    )


def format_share(name: str, found: dict) -> str:
    """A measured fraction with its interval."""
    if found["estimate"] is None:
        return f"{name} unknown"
    interval = (
        ""
        if found["low"] is None
        else f" (95 % CI {share(found['low'])} to {share(found['high'])})"
    )
    return f"{name} {share(found['estimate'])}{interval}"
