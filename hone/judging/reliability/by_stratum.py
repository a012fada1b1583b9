"""Where a round's false negatives are: their share by source and rank band, each with an interval that holds for small counts."""

from __future__ import annotations

import polars as pl

from hone.judging.rank_bands import BANDS, with_band
from hone.judging.reliability.false_negative_share import estimates, sized, standing_for
from hone.stats.proportions import exact

STRATUM = ["source", "band"]
ORDER = [name for name, _ in BANDS]


def sizes_of(ranked: pl.DataFrame) -> pl.DataFrame:
    """source, band, size: how many of a round's negatives there are.

    Args:
        ranked: source, rank.
    """
    return with_band(ranked).group_by(STRATUM).agg(size=pl.len().cast(pl.Int64)).sort(STRATUM)


def by_stratum(judged: pl.DataFrame, gold: pl.DataFrame, sizes: pl.DataFrame, sampled: float) -> list[dict]:
    """The share of false negatives among a round's negatives, by source and rank band.

    In each it is the prediction-powered estimate of `at_use`: gold pairs were drawn by lot within band and the judge's word, so
    those of one source are drawn by lot among that source's. A band may hold few of them, where Wilson's interval is too
    short (it held the truth in .89 of our simulation's draws), so each share has Clopper and Pearson's for the effective number of
    observations (Korn and Graubard 1998), joined as in `at_use`. No theorem covers that: in our simulations it held the truth at
    its stated rate, 95 %, but for what 200 draws leave open (.97 to 1 of them on made-up candidates, .94 to 1 on BM25's), and was
    somewhat wide where gold verdicts are few (tests/hone/judging/reliability/test_by_stratum.py).

    Args:
        judged: query_id, doc_id, source, rank, verdict, of whole queries.
        gold: the same, and gold.
        sizes: as `sizes_of` gives them.
        sampled: the share of all queries that is in `judged`.

    Returns:
        For each source and band of `sizes`, by source, then rank: source, band, negatives, and estimate, low, high, count (gold
        verdicts); null where gold does not reach: there is none, or none among what the judge says yes to.
    """
    rows = sized(judged, gold, sizes)
    reached = set(with_band(judged).select(STRATUM).unique().rows())
    own, known = (frame.partition_by(STRATUM, as_dict=True) for frame in (rows, standing_for(rows, gold, sizes)))
    empty = {"estimate": None, "low": None, "high": None, "count": 0}
    made = []
    for source, band, size in sizes.rows():
        place = (source, band)
        found = None
        if place in reached and place in known:
            found = estimates(own[place], known[place], sampled, exact)["share_of_false_negatives"]
        made.append({"source": source, "band": band, "negatives": size, **(found or empty)})
    return sorted(made, key=lambda row: (row["source"], ORDER.index(row["band"])))
