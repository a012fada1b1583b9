"""The false-negative rate of a round's candidates, and the judge's precision on them.

Between 1 % and 40 % of a round's candidates may be false negatives. The same AUC means a precision
of 0.2 or 0.9. So gold verdicts on candidates are needed. They correct the judge's verdicts on many
candidates (hone/stats/prediction_powered.py).
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
    """Pairs that need a gold verdict. The judge found half of them positive. Each band has its
    share.

    Positive and other verdicts are strata like the bands: if positives are rare, a simple sample
    would contain too few to estimate the precision.

    Args:
        judged: query_id, doc_id, rank, verdict, of candidates.
        pairs: their number; fewer if there are not enough.
        places: a number in [0, 1) for each row; the smallest of each stratum are chosen.

    Returns:
        query_id, doc_id.
    """
    yes = judged.select(is_positive()).to_series().to_numpy().astype(bool)
    bands = np.searchsorted([last for _, last in BANDS[:-1]], judged["rank"].to_numpy())
    n_positive = int(yes.sum())
    of_yes = min(n_positive, max(pairs // 2, pairs - (len(judged) - n_positive)))
    of_rest = min(pairs - of_yes, len(judged) - n_positive)
    parts = [(np.flatnonzero(yes), of_yes), (np.flatnonzero(~yes), of_rest)]
    return judged[
        np.concatenate(
            [
                rows[_shared_out(bands[rows], np.asarray(places)[rows], count)]
                for rows, count in parts
            ]
        )
    ].select(PAIR)


def _shared_out(bands: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` rows, in proportion to the bands (largest remainders), in their order.

    Args:
        bands: the number in BANDS of each row.
        places: the smallest of a band are chosen.
        count: at most the number of rows.
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
    judged: pl.DataFrame,
    gold: pl.DataFrame,
    sizes: dict[str, int],
    sampled: float,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> dict[str, dict | None]:
    """The fraction of false negatives among all candidates, and the judge's precision on them, each
    with a 95 % interval.

    W_b is the fraction of candidates in band b. The fraction of positive verdicts per band comes
    from the judged pairs. Then share = mean(judge) + weighted mean over gold of (gold - judge). The
    weights of gold pairs add up to the size of their stratum (band and verdict). So the share is q
    p1 + (1 - q) p0. Here q is the fraction of positive verdicts. The fractions of relevant pairs
    are p1 among positive and p0 among other verdicts. p1 is the precision. Each has Wilson's
    interval, combined by Zou and Donner's method (2008), so that none collapses without positive
    gold verdicts. Queries are the independent units.

    Args:
        judged: query_id, doc_id, rank, verdict, of queries drawn at random from all; unknown does
            not count as positive.
        gold: query_id, doc_id, rank, verdict, gold: true, false, or null if it is unknown; drawn at
            random in each stratum of `judged`, or, outside `judged`, in each band.
        sizes: number of candidates per band.
        sampled: the fraction of all queries that is in `judged`; 1: the judge read all candidates.
        interval: of each fraction.

    Returns:
        share_of_false_negatives, precision_at_use, share_of_yes: estimate, low, high, count;
            precision's `gold` counts all
        gold pairs, and `is_positive` the gold pairs with a positive verdict. Null if there is no
        estimate.
    """
    bands = _of_bands(sizes)
    rows = sized(judged, gold, bands)
    return estimates(rows, standing_for(rows, gold, bands), sampled, interval)


def estimates(
    rows: pl.DataFrame,
    known: pl.DataFrame,
    sampled: float,
    interval: Callable[[float, float], tuple[float, float]] = wilson,
) -> dict[str, dict | None]:
    """The estimates of `at_use`, from candidates of `sized` and gold pairs of `standing_for`, in
    total or of one stratum.
    """
    judged = Verdicts(*(rows[name].to_numpy() for name in ("yes", "query_id", "weight")))
    gold = GoldVerdicts(*(known[name].to_numpy() for name in ("yes", "query_id", "weight", "gold")))
    whole, right, yes = corrected(judged, gold, sampled, interval)
    precision = (
        None if right is NOTHING else right.plain() | {"gold": len(known), "said_yes": right.count}
    )
    return {
        "share_of_false_negatives": None
        if whole is NOTHING
        else whole.plain() | {"count": len(known)},
        "precision_at_use": precision
        or {"estimate": None, "low": None, "high": None, "gold": len(known), "said_yes": 0},
        "share_of_yes": yes.plain(),
    }


def sized(judged: pl.DataFrame, gold: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """All candidates that the judge has read, with `yes` and `weight`: the number of candidates of
    its stratum that each represents.

    The judge has read its sample and the gold pairs outside it, which were drawn at random within
    each band. Both count for the fraction of positive verdicts in a band. A small sample alone may
    have none where gold has some, whose weight would be zero.

    Args:
        judged, gold: as in `at_use`, with the other columns of `sizes` beside the band.
        sizes: band, or source and band, and size: number of candidates.

    Returns:
        query_id, doc_id, the columns of a stratum, yes, weight.
    """
    stratum = sizes.columns[:-1]
    own, known = (
        with_band(frame.lazy()).select(*PAIR, *stratum, yes=is_positive())
        for frame in (judged, gold)
    )
    beyond = known.join(own, on=[*PAIR, *stratum], how="anti", maintain_order="left")
    rows = pl.concat([own, beyond], how="vertical_relaxed").join(
        sizes.lazy(), on=stratum, how="left", maintain_order="left"
    )
    return rows.select(
        *PAIR, *stratum, "yes", weight=pl.col("size") / pl.len().over(stratum)
    ).collect()


def weighted(judged: pl.DataFrame, gold: pl.DataFrame, sizes: dict[str, int]) -> pl.DataFrame:
    """Pairs with a gold verdict, with `band`, `yes` and `weight`. The weight is the number of
    candidates of the same band and verdict that a pair represents.
    """
    bands = _of_bands(sizes)
    return standing_for(sized(judged, gold, bands), gold, bands)


def standing_for(rows: pl.DataFrame, gold: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Like `weighted`, for the rows of `sized` and the strata of `sizes`."""
    cell = [*sizes.columns[:-1], "yes"]
    cells = rows.lazy().group_by(cell).agg(cell=pl.col("weight").sum())
    known = with_band(gold.lazy().filter(pl.col("gold").is_not_null())).with_columns(
        yes=is_positive()
    )
    known = known.join(cells, on=cell, how="inner", maintain_order="left")
    return known.with_columns(weight=pl.col("cell") / pl.len().over(cell)).collect()


def _of_bands(sizes: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"band": list(sizes), "size": list(sizes.values())},
        schema={"band": pl.String, "size": pl.Int64},
    )


def is_positive() -> pl.Expr:
    return pl.col("verdict").cast(pl.String) == "positive"
