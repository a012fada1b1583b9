"""Two rankings of the same queries, measure by measure: means, differences, intervals and tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from commands.compare.evaluations import Evaluation
from hone.compare.contrast import MEASURE, Contrast, make_contrast, read_first_split
from hone.compare.unjudged import Judgments
from hone.errors import Refused
from hone.ir.condensed import NAMES as ON_JUDGED
from hone.ir.condensed import judged_only
from hone.ir.measures import NAMES
from hone.stats.bootstrap import intervals


@dataclass(frozen=True)
class Compared:
    """One measure of two rankings over the same queries.

    Attributes:
        before, after: means over queries.
        against: the difference, its test and counts. The p of nDCG@10 is adjusted for the number of
            compared collections.
    """

    measure: str
    before: float
    after: float
    against: Contrast


def join_measures(one: Evaluation, other: Evaluation, collection: str) -> pl.DataFrame:
    """query_id, split, and both values of every measure: <measure>_before, <measure>_after.

    Raises:
        Refused: the two were evaluated on different queries, or a value is NaN or infinite.
    """
    before, after = (
        read_first_split(one.files[collection]),
        read_first_split(other.files[collection]),
    )
    together = before.join(
        after, on=["query_id", "split"], how="inner", maintain_order="left", suffix="_after"
    )
    if not len(together) == len(before) == len(after):
        raise Refused(
            f"{one.name} and {other.name} were not evaluated on the same queries of {collection} "
            f"({len(before):,}, {len(after):,}, "
            f"{len(together):,} in both). Run `dvc repro`, which updates outdated evaluations."
        )
    together = together.rename({name: f"{name}_before" for name in NAMES})
    numbers = together.select(
        pl.all_horizontal(pl.selectors.float().is_finite().fill_null(False)).alias("all")
    )["all"]
    if not numbers.all():
        raise Refused(
            f"Query '{together['query_id'][int(numbers.arg_min())]}' of {collection} has a score "
            "that is NaN or infinite. Evaluate again."
        )
    return together


def compare_measures(
    one: str, values: pl.DataFrame, draw: np.random.Generator, weights: np.ndarray | None = None
) -> list[Compared]:
    """Every measure, nDCG@10 first. All intervals use the same bootstrap samples.

    Args:
        one: the baseline.
        values: both values of every measure, by query.
        draw: random numbers.
        weights: the weight of each query [queries]; null: equal weights.
    """
    before = values.select(f"{name}_before" for name in NAMES).to_numpy()
    after = values.select(f"{name}_after" for name in NAMES).to_numpy()
    return sorted(
        compare_columns(one, NAMES, before, after, draw, weights),
        key=lambda row: row.measure != MEASURE,
    )


def compare_columns(
    one: str,
    names: tuple[str, ...],
    before: np.ndarray,
    after: np.ndarray,
    draw: np.random.Generator,
    weights: np.ndarray | None = None,
) -> list[Compared]:
    """Compare measures (columns) of the same queries (rows) in two rankings.

    With weights w of mean 1, the difference is D = mean(w d). Its interval is that of the mean of
    D + w (d - D), the linearized ratio sum w d / sum w. The tests use w d, whose sign is random if
    there is no difference.

    Args:
        one: the baseline.
        names: the measures.
        before, after: [queries, measures].
        draw: random numbers.
        weights: the weight of each query [queries]; null: equal weights.
    """
    change = spread = after - before
    if weights is not None:
        share = (weights / weights.mean())[:, None]
        before, after, change = share * before, share * after, share * change
        mean = change.mean(0)
        spread = mean + share * (spread - mean)
    found = []
    for place, (name, difference) in enumerate(zip(names, intervals(spread, draw), strict=True)):
        against = make_contrast(one, change[:, place], difference, draw)
        against = replace(against, p=against.test.randomisation)
        found.append(
            Compared(name, float(before[:, place].mean()), float(after[:, place].mean()), against)
        )
    return found


def compare_judged(
    one: str, other: str, runs: dict[str, pl.DataFrame], by: Judgments, draw: np.random.Generator
) -> list[Compared]:
    """Measures on judged documents only; empty if no query has a document judged non-relevant."""
    try:
        before, after = (
            judged_only(runs[name], by.qrels, by.min_relevance).drop("query_id").to_numpy()
            for name in (one, other)
        )
    except Refused:
        return []
    return compare_columns(one, ON_JUDGED, before, after, draw)
