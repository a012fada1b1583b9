"""How many candidates are false negatives, and how often the judge is right when it says yes, where it is used.

Among a round's candidates false negatives may be 1 % or 40 %, and the same AUC then means a precision of .2 or of .9. So
gold verdicts are wanted on candidates themselves. The judge's word on many candidates is corrected by gold on a few of
them: prediction-powered inference (Angelopoulos et al. 2023, arXiv 2301.09633).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl

from tasks.relabel.fitness.share import NOTHING, Estimate, share, wilson

PAIR = ["query_id", "doc_id"]
# Rank bands by their last rank, the strata of the candidates. No band of a person's sheet reaches over one of these.
BANDS = (("1", 1), ("2 to 3", 3), ("4 to 10", 10), ("11 to 30", 30), ("31 and more", None))


def with_band(ranked: pl.DataFrame) -> pl.DataFrame:
    """`ranked` with the band of each `rank`."""
    band = pl.lit(BANDS[-1][0])
    for name, last in reversed(BANDS[:-1]):
        band = pl.when(pl.col("rank") <= last).then(pl.lit(name)).otherwise(band)
    return ranked.with_columns(band=band)


def gold_sample(judged: pl.DataFrame, pairs: int, places: np.ndarray) -> pl.DataFrame:
    """Pairs to have a gold verdict: half of them such as the judge said yes to, from each band as many as it has.

    Said yes and said no are strata like the bands: where a yes is rare, a plain sample would hold too few to know anything
    of precision.

    Args:
        judged: query_id, doc_id, rank, verdict, of candidates.
        pairs: how many; fewer where there are not so many.
        places: a number in [0, 1) for each row; in each stratum the smallest are taken.

    Returns:
        query_id, doc_id.
    """
    rows = with_band(judged).with_columns(yes=said_yes(), place=pl.Series(places))
    yes = int(rows["yes"].sum())
    of_yes = min(yes, max(pairs // 2, pairs - (len(rows) - yes)))
    of_rest = min(pairs - of_yes, len(rows) - yes)
    return pl.concat([_shared_out(rows.filter("yes"), of_yes), _shared_out(rows.filter(~pl.col("yes")), of_rest)]).select(PAIR)


def _shared_out(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """`count` rows, from each band its share of them (what rounding leaves goes where most was cut off)."""
    exact = rows.group_by("band").len().sort("band").with_columns(exact=pl.col("len") / max(len(rows), 1) * count)
    whole = exact.with_columns(take=pl.col("exact").floor().cast(pl.Int64)).sort(pl.col("exact").floor() - pl.col("exact"), "band")
    left = count - int(whole["take"].sum())
    whole = whole.with_columns(take=pl.col("take") + (pl.int_range(pl.len()) < left).cast(pl.Int64))
    return rows.join(whole.select("band", "take"), on="band").filter(pl.col("place").rank("ordinal").over("band") <= pl.col("take"))


def at_use(
    judged: pl.DataFrame, gold: pl.DataFrame, sizes: dict[str, int], sampled: float,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> dict[str, dict | None]:  # fmt: skip
    """The share of false negatives among all candidates, and the judge's precision there, each with a 95 % interval.

    With W_b the share of band b among all candidates and the bands' shares of yes from the judge's word on the judged
    ones, share = mean(judge) + weighted mean over gold of (gold - judge). The gold pairs' weights add up to the size of
    their stratum (band and the judge's word), so the share is q p1 + (1 - q) p0: q the share of yes, p1 and p0 the
    shares of gold among yes and among the rest. p1 is the precision. Intervals are Wilson's for each, joined as Zou and
    Donner (2008) do, so that none collapses where no gold verdict was positive; queries are the independent units.

    Args:
        judged: query_id, doc_id, rank, verdict, of queries drawn by lot from all; unknown is no yes.
        gold: query_id, doc_id, rank, verdict, gold: true, false, or null where it could not be said; drawn by lot in each
            stratum of `judged`, or, beyond `judged`, in each band.
        sizes: how many candidates each band has in all.
        sampled: the share of all queries that is in `judged`; 1: the judge read all.
        interval: of each share.

    Returns:
        share_of_false_negatives, precision_at_use, share_of_yes: estimate, low, high, count; precision's `gold` counts all
        gold pairs and `said_yes` those it rests on. Null where nothing can be said.
    """
    rows, known = sized(read(judged, gold), sizes), weighted(judged, gold, sizes)
    yes = share(rows["yes"].to_numpy(), rows["query_id"].to_numpy(), rows["weight"].to_numpy(), sampled, interval)
    right, missed = (
        share(part["gold"].to_numpy(), part["query_id"].to_numpy(), part["weight"].to_numpy(), interval=interval)
        for part in (known.filter("yes"), known.filter(~pl.col("yes")))
    )
    precision = None if right is NOTHING else right.plain() | {"gold": len(known), "said_yes": right.count}
    whole = joined(yes, right, missed)
    return {
        "share_of_false_negatives": None if whole is NOTHING else whole.plain() | {"count": len(known)},
        "precision_at_use": precision or {"estimate": None, "low": None, "high": None, "gold": len(known), "said_yes": 0},
        "share_of_yes": yes.plain(),
    }


def sized(judged: pl.DataFrame, sizes: dict[str, int]) -> pl.DataFrame:
    """Judged candidates with `band`, `yes` and how many of the band's candidates each stands for, `weight`."""
    bands = pl.DataFrame({"band": list(sizes), "size": list(sizes.values())}, schema={"band": pl.String, "size": pl.Float64})
    rows = with_band(judged).join(bands, on="band", how="left", maintain_order="left")
    return rows.with_columns(yes=said_yes(), weight=pl.col("size") / pl.len().over("band"))


def weighted(judged: pl.DataFrame, gold: pl.DataFrame, sizes: dict[str, int]) -> pl.DataFrame:
    """Pairs with a gold verdict, with `band`, `yes` and how many candidates of its band and the judge's word each stands for."""
    cells = sized(read(judged, gold), sizes).group_by("band", "yes").agg(cell=pl.col("weight").sum())
    known = with_band(gold.filter(pl.col("gold").is_not_null())).with_columns(yes=said_yes())
    known = known.join(cells, on=["band", "yes"], how="inner", maintain_order="left")
    return known.with_columns(weight=pl.col("cell") / pl.len().over("band", "yes"))


def read(judged: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """All candidates that the judge has read: its sample, and pairs of gold beyond it, which were drawn by lot within each band.

    Both say how often it says yes in a band. A small sample alone may hold no yes where gold shows some, and these would then
    stand for nothing.
    """
    columns = [*PAIR, "rank", "verdict"]
    beyond = gold.join(judged, on=PAIR, how="anti", maintain_order="left")
    return pl.concat([judged.select(columns), beyond.select(columns)], how="vertical_relaxed")


def said_yes() -> pl.Expr:
    return pl.col("verdict").cast(pl.String) == "positive"


def joined(yes: Estimate, right: Estimate, missed: Estimate) -> Estimate:
    """q p1 + (1 - q) p0 with its interval; what is not known and not needed counts as nothing."""
    if yes is NOTHING or (yes.estimate > 0 and right is NOTHING) or (yes.estimate < 1 and missed is NOTHING):
        return NOTHING
    among, rest = (part if part is not NOTHING else Estimate(0.0, 0.0, 0.0, 0) for part in (right, missed))
    found = yes.estimate * among.estimate + (1 - yes.estimate) * rest.estimate
    slope = among.estimate - rest.estimate
    down, up = yes.estimate - yes.low, yes.high - yes.estimate
    less, more = (slope * down, slope * up) if slope > 0 else (slope * up, slope * down)
    lower = (yes.estimate * (among.estimate - among.low), (1 - yes.estimate) * (rest.estimate - rest.low), less)
    upper = (yes.estimate * (among.high - among.estimate), (1 - yes.estimate) * (rest.high - rest.estimate), more)
    return Estimate(found, max(0.0, found - math.hypot(*lower)), min(1.0, found + math.hypot(*upper)), right.count + missed.count)
