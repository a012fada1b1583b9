"""`hone compare`: two rounds, references or MLflow runs, query by query: what changed, how sure that is, and for whom it got worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from commands.compare.by_stratum import in_kinds, refuse_stratum, row
from commands.compare.contrasts import Compared, joined, measured, on_judged
from commands.compare.evaluations import evaluated, in_common, refuse_unlike, texts_here
from commands.compare.judged_holes import Filling, read_fillings, with_filling
from commands.compare.page import on_holes, told
from commands.console import line
from commands.workspace import min_relevance
from hone.compare.unjudged import Judgments, bound_differences, read_judgments
from hone.config import params
from hone.config.params import Params
from hone.errors import Refused
from hone.files import write_text, written_whole
from hone.ir.diagnostic_suites import of_one
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.seeds import generator
from hone.stats.paired_tests import holm

NOT_HERE = "What nobody has judged is left out: rankings are not kept in MLflow."


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
    found = {name: measured(one, frame, generator(seed, "compare", name)) for name, frame in values.items()}
    splits = {name: frame["split"][0] for name, frame in values.items()}
    for name in values if here else ():
        min_relevance(given, name)
    fillings = read_fillings(filled, one, other, splits, given)
    levels, uncut = ([], {}) if by is None else in_kinds(by, one, other, splits, given)
    pages = []
    for (name, (first, *others)), p in zip(found.items(), holm([rows[0].against.p for rows in found.values()]), strict=True):
        rows, more = [replace(first, against=replace(first.against, p=p)), *others], [NOT_HERE]
        if here:
            judgments = read_judgments(name, splits[name], min_relevance(given, name))
            by_ranking, more = with_rankings(one, other, judgments, fillings.get(name), seed)
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


def with_rankings(one: str, other: str, by: Judgments, filling: Filling | None, seed: int) -> tuple[list[Compared], list[str]]:
    """What needs the rankings themselves: measures of judged documents alone, holes, and what a judge's labels make of these."""
    runs = {ranked: ranking_of(ranked, by.collection, DEPTH) for ranked in (one, other)}
    rows = on_judged(one, other, runs, by, generator(seed, "compare", by.collection))
    sentences = on_holes(by, bound_differences([one, other], one, by, runs.__getitem__), rows)
    if filling is None:
        return rows, sentences
    told_of_labels, more = with_filling(one, other, runs, by, filling, generator(seed, "compare", by.collection, "filled"))
    return [*rows, *more], [*sentences, *told_of_labels]
