"""The share of false negatives and the precision at use: by hand, and covered as often as
promised whatever the prevalence.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hone.judging.rank_bands import with_band
from hone.judging.reliability.false_negative_share import at_use, gold_sample
from hone.layout import PAIR
from hone.stats.proportions import wilson


def judged_of(*rows: tuple[str, int, str]) -> pl.DataFrame:
    """query, rank, verdict of each pair; its document is called by both."""
    frame = pl.DataFrame(rows, schema=["query_id", "rank", "verdict"], orient="row")
    return frame.select(
        "query_id", pl.format("{}-{}", "query_id", "rank").alias("doc_id"), "rank", "verdict"
    )


def test_the_judges_word_is_corrected_by_gold():
    """Ten queries with one candidate each; the judge says yes to 4. Gold: of 2 of its yes one is
    right, of 3 of its no one is an answer.
    """
    judged = judged_of(
        *((f"q{number}", 1, "positive" if number < 4 else "negative") for number in range(10))
    )
    known = judged[[0, 1, 4, 5, 6]]
    gold = known.with_columns(gold=pl.Series([True, False, True, False, False]))
    found = at_use(judged, gold, {"1": 10}, sampled=1.0)
    # mean(judge) .4 + 4/10 * (1/2 - 1) + 6/10 * (1/3 - 0) = .4
    assert found["share_of_false_negatives"]["estimate"] == pytest.approx(0.4)
    assert found["share_of_yes"]["estimate"] == pytest.approx(0.4)
    assert found["precision_at_use"]["estimate"] == pytest.approx(0.5)
    assert (found["precision_at_use"]["gold"], found["precision_at_use"]["said_yes"]) == (5, 2)
    # Variance between two queries 2 * (.25 + .25) / 4 = .25: one observation.
    assert (found["precision_at_use"]["low"], found["precision_at_use"]["high"]) == pytest.approx(
        wilson(0.5, 1)
    )


def test_bands_weigh_by_their_size_and_not_by_their_sample():
    """The first band is 10 of 100 candidates and half of the gold: a yes is right there and
    wrong in the other.
    """
    judged = judged_of(
        *((f"q{number}", 1 if number < 5 else 2, "positive") for number in range(10))
    )
    gold = judged.with_columns(gold=pl.Series([True] * 5 + [False] * 5))
    found = at_use(judged, gold, {"1": 10, "2 to 3": 90}, sampled=0.1)
    assert found["precision_at_use"]["estimate"] == pytest.approx(0.1)
    assert found["share_of_false_negatives"]["estimate"] == pytest.approx(0.1)


def test_a_sheet_beyond_the_judges_sample_weighs_by_what_its_bands_hold():
    """One query was read: a yes at rank 1, none below. A sheet of 20 pairs in each band: 20 of
    20 yes and right; 5 of 20 yes, 1 right.
    """
    judged = judged_of(("q", 1, "positive"), ("q", 2, "negative"), ("q", 3, "negative"))
    first = judged_of(*((f"r{number}", 1, "positive") for number in range(20))).with_columns(
        gold=pl.lit(True)
    )
    second = judged_of(
        *((f"s{number}", 2, "positive" if number < 5 else "negative") for number in range(20))
    )
    gold = pl.concat([first, second.with_columns(gold=pl.Series([True] + [False] * 19))])
    found = at_use(judged, gold, {"1": 100, "2 to 3": 1000}, sampled=0.01)
    # Yes: all of 100, and 5 of the 22 that were read of 1,000; right are all of the first and one
    # in five of the others.
    yes = 1000 * 5 / 22
    assert found["share_of_yes"]["estimate"] == pytest.approx((100 + yes) / 1100)
    assert found["precision_at_use"]["estimate"] == pytest.approx((100 + yes / 5) / (100 + yes))
    assert (found["precision_at_use"]["gold"], found["precision_at_use"]["said_yes"]) == (40, 25)


def test_no_false_negative_seen_is_not_none_there():
    judged = judged_of(*((f"q{number}", 1, "negative") for number in range(100)))
    gold = judged.with_columns(gold=pl.lit(False))
    found = at_use(judged, gold, {"1": 100}, sampled=1.0)
    assert found["share_of_false_negatives"]["estimate"] == 0
    assert found["share_of_false_negatives"]["high"] == pytest.approx(wilson(0, 100)[1])
    assert found["precision_at_use"] == {
        "estimate": None,
        "low": None,
        "high": None,
        "gold": 100,
        "said_yes": 0,
    }


def test_what_the_judge_could_not_say_is_no_yes_and_what_gold_could_not_say_is_nothing():
    judged = judged_of(
        ("a", 1, "unknown"), ("b", 1, "positive"), ("c", 1, "negative"), ("d", 1, "positive")
    )
    gold = judged.with_columns(gold=pl.Series([True, True, False, None], dtype=pl.Boolean))
    found = at_use(judged, gold, {"1": 4}, sampled=1.0)
    assert found["precision_at_use"]["gold"] == 3
    assert found["precision_at_use"]["estimate"] == 1.0
    # yes .5, of which all of the known are right, and of the rest one of two
    assert found["share_of_false_negatives"]["estimate"] == pytest.approx(0.75)


def test_gold_may_lie_on_queries_that_the_judge_did_not_read_whole():
    """How often it says yes is known from a and b; what its yes and its no are worth, from c and
    d, which a person has judged.
    """
    judged = judged_of(("a", 1, "positive"), ("b", 1, "negative"))
    gold = judged_of(("c", 1, "positive"), ("d", 1, "negative")).with_columns(
        gold=pl.Series([True, False])
    )
    found = at_use(judged, gold, {"1": 40}, sampled=0.05)
    assert found["precision_at_use"]["estimate"] == 1.0
    assert found["share_of_false_negatives"]["estimate"] == pytest.approx(0.5)


def test_no_gold_at_all():
    judged = judged_of(("a", 1, "positive"), ("b", 1, "negative"))
    gold = judged.with_columns(gold=pl.lit(None, dtype=pl.Boolean))
    found = at_use(judged, gold, {"1": 2}, sampled=1.0)
    assert found["share_of_false_negatives"] is None
    assert found["precision_at_use"]["gold"] == 0


def test_gold_is_drawn_from_yes_and_no_and_from_each_band():
    draw = np.random.default_rng(0)
    judged = judged_of(
        *(
            (f"q{query}", rank, "positive" if query < 8 and rank < 4 else "negative")
            for query in range(40)
            for rank in range(1, 6)
        )
    )
    chosen = judged.join(gold_sample(judged, 40, draw.random(len(judged))), on=PAIR)
    assert len(chosen) == 40
    counts = dict(
        with_band(chosen)
        .group_by("verdict", "band")
        .len()
        .select(pl.concat_str("verdict", "band"), "len")
        .rows()
    )
    # 24 yes, of which 8 in band 1 and 16 in band 2 to 3: 20 of them, 7 and 13; of 176 no 32, 64 and
    # 80: 4, 7 and 9.
    assert counts == {
        "positive1": 7,
        "positive2 to 3": 13,
        "negative1": 4,
        "negative2 to 3": 7,
        "negative4 to 10": 9,
    }


@pytest.mark.parametrize(("pairs", "yes", "rest"), [(6, 2, 4), (100, 2, 8)])
def test_where_one_kind_is_rare_the_other_makes_up_the_number(pairs: int, yes: int, rest: int):
    judged = judged_of(
        *((f"q{number}", 1, "positive" if number < 2 else "negative") for number in range(10))
    )
    chosen = judged.join(gold_sample(judged, pairs, np.linspace(0, 0.9, 10)), on=PAIR)[
        "verdict"
    ].value_counts()
    assert dict(chosen.rows()) == {"positive": yes, "negative": rest}


def world(
    prevalence: float, draw: np.random.Generator, queries: int = 400, each: int = 10
) -> pl.DataFrame:
    """A round's candidates: answers crowd in some queries and at first ranks; the judge finds 80
    % and takes 4 % of the others for one.
    """
    shift = np.repeat(draw.gamma(2.0, 0.5, queries), each) * np.tile(
        np.linspace(1.8, 0.2, each), queries
    )
    truth = draw.random(queries * each) < np.clip(prevalence * shift, 0, 1)
    yes = draw.random(len(truth)) < np.where(truth, 0.8, 0.04)
    names = np.char.add("q", np.repeat(np.arange(queries), each).astype(str))
    ranks = np.tile(np.arange(1, each + 1), queries)
    return pl.DataFrame(
        {
            "query_id": names,
            "rank": ranks,
            "truth": truth,
            "verdict": np.where(yes, "positive", "negative"),
        }
    ).with_columns(doc_id=pl.format("{}-{}", "query_id", "rank"))


@pytest.mark.parametrize("prevalence", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("sampled", [0.5, 1.0])
def test_intervals_cover_as_often_as_they_say(prevalence: float, sampled: float):
    """200 draws of queries and of 150 gold pairs from one world: 95 % intervals hold the truth
    in at least 180.
    """
    draw = np.random.default_rng(round(1000 * prevalence))
    everything = world(prevalence, draw)
    sizes = dict(with_band(everything)["band"].value_counts().rows())
    names = everything["query_id"].unique(maintain_order=True)
    positives = everything.filter(pl.col("verdict") == "positive")
    truth = {
        "share_of_false_negatives": everything["truth"].mean(),
        "precision_at_use": positives["truth"].mean(),
    }
    covered = dict.fromkeys(truth, 0)
    widths = dict.fromkeys(truth, 0.0)
    for _ in range(200):
        drawn = names.gather(draw.permutation(len(names))[: round(sampled * len(names))])
        judged = everything.filter(pl.col("query_id").is_in(drawn.implode()))
        chosen = gold_sample(judged, 150, draw.random(len(judged)))
        gold = judged.join(chosen, on=PAIR, how="semi").with_columns(gold="truth")
        found = at_use(judged, gold, sizes, sampled)
        for name, value in truth.items():
            covered[name] += found[name]["low"] <= value <= found[name]["high"]
            widths[name] += (found[name]["high"] - found[name]["low"]) / 200
    assert min(covered.values()) >= 180, covered
    # Not by being wide: no wider than half again the plain interval of a share from 75 pairs.
    assert widths["share_of_false_negatives"] < 1.5 * (
        wilson(75 * truth["share_of_false_negatives"], 75)[1]
        - wilson(75 * truth["share_of_false_negatives"], 75)[0]
    )
    assert widths["precision_at_use"] < 1.5 * (
        wilson(75 * truth["precision_at_use"], 75)[1]
        - wilson(75 * truth["precision_at_use"], 75)[0]
    )
