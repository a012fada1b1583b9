"""How many candidates are false negatives, and how often the judge is right when it says yes, where it is used.

Among a round's candidates false negatives may be 1 % or 40 %, and the same AUC then means a precision of 0.2 or of 0.9. So
gold verdicts are needed on candidates themselves. They correct the judge's verdicts on many candidates (hone/stats/prediction_powered.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from hone.judging.rank_bands import BANDS, with_band
from hone.layout import PAIR
from hone.stats.prediction_powered import GoldVerdicts, Verdicts, corrected
from hone.stats.proportions import NOTHING, wilson


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
    yes = judged.select(said_yes()).to_series().to_numpy().astype(bool)
    bands = np.searchsorted([last for _, last in BANDS[:-1]], judged["rank"].to_numpy())
    said = int(yes.sum())
    of_yes = min(said, max(pairs // 2, pairs - (len(judged) - said)))
    of_rest = min(pairs - of_yes, len(judged) - said)
    parts = [(np.flatnonzero(yes), of_yes), (np.flatnonzero(~yes), of_rest)]
    return judged[np.concatenate([rows[_shared_out(bands[rows], np.asarray(places)[rows], count)] for rows, count in parts])].select(PAIR)


def _shared_out(bands: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Which `count` rows, from each band its share of them (what rounding leaves goes where most was cut off); in their order.

    Args:
        bands: of each row, its number in BANDS.
        places: the smallest of a band are taken.
        count: how many; no more than there are.
    """
    sizes = np.bincount(bands, minlength=len(BANDS))
    exact = sizes / max(len(bands), 1) * count
    takes = np.floor(exact).astype(int)
    most_cut = np.lexsort(([name for name, _ in BANDS], takes - exact))
    most_cut = most_cut[sizes[most_cut] > 0]
    takes[most_cut[: count - takes.sum()]] += 1
    order = np.lexsort((places, bands))
    within = np.arange(len(bands)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[within < takes[bands[order]]])


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
    bands = _of_bands(sizes)
    rows = sized(judged, gold, bands)
    return estimates(rows, standing_for(rows, gold, bands), sampled, interval)


def estimates(
    rows: pl.DataFrame, known: pl.DataFrame, sampled: float, interval: Callable[[float, float], tuple[float, float]] = wilson
) -> dict[str, dict | None]:  # fmt: skip
    """The estimates of `at_use`, from candidates of `sized` and gold pairs of `standing_for`: all of them, or those of one stratum."""
    judged = Verdicts(*(rows[name].to_numpy() for name in ("yes", "query_id", "weight")))
    gold = GoldVerdicts(*(known[name].to_numpy() for name in ("yes", "query_id", "weight", "gold")))
    whole, right, yes = corrected(judged, gold, sampled, interval)
    precision = None if right is NOTHING else right.plain() | {"gold": len(known), "said_yes": right.count}
    return {
        "share_of_false_negatives": None if whole is NOTHING else whole.plain() | {"count": len(known)},
        "precision_at_use": precision or {"estimate": None, "low": None, "high": None, "gold": len(known), "said_yes": 0},
        "share_of_yes": yes.plain(),
    }


def sized(judged: pl.DataFrame, gold: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """All candidates that the judge has read, with `yes` and how many of its stratum's candidates each stands for, `weight`.

    It has read its sample, and pairs of gold beyond it, which were drawn at random within each band. Both say how often it says yes
    in a band. A small sample alone may hold no yes where gold shows some, and these would then stand for nothing.

    Args:
        judged, gold: as in `at_use`, with what `sizes` has beside the band.
        sizes: band, or source and band, and size: how many candidates there are.

    Returns:
        query_id, doc_id, the columns of a stratum, yes, weight.
    """
    stratum = sizes.columns[:-1]
    own, known = (with_band(frame.lazy()).select(*PAIR, *stratum, yes=said_yes()) for frame in (judged, gold))
    beyond = known.join(own, on=[*PAIR, *stratum], how="anti", maintain_order="left")
    rows = pl.concat([own, beyond], how="vertical_relaxed").join(sizes.lazy(), on=stratum, how="left", maintain_order="left")
    return rows.select(*PAIR, *stratum, "yes", weight=pl.col("size") / pl.len().over(stratum)).collect()


def weighted(judged: pl.DataFrame, gold: pl.DataFrame, sizes: dict[str, int]) -> pl.DataFrame:
    """Pairs with a gold verdict, with `band`, `yes` and how many candidates of its band and the judge's word each stands for."""
    bands = _of_bands(sizes)
    return standing_for(sized(judged, gold, bands), gold, bands)


def standing_for(rows: pl.DataFrame, gold: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Like `weighted`, for the rows of `sized` and the strata of `sizes`."""
    cell = [*sizes.columns[:-1], "yes"]
    cells = rows.lazy().group_by(cell).agg(cell=pl.col("weight").sum())
    known = with_band(gold.lazy().filter(pl.col("gold").is_not_null())).with_columns(yes=said_yes())
    known = known.join(cells, on=cell, how="inner", maintain_order="left")
    return known.with_columns(weight=pl.col("cell") / pl.len().over(cell)).collect()


def _of_bands(sizes: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame({"band": list(sizes), "size": list(sizes.values())}, schema={"band": pl.String, "size": pl.Int64})


def said_yes() -> pl.Expr:
    return pl.col("verdict").cast(pl.String) == "positive"
