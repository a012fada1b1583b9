"""`hone compare`: compare two rounds, references or MLflow runs query by query, with
significance and the worst regressions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from commands.compare.by_stratum import compare_slices, refuse_stratum, row
from commands.compare.contrasts import Compared, compare_judged, compare_measures, join_measures
from commands.compare.evaluations import (
    find_evaluation,
    find_query_texts,
    list_generated,
    refuse_unlike,
    select_collections,
)
from commands.compare.judged_holes import Filling, add_filling, read_fillings
from commands.compare.page import build_page, describe_unjudged
from commands.compare.plain import as_plain
from commands.compare.traffic import refuse_weight, weigh_queries
from commands.console import line, print_json
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
from hone.stage import say
from hone.stats.paired_tests import holm

WEIGHTED = (
    "Means, intervals and tests are weighted by the number of searches of each query. Unjudged "
    "documents are not analyzed with --weight."
)
NOT_HERE = "Unjudged documents are not analyzed, because rankings are not kept in MLflow."


def compare(
    one: str,
    other: str,
    on: str | None = None,
    margin: float = 0.005,
    out: Path | None = None,
    by: str | None = None,
    filled: str | None = None,
    as_json: bool = False,
    weight: str | None = None,
) -> None:
    """Print the comparison, and write it if a file is given.

    Args:
        one, other: evaluated rounds or references of this checkout, or ids of MLflow runs. The
            difference is `other` minus `one`.
        on: a collection; null: every collection that both were evaluated on.
        margin: loss of nDCG@10 that counts as harmless.
        out: .md: the printed text; .parquet: every query with both values of every measure.
        by: query slices to compare as well.
        filled: a judge that judged unjudged documents (`hone judge unjudged`). The difference with
            its labels is shown as well.
        as_json: print JSON instead of tables.
        weight: `traffic` weights each query by its number of searches; null: equal weights.

    Raises:
        Refused: a system was not evaluated; queries, documents or labels differ; the file suffix is
            wrong; or `by` has no slices.
    """
    if out is not None and out.suffix not in (".md", ".parquet"):
        raise Refused(f"--out {out}: use a file that ends in .md or .parquet.")
    if not margin > 0:
        raise Refused(f"--tolerance is {margin:g}. Use a number above 0, such as 0.005.")
    before, after = find_evaluation(one), find_evaluation(other)
    given, here = params.read(), before.here and after.here
    collections = select_collections(before, after, on, without=suites(given) if here else ())
    for option, wanted in (("--slice", by), ("--judge", filled), ("--weight", weight)):
        if wanted is not None and not here:
            raise Refused(
                f"{option} needs rankings and texts of this checkout. Name rounds that were "
                "evaluated here, not MLflow runs."
            )
    if by is not None:
        refuse_stratum(by, one, other)
    refuse_weight(weight, {"--slice": by, "--judge": filled})
    unknown = {name: refuse_unlike(before, after, name) for name in collections}
    values = {name: join_measures(before, after, name) for name in collections}
    generated = list_generated(after, values)
    one, other, seed = before.name, after.name, given.seed
    weights = weigh_queries(values, weight)
    found = {
        name: compare_measures(one, frame, generator(seed, "compare", name), weights.get(name))
        for name, frame in values.items()
    }
    splits = {name: frame["split"][0] for name, frame in values.items()}
    for name in values if here else ():
        min_relevance(given, name)
    fillings = read_fillings(filled, one, other, splits, given)
    levels, uncut = ([], {}) if by is None else compare_slices(by, one, other, splits, given)
    pages, plain = [], []
    for (name, (first, *others)), p in zip(
        found.items(), holm([rows[0].against.p for rows in found.values()]), strict=True
    ):
        rows = [replace(first, against=replace(first.against, p=p)), *others]
        more = [NOT_HERE if weight is None else WEIGHTED]
        if here and weight is None:
            judgments = read_judgments(name, splits[name], min_relevance(given, name))
            by_ranking, more = compare_rankings(one, other, judgments, fillings.get(name), seed)
            rows += by_ranking
        more += (
            [f"{by} does not separate the queries of {name}: {uncut[name]}."]
            if name in uncut
            else []
        )
        more = [*filter(None, [unknown[name]]), *more]
        texts = find_query_texts(before, after, name, splits[name])
        page = build_page(
            one, other, name, values[name], rows, margin, len(found), texts, name in generated
        )
        inside = [level for level in levels if level.collection == name]
        pages.append(
            replace(
                page,
                sentences=[*page.sentences, *more],
                kinds=[row(level) for level in inside],
            )
        )
        plain.append(
            {"collection": name}
            | as_plain(pages[-1], rows, values[name], inside, texts, name in generated)
        )
    if as_json:
        print_json({"baseline": one, "candidate": other, "collections": plain})
    for page in () if as_json else pages:
        page.print()
    if out is None:
        return
    if out.suffix == ".md":
        write_text(out, "\n".join(page.markdown() for page in pages))
    else:
        with written_whole(out) as part:
            pl.concat(
                [frame.with_columns(collection=pl.lit(name)) for name, frame in values.items()]
            ).write_parquet(part)
    if as_json:
        say(f"compare: written to {out}")
    else:
        line(f"Written to {out}.")


def suites(given: Params) -> list[str]:
    """The diagnostic sets. Their measure is not nDCG, and the report compares them."""
    return [name for name, item in given.collections.items() if of_one(name, item)]


def compare_rankings(
    one: str, other: str, by: Judgments, filling: Filling | None, seed: int
) -> tuple[list[Compared], list[str]]:
    """Comparisons that need rankings: measures on judged documents only, unjudged documents, and
    the labels of a judge.
    """
    runs = {ranked: ranking_of(ranked, by.collection, DEPTH) for ranked in (one, other)}
    rows = compare_judged(one, other, runs, by, generator(seed, "compare", by.collection))
    sentences = describe_unjudged(
        by, bound_differences([one, other], one, by, runs.__getitem__), rows
    )
    if filling is None:
        return rows, sentences
    of_labels, more = add_filling(
        one, other, runs, by, filling, generator(seed, "compare", by.collection, "filled")
    )
    return [*rows, *more], [*sentences, *of_labels]
