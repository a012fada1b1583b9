"""`hone compare`: two rounds, references or MLflow runs, query by query: what changed, how sure that is, and for whom it got worse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from hone.compare_filled import Filling, read_fillings, with_filling
from hone.compare_kinds import KIND_COLUMNS, in_kinds, refuse_stratum, row
from hone.compared import Evaluated, evaluated, in_common, refuse_unlike, texts_here
from hone.screen import line, shortened, table
from tasks import params, tables
from tasks.doubt.intervals import intervals
from tasks.doubt.paired import LEVEL, Paired, equivalent, holm
from tasks.errors import Refused, nearest
from tasks.evaluate.judged_only import NAMES as ON_JUDGED
from tasks.evaluate.judged_only import judged_only
from tasks.evaluate.measures import DEPTH, NAMES
from tasks.evaluate.results import ranking_of
from tasks.files import write_text, written_whole
from tasks.params import Params
from tasks.report.flat import escaped, in_words
from tasks.report.holes import Holes, Judged, holes, judged
from tasks.report.holes import told as unjudged_told
from tasks.report.scores import MEASURE, SAME, Against, asked_first, held
from tasks.report.summary import counts
from tasks.report.summary import verdict as direction
from tasks.report.words import chance, count, harm, least_seen, score, signed, span
from tasks.resolve.abilities import of_one
from tasks.seeds import generator

WORSE = 10  # queries that are shown
NO_TEXTS = pl.DataFrame(schema={"query_id": pl.String, "text": pl.String})
NOT_HERE = "What nobody has judged is left out: rankings are not kept in MLflow."
COLUMNS = ("measure", "before", "after", "difference", "95 %", "randomisation", "t-test", "effect")


@dataclass(frozen=True)
class Compared:
    """One measure of two rankings over the same queries.

    Attributes:
        before, after: means.
        against: the difference, its test and counts; the p of nDCG@10 is adjusted for as many collections as are compared.
    """

    measure: str
    before: float
    after: float
    against: Against


def compare(
    one: str, other: str, on: str | None = None, margin: float = 0.005, out: Path | None = None, by: str | None = None,
    filled: str | None = None,
) -> None:  # fmt: skip
    """Print it, and write it where a file is given.

    Args:
        one, other: rounds or references that were evaluated here, or runs in MLflow by their ids; the difference is what `other`
            gives more than `one`.
        on: a collection; null: every one that both were evaluated on.
        margin: of nDCG@10 that may be lost without harm.
        out: .md: what is printed; .parquet: every query with both values of every measure.
        by: a stratum: the difference in each kind of its queries as well.
        filled: a judge whose labels fill holes (`hone judge holes`): what the difference is with them as well.

    Raises:
        Refused: a name that was not evaluated, other queries, documents or labels on either side, a file of another kind, or a stratum
            that parts nothing.
    """
    if out is not None and out.suffix not in (".md", ".parquet"):
        raise Refused(f"--out {out}: a file that ends in .md or .parquet is meant.")
    if not margin > 0:
        raise Refused(f"--margin is {margin:g}: a number above 0 is meant, such as 0.005.")
    before, after = evaluated(one), evaluated(other)
    given, here = params.read(), before.here and after.here
    collections = in_common(before, after, on, without=suites(given) if here else ())
    for option, wanted in (("--by", by), ("--filled", filled)):
        if wanted is not None and not here:
            raise Refused(f"{option} needs rankings and texts of this checkout: name rounds that were evaluated here, and no runs.")
    if by is not None:
        refuse_stratum(by, one, other)
    unknown = {name: refuse_unlike(before, after, name) for name in collections}
    values = {name: joined(before, after, name) for name in collections}
    one, other, seed = before.name, after.name, given.seed
    found = {name: measured(one, frame, generator(seed, "compare", name, one, other)) for name, frame in values.items()}
    splits = {name: frame["split"][0] for name, frame in values.items()}
    for name in values if here else ():
        min_relevance(given, name)
    fillings = read_fillings(filled, one, other, splits, given)
    levels, uncut = ([], {}) if by is None else in_kinds(by, one, other, splits, given)
    pages = []
    for (name, (first, *others)), p in zip(found.items(), holm([rows[0].against.p for rows in found.values()]), strict=True):
        rows, more = [replace(first, against=replace(first.against, p=p)), *others], [NOT_HERE]
        if here:
            by_ranking, more = with_rankings(one, other, judged(name, splits[name], min_relevance(given, name)), fillings.get(name), seed)
            rows += by_ranking
        more += [f"{by} does not part the queries of {name}: {uncut[name]}."] if name in uncut else []
        more = [*filter(None, [unknown[name]]), *more]
        texts = texts_here(before, after, name, splits[name])
        page = told(one, other, name, values[name], rows, margin, len(found), texts)
        inside = [row(level) for level in levels if level.collection == name]
        pages.append(replace(page, sentences=[*page.sentences, *more], kinds=inside))
    for page in pages:
        page.print()
    if out is None:
        return
    if out.suffix == ".md":
        write_text(out, "\n".join(page.markdown() for page in pages))
    else:
        with written_whole(out) as part:
            pl.concat([frame.with_columns(collection=pl.lit(name)) for name, frame in values.items()]).write_parquet(part)
    line(f"Written to {out}.")


def suites(given: Params) -> list[str]:
    """The collections that are suites for one ability: their measure is not nDCG, and the report compares it."""
    return [name for name, item in given.collections.items() if of_one(name, item)]


def min_relevance(given: Params, collection: str) -> int:
    """The grade from which on a document of a collection is right.

    Raises:
        Refused: params.yaml does not know the collection any more.
    """
    if collection not in given.collections:
        known = nearest(collection, list(given.collections))
        raise Refused(f"'{collection}' was evaluated once and is no collection of params.yaml now: {known}. Put it back, or use --on.")
    return given.collections[collection].min_relevance


def joined(one: Evaluated, other: Evaluated, collection: str) -> pl.DataFrame:
    """query_id, split, and both values of every measure: <measure>_before, <measure>_after.

    Raises:
        Refused: the two were evaluated on other queries, or hold what is no number.
    """
    before, after = asked_first(one.files[collection]), asked_first(other.files[collection])
    together = before.join(after, on=["query_id", "split"], how="inner", maintain_order="left", suffix="_after")
    if not len(together) == len(before) == len(after):
        raise Refused(
            f"{one.name} and {other.name} were not evaluated on the same queries of {collection} ({len(before):,}, {len(after):,}, "
            f"{len(together):,} in both): run `dvc repro`, which evaluates what is stale."
        )
    together = together.rename({name: f"{name}_before" for name in NAMES})
    numbers = together.select(pl.all_horizontal(pl.selectors.float().is_finite().fill_null(False)).alias("all"))["all"]
    if not numbers.all():
        raise Refused(
            f"query '{together['query_id'][int(numbers.arg_min())]}' of {collection} has a score that is no number: evaluate again."
        )
    return together


def measured(one: str, values: pl.DataFrame, draw: np.random.Generator) -> list[Compared]:
    """Every measure, nDCG@10 first; intervals come from one set of draws."""
    before = values.select(f"{name}_before" for name in NAMES).to_numpy()
    after = values.select(f"{name}_after" for name in NAMES).to_numpy()
    return sorted(pairwise(one, NAMES, before, after, draw), key=lambda row: row.measure != MEASURE)


def pairwise(one: str, names: tuple[str, ...], before: np.ndarray, after: np.ndarray, draw: np.random.Generator) -> list[Compared]:
    """Measures (columns) of the same queries (rows) in two rankings."""
    change = after - before
    found = []
    for place, (name, difference) in enumerate(zip(names, intervals(change, draw), strict=True)):
        against = held(one, change[:, place], difference, draw)
        against = replace(against, p=against.test.randomisation)
        found.append(Compared(name, float(before[:, place].mean()), float(after[:, place].mean()), against))
    return found


def on_judged(one: str, other: str, runs: dict[str, pl.DataFrame], by: Judged, draw: np.random.Generator) -> list[Compared]:
    """The measures that leave out what nobody has judged; none where no query has a document judged wrong."""
    try:
        before, after = (judged_only(runs[name], by.qrels, by.min_relevance).drop("query_id").to_numpy() for name in (one, other))
    except Refused:
        return []
    return pairwise(one, ON_JUDGED, before, after, draw)


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
        shown = [in_words(columns, rows) for columns, rows in tables if rows]
        return "\n\n".join([f"## {escaped(self.title)}", "\n".join(map(escaped, self.sentences)), *shown]) + "\n"


def with_rankings(one: str, other: str, by: Judged, filling: Filling | None, seed: int) -> tuple[list[Compared], list[str]]:
    """What needs the rankings themselves: measures of judged documents alone, holes, and what a judge's labels make of these."""
    runs = {ranked: ranking_of(ranked, by.collection, DEPTH) for ranked in (one, other)}
    rows = on_judged(one, other, runs, by, generator(seed, "compare", by.collection))
    sentences = on_holes(by, holes([one, other], one, by, runs.__getitem__), rows)
    if filling is None:
        return rows, sentences
    told_of_labels, more = with_filling(one, other, runs, by, filling, generator(seed, "compare", by.collection, "filled"))
    return [*rows, *more], [*sentences, *told_of_labels]


def on_holes(by: Judged, unjudged: list[Holes], rows: list[Compared]) -> list[str]:
    """What to know of documents that nobody has judged."""
    sentences = unjudged_told(unjudged, by)
    if not any(row.measure in ON_JUDGED for row in rows):
        sentences.append(
            f"bpref and nDCG of condensed lists are left out: no query of {by.collection} has a document that was judged wrong beside a "
            "right one, and without any they are recall by another name."
        )
    return sentences


def told(
    one: str, other: str, collection: str, values: pl.DataFrame, rows: list[Compared], margin: float, several: int,
    texts: Path | None,
) -> Page:  # fmt: skip
    """Sentences and tables on one collection; queries are shown by their ids where there are no `texts`."""
    first, split = rows[0], values["split"][0]
    change = values[f"{MEASURE}_after"] - values[f"{MEASURE}_before"]
    sentences = [
        verdict(one, other, first, several),
        counts(first.against),
        *([] if first.against.sure and first.against.difference.mean > 0 else [within(first.against.test, margin)]),
    ]
    if least := first.against.test.detectable:
        sentences.append(f"A true difference under {least_seen(least)} is missed by so many queries more than once in five times.")
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
            (shortened(text or query_id, 90), score(before, 3), score(after, 3), signed(change))
            for query_id, text, before, after, change in fell.select(*shown_of_query).rows()
        ],
        ("what got worse most", one, other, "change"),
    )  # fmt: skip


def cells(row: Compared) -> tuple[str, ...]:
    """A measure's line of the table, under `COLUMNS`."""
    difference, test = row.against.difference, row.against.test
    return (
        row.measure, score(row.before), score(row.after), signed(difference.mean, 4), span(difference),
        chance(row.against.p), chance(test.t), "–" if test.effect is None else signed(test.effect, 2),
    )  # fmt: skip


def verdict(one: str, other: str, first: Compared, several: int) -> str:
    """Better, worse, or not to be told apart, by interval and test together."""
    against = first.against
    how = {"better": "is better than", "worse": "is worse than"}.get(direction(against), "cannot be told from")
    adjusted = f", adjusted for {several} collections" if several > 1 else ""
    return (
        f"{other} {how} {one}: nDCG@10 {score(first.before, 3)} to {score(first.after, 3)}, {signed(against.difference.mean)} "
        f"(95 % interval {span(against.difference)}; {chance(against.p)}{adjusted})."
    )


def within(test: Paired, margin: float) -> str:
    """What is shown about a margin of indifference."""
    same = equivalent(test, margin)
    if same is not None and same <= LEVEL:
        return f"The two are shown to be the same within {margin:g}."
    return f"{harm(test, margin).capitalize()}."
