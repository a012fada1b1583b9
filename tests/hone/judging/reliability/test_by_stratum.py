"""False negatives by source and rank band: by hand, and the interval covers as often as it says,
on made-up and on real candidates.
"""

from __future__ import annotations

from collections import Counter
from math import sqrt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.judging.rank_bands import with_band
from hone.judging.reliability.by_stratum import by_stratum, sizes_of
from hone.judging.reliability.false_negative_share import gold_sample
from hone.layout import PAIR
from hone.stats.proportions import exact

DRAWS = 200
LEAST = 0.95 - 2 * sqrt(0.95 * 0.05 / DRAWS)  # of the draws in which a band's interval is given
# The mean width of each band's interval, so that none covers by being everything: about 150 gold
# verdicts are shared out among bands.
WIDEST = {("dense", "1"): 0.65, ("dense", "2 to 3"): 0.45, ("dense", "4 to 10"): 0.2}
WIDEST |= {("words", "1"): 0.85, ("words", "2 to 3"): 0.7, ("words", "4 to 10"): 0.3}


def test_clopper_and_pearson_by_their_own_equations():
    # No hit in ten: (1 - high)^10 = .025. All of ten: low^10 = .025.
    assert exact(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    assert exact(10, 10) == pytest.approx((0.025**0.1, 1))
    low, high = exact(3, 10)  # their published table: .0667, .6525
    assert (low, high) == (pytest.approx(0.0667, abs=1e-4), pytest.approx(0.6525, abs=1e-4))
    assert exact(0, 0) == (0.0, 1.0)


def test_each_source_and_band_for_itself():
    """Gold is on all that the judge has read: in `dense` at rank 1 two of four are answers, in
    `words` none is; rank 2 has no gold.
    """
    rows = pl.DataFrame(
        [
            (f"q{number}", f"d{number}-{rank}", "dense" if number < 4 else "words", rank)
            for number in range(8)
            for rank in (1, 2)
        ],
        schema=["query_id", "doc_id", "source", "rank"],
        orient="row",
    ).with_columns(
        verdict=pl.when(pl.col("query_id").is_in(["q0", "q1", "q2"]))
        .then(pl.lit("positive"))
        .otherwise(pl.lit("negative"))
    )
    gold = rows.filter(pl.col("rank") == 1).with_columns(
        gold=pl.col("query_id").is_in(["q0", "q3"])
    )
    found = {
        (one["source"], one["band"]): one for one in by_stratum(rows, gold, sizes_of(rows), 0.5)
    }
    assert list(found) == [("dense", "1"), ("dense", "2 to 3"), ("words", "1"), ("words", "2 to 3")]
    # Of three yes one is right, of one no one is missed: 3/4 * 1/3 + 1/4 * 1.
    assert found["dense", "1"]["estimate"] == pytest.approx(0.5)
    assert found["words", "1"]["estimate"] == 0
    assert found["words", "1"]["high"] == pytest.approx(exact(0, 4)[1])
    assert (found["dense", "1"]["negatives"], found["dense", "1"]["count"]) == (4, 4)
    nothing = {"estimate": None, "low": None, "high": None, "count": 0}
    assert {name: found["dense", "2 to 3"][name] for name in nothing} == nothing


def test_bands_are_in_the_order_of_ranks():
    rows = pl.DataFrame({"source": ["a"] * 40, "rank": range(1, 41)})
    empty = pl.DataFrame(
        schema=dict.fromkeys([*PAIR, "source", "verdict"], pl.String) | {"rank": pl.Int32}
    )
    found = by_stratum(
        empty, empty.with_columns(gold=pl.lit(None, dtype=pl.Boolean)), sizes_of(rows), 1.0
    )
    assert [(one["band"], one["negatives"]) for one in found] == [
        ("1", 1),
        ("2 to 3", 2),
        ("4 to 10", 7),
        ("11 to 30", 20),
        ("31 and more", 10),
    ]


def world(
    prevalence: float, draw: np.random.Generator, queries: int = 400, each: int = 10
) -> pl.DataFrame:
    """Candidates of two sources: answers crowd in some queries, at first ranks and in `dense`; the
    judge finds 80 % of them and takes
    4 % of the others for one."""
    source = np.where(draw.random(queries * each) < 0.7, "dense", "words")
    shift = np.repeat(draw.gamma(2.0, 0.5, queries), each) * np.tile(
        np.linspace(1.8, 0.2, each), queries
    )
    truth = draw.random(queries * each) < np.clip(
        prevalence * shift * np.where(source == "dense", 1.2, 0.5), 0, 1
    )
    yes = draw.random(len(truth)) < np.where(truth, 0.8, 0.04)
    names = np.char.add("q", np.repeat(np.arange(queries), each).astype(str))
    ranks = np.tile(np.arange(1, each + 1), queries)
    verdict = np.where(yes, "positive", "negative")
    rows = pl.DataFrame(
        {"query_id": names, "rank": ranks, "source": source, "truth": truth, "verdict": verdict}
    )
    return rows.with_columns(doc_id=pl.format("{}-{}", "query_id", "rank"))


def covered(
    everything: pl.DataFrame, sampled: float, draw: np.random.Generator
) -> tuple[dict, dict, dict]:
    """In how many draws of queries and of 150 gold pairs each band's interval is given, in how
    many it holds the truth, its mean width.
    """
    truth = {
        (source, band): share
        for source, band, share in with_band(everything)
        .group_by("source", "band")
        .agg(pl.col("truth").mean())
        .rows()
    }
    sizes, names = sizes_of(everything), everything["query_id"].unique(maintain_order=True)
    trials, hits, widths = Counter(), Counter(), Counter()
    for _ in range(DRAWS):
        drawn = names.gather(draw.permutation(len(names))[: round(sampled * len(names))])
        judged = everything.filter(pl.col("query_id").is_in(drawn.implode()))
        chosen = gold_sample(judged, 150, draw.random(len(judged)))
        gold = judged.join(chosen, on=PAIR, how="semi").with_columns(gold="truth")
        for one in by_stratum(judged, gold, sizes, sampled):
            place = (one["source"], one["band"])
            if one["estimate"] is not None:
                trials[place] += 1
                hits[place] += one["low"] <= truth[place] <= one["high"]
                widths[place] += one["high"] - one["low"]
    return trials, hits, {place: widths[place] / trials[place] for place in trials}


@pytest.mark.parametrize(("prevalence", "sampled"), [(0.01, 0.5), (0.1, 1.0), (0.4, 0.5)])
def test_intervals_cover_as_often_as_they_say_and_are_not_everything(
    prevalence: float, sampled: float
):
    draw = np.random.default_rng(round(1000 * prevalence))
    trials, hits, widths = covered(world(prevalence, draw), sampled, draw)
    assert set(trials) == set(WIDEST)
    assert all(hits[place] >= LEAST * trials[place] for place in trials), (trials, hits)
    assert all(widths[place] < WIDEST[place] for place in trials), widths
    assert trials["dense", "4 to 10"] == DRAWS


def test_they_do_so_on_real_candidates_whose_truth_is_known(shared: Path, workspace: Path):
    """nfcorpus: one answer of each query is shown, BM25's and random documents are the candidates,
    the labels are the truth, and the
    judge is a number of common words."""
    from hone.data.source import Source
    from hone.data.tables import Documents, shaped, write
    from tasks.collect.beir import beir
    from tasks.retrieve.bm25 import bm25

    source: Source = beir(shared / "nfcorpus", None)
    write("documents", shaped("documents", source.documents), Path("documents.parquet"))
    queries = (
        source.queries.filter(pl.col("split") == "train")
        .unique("text", keep="first", maintain_order=True)
        .head(500)
    )
    right = source.qrels.filter(pl.col("relevance") >= 1).select(*PAIR, truth=pl.lit(True)).unique()
    found = bm25(
        queries.select("query_id", "text"),
        Documents(Path("documents.parquet")),
        "english",
        depth=30,
    )
    draw = np.random.default_rng(7)
    ids = source.documents["doc_id"].to_numpy()
    drawn = pl.DataFrame(
        {
            "query_id": np.repeat(queries["query_id"].to_numpy(), 3),
            "doc_id": draw.choice(ids, 3 * len(queries)),
        }
    )
    parts = [
        found.select(*PAIR, "score", source=pl.lit("bm25")),
        drawn.select(*PAIR, score=pl.lit(0.0), source=pl.lit("random")),
    ]
    rows = (
        pl.concat(parts, how="vertical_relaxed")
        .unique(PAIR, keep="first", maintain_order=True)
        .sort("query_id", maintain_order=True)
    )
    rows = rows.with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))
    marked = rows.join(right, on=PAIR, how="left", maintain_order="left").with_columns(
        pl.col("truth").fill_null(False)
    )
    everything = marked.with_columns(
        verdict=pl.when(pl.col("score") > 8).then(pl.lit("positive")).otherwise(pl.lit("negative"))
    )
    assert 0.1 < everything["truth"].mean() < 0.5
    trials, hits, widths = covered(everything, 0.5, draw)
    assert {"1", "2 to 3", "4 to 10", "11 to 30"} <= {
        band for source, band in trials if source == "bm25"
    }
    assert all(hits[place] >= LEAST * trials[place] for place in trials), (trials, hits)
    assert trials["bm25", "11 to 30"] == DRAWS
    assert widths["bm25", "11 to 30"] < 0.2, widths
