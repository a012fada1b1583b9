"""`hone compare --filled JUDGE`: what a difference is with the labels by which a judge has filled holes, beside what it is without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from commands.compare.contrasts import Compared, pairwise
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
        judge: its name.
        rows: as `hone.ir.judge_labels` describes them, of one split.
    """

    judge: str
    rows: pl.DataFrame

    @property
    def people(self) -> bool:
        return PEOPLE in self.rows["method"]


def read_fillings(judge: str | None, one: str, other: str, splits: dict[str, str], given: Params) -> dict[str, Filling]:
    """A judge's labels of each collection, none of one that it has not filled; nothing where no judge is named.

    Args:
        judge: its name, or people:WHO.
        one, other: rounds or references.
        splits: of each collection that is compared, the split.
        given: params.yaml.

    Raises:
        Refused: it has filled none of them, or had a part in what one of the two learned.
    """
    if judge is None:
        return {}
    judge = judge.removeprefix(f"{PEOPLE}:")
    files = {name: judge_labels.file_of(name, judge) for name in splits}
    there = {name: judge_labels.read(file).filter(pl.col("split") == splits[name]) for name, file in files.items() if file.exists()}
    there = {name: rows for name, rows in there.items() if len(rows)}
    if not there:
        known = [name for collection in splits for name in judge_labels.judges_of(collection)]
        raise Refused(
            f"--filled {judge}: it has filled no holes of {' or '.join(splits)} ({nearest(judge, set(known))}): "
            f"`hone judge holes {judge} --on {next(iter(splits))}` does."
        )
    rows = pl.concat(there.values())
    models = frozenset(map(plain, [*rows["models"].explode().drop_nulls(), *rows["model"].drop_nulls()]))
    for method in rows["method"].unique():
        refuse_related(Filler(judge, method, frozenset(rows["fingerprint"]), models), [one, other], given)
    return {name: Filling(judge, there.get(name, rows.clear())) for name in splits}


def with_filling(
    one: str, other: str, runs: dict[str, pl.DataFrame], by: Judgments, filling: Filling, draw: np.random.Generator
) -> tuple[list[str], list[Compared]]:
    """What a judge's labels make of a difference: sentences, and a line of the table.

    Args:
        one, other: whose rankings.
        runs: query_id, doc_id, rank, score of each.
        by: the collection's own labels.
        filling: the judge's.
        draw: of the intervals.
    """
    if filling.rows.is_empty():
        return [
            f"{filling.judge} has filled no holes of {by.collection}: `hone judge holes {filling.judge} --on {by.collection}` does."
        ], []
    labels = judge_labels.with_filled(by.qrels, filling.rows, by.min_relevance)
    before, after = (per_query(runs[name], labels, by.min_relevance).select(MEASURE).to_numpy() for name in (one, other))
    row = pairwise(one, (f"{MEASURE}, filled by {filling.judge}",), before, after, draw)
    return sentences(one, other, runs, by, filling, labels), row


def sentences(one: str, other: str, runs: dict[str, pl.DataFrame], by: Judgments, filling: Filling, labels: pl.DataFrame) -> list[str]:
    """How much of the holes is filled, what that does to the bounds, and how far the judge can be believed."""
    holes = unjudged([runs[one], runs[other]], by.qrels, by.min_relevance).filter(pl.col("rank") <= FIRST)
    found = holes.join(filling.rows, on=["query_id", "doc_id"], how="inner")
    unknown = int((found["verdict"].cast(pl.String) == judge_labels.UNKNOWN).sum())
    known = len(found) - unknown
    parts = ", ".join(f"{share(seen(runs[name], labels, by.min_relevance).judged)} of {name}'s" for name in (one, other))
    was, now = (bounds(runs[one], runs[other], qrels, by.min_relevance) for qrels in (by.qrels, labels))
    return [
        f"With the labels of {filling.judge}, which are no part of {by.collection} and count where nobody else has judged: "
        f"{known:,} of {count(len(holes), 'hole')} among the first ten ({share(known / len(holes) if holes.height else 1.0)}) are filled, "
        f"{unknown:,} could not be said and {len(holes) - len(found):,} were not asked about.",
        f"Of the first ten are then judged: {parts}.",
        if_right(one, other, was, now),
        believed(filling, by.collection),
    ]  # fmt: skip


def if_right(one: str, other: str, was: Bounds, now: Bounds) -> str:
    """The difference in rank-biased precision with the labels, and how far it could still move."""
    change = f"If they are right, {other} gives {format_change(now.observed)} more than {one} in rank-biased precision"
    before = f"(between {format_change(was.low)} and {format_change(was.high)} without them)"
    if not now.unjudged:
        return f"{change} {before}: the two rank no unjudged document differently any more."
    sign = "is open" if now.open else "does not hang on what is unjudged"
    left = count(now.unjudged, "document")
    could = f"between {format_change(now.low)} and {format_change(now.high)} whatever the {left} still unjudged would be"
    return f"{change}, {could} {before}: its sign {sign}."


def believed(filling: Filling, collection: str) -> str:
    """How often the judge is right on a collection, as far as anybody has looked."""
    judge = filling.judge
    if filling.people:
        return f"{judge} is a person; how often people agree here nobody has measured."
    file, who = fitness_file(judge, collection), f"How often {judge} is right on {collection}"
    check = f"`hone judge check {judge} --on {collection}` does"
    if not file.exists():
        return f"{who} nobody has shown: {check}."
    found = read_json(file)
    if set(filling.rows["fingerprint"]) - {found["fingerprint"]}:
        return f"{who} as it was asked here nobody has shown, for it was checked with another model, prompt or parameters: {check}."
    where = f"on {collection}, split {found['split']} ({file})"
    use = found.get("precision_at_use")
    right = told("is right on", use or found["precision"], "of what it says yes to" + (" among candidates" if use else ""))
    return f"How far to believe it: {judge} {right} and {told('finds', found['recall'], 'of the known answers')}, {where}."


def told(how: str, found: dict, of: str) -> str:
    """A share of the evidence with its interval."""
    if found["estimate"] is None:
        return f"{how} nobody knows how many {of}"
    interval = "" if found["low"] is None else f" ({share(found['low'])} to {share(found['high'])})"
    return f"{how} {share(found['estimate'])}{interval} {of}"
