"""What verdicts say of a judge, with answers worked by hand."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from hone.judging import verdicts
from hone.judging.reliability.error_model import errors_of
from hone.judging.reliability.evidence import Candidates, evidence_of
from hone.judging.reliability.false_negative_share import weighted
from hone.judging.reliability.measured import measured
from hone.judging.reliability.probe_pairs import TRUTH
from hone.stats.calibration import apply
from tasks.relabel.escalate.rejector import rejector


def rows(*parts: tuple[str, int, str, float | None], **more: list) -> pl.DataFrame:
    """Set, how many pairs, verdict, probability of each part; every pair has a query of its own."""
    each = [
        (name, verdict, probability)
        for name, count, verdict, probability in parts
        for _ in range(count)
    ]
    frame = pl.DataFrame(
        each,
        schema={"set": pl.String, "verdict": pl.String, "probability": pl.Float64},
        orient="row",
    )
    frame = frame.with_columns(
        query_id=pl.format("q{}", pl.int_range(pl.len())),
        doc_id=pl.lit("d"),
        **{name: pl.Series(values) for name, values in more.items()},
    )
    truth = frame.select("set", truth=pl.col("set").replace_strict(TRUTH))
    return pl.concat([truth, verdicts.verdicts(frame)], how="horizontal")


def test_precision_recall_and_kappa_by_hand():
    """20 known answers, 15 of them found; 25 judged not relevant, 5 of them taken for answers."""
    given = rows(
        ("known", 15, "positive", None),
        ("known", 5, "negative", None),
        ("not-relevant", 5, "positive", None),
        ("not-relevant", 20, "negative", None),
    )
    found = measured(given)
    assert found["against"] == "not-relevant"
    assert found["scored_by"] == "verdict"
    assert found["precision"]["estimate"] == pytest.approx(15 / 20)
    assert found["recall"]["estimate"] == pytest.approx(15 / 20)
    # observed 35/45, expected (20 * 20 + 25 * 25) / 45^2
    expected = (400 + 625) / 2025
    assert found["kappa"]["estimate"] == pytest.approx((35 / 45 - expected) / (1 - expected))
    # by its word alone: .75 * .8 + (.75 * .2 + .25 * .8) / 2
    assert found["auc"]["estimate"] == pytest.approx(0.775)
    assert found["sets"]["known"]["yes"]["estimate"] == 0.75
    assert found["sets"]["not-relevant"]["yes"]["estimate"] == 0.2


def test_random_documents_are_the_measure_only_where_there_is_no_better():
    parts = (("known", 10, "positive", 0.9), ("random", 10, "negative", 0.1))
    assert measured(rows(*parts, ("not-relevant", 19, "negative", 0.2)))["against"] == "random"
    found = measured(rows(*parts, ("not-relevant", 20, "positive", 0.95)))
    assert found["against"] == "not-relevant"
    assert found["auc"]["estimate"] == 0.0
    assert found["auc_by_set"]["known over random"]["estimate"] == 1.0
    assert found["precision"]["estimate"] == pytest.approx(1 / 3)


def test_what_it_could_not_say_is_counted_and_no_label():
    found = measured(
        rows(
            ("known", 3, "positive", 0.9),
            ("known", 2, "unknown", None),
            ("random", 3, "negative", 0.1),
        )
    )
    assert found["sets"]["known"] | {"yes": None, "probability": None} == {
        "pairs": 5,
        "unknown": 2,
        "yes": None,
        "probability": None,
    }
    assert found["recall"]["estimate"] == 1.0
    assert found["sets"]["known"]["probability"]["estimate"] == pytest.approx(0.9)


@pytest.mark.parametrize("name", ["known", "random"])
def test_a_single_class_is_reported_without_a_crash(name: str):
    found = measured(rows((name, 5, "positive", 0.8)))
    assert (
        found["auc"]
        == found["precision"]
        == found["kappa"]
        == {"estimate": None, "low": None, "high": None, "count": 0}
    )


def test_grades_order_where_there_is_no_probability():
    given = rows(
        ("known", 2, "positive", None), ("random", 2, "negative", None), grade=[3, 1, 2, 0]
    )
    found = measured(given)
    assert found["scored_by"] == "grade"
    assert found["auc"]["estimate"] == 0.75


def test_cost_a_pair_counts_an_answer_once():
    given = rows(
        ("known", 2, "positive", None),
        ("random", 2, "negative", None),
        money=[0.4, None, 0.2, 0.2],
        tokens_in=[100, None, 50, 50],
        tokens_out=[20, None, 10, 10],
        seconds=[2.0, None, 1.0, 1.0],
    )
    cost = measured(given)["cost"]
    assert [cost[name]["estimate"] for name in ("money", "tokens", "seconds")] == pytest.approx(
        [0.2, 60, 1.0]
    )


def noisy(count: int, seed: int) -> pl.DataFrame:
    """A judge that is too sure of itself, on as many known answers as random documents, two
    pairs a query.
    """
    draw = np.random.default_rng(seed)
    truth = np.tile([True, False], count)
    sure = 1 / (1 + np.exp(-4 * (np.where(truth, 0.5, -0.5) + draw.normal(size=2 * count))))
    return pl.DataFrame(
        {
            "query_id": np.char.add("q", np.repeat(np.arange(count), 2).astype(str)),
            "doc_id": np.tile(["a", "b"], count),
            "set": np.where(truth, "known", "random"),
            "truth": truth,
            "verdict": np.where(sure > 0.5, "positive", "negative"),
            "probability": sure,
        }
    )


def as_rows(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame.select("set", "truth"), verdicts.verdicts(frame)], how="horizontal")


def candidates(frame: pl.DataFrame) -> Candidates:
    judged = frame.with_columns(rank=pl.lit(1), grade=pl.lit(None, dtype=pl.Float64)).drop(
        "set", "truth"
    )
    return Candidates(judged, judged.with_columns(gold=frame["truth"]), {"1": len(frame)}, 1.0)


def test_evidence_is_plain_json_and_holds_what_the_cascade_reads():
    frame = noisy(300, 1)
    made = json.loads(
        json.dumps(
            evidence_of(as_rows(frame), candidates(frame), "people:ann", 13), allow_nan=False
        )
    )
    assert made["calibration"]["kind"] in ("isotonic", "platt")
    assert made["calibration_account"]["from"] == "gold verdicts on candidates"
    assert made["precision_at_use"]["gold"] == 600
    assert made["share_of_false_negatives"]["estimate"] == pytest.approx(0.5)
    assert made["rejector"]["features"] == ["probability", "doubt"]


def test_hidden_pairs_have_no_part_in_calibration_or_in_what_errors_are_learned_from():
    """Everything hidden turned round, in the sets and as gold: map and model are the same."""
    frame = noisy(300, 2)
    hidden = noisy(300, 3).with_columns(
        set=pl.lit("hidden"), truth=pl.lit(True), query_id="h" + pl.col("query_id")
    )
    turned = hidden.with_columns(verdict=pl.lit("negative"), probability=pl.lit(0.01))
    one, other = (
        evidence_of(as_rows(pl.concat([frame, part])), candidates(noisy(300, seed)), "hidden", 13)
        for part, seed in ((hidden, 4), (turned, 5))
    )
    assert one["recall"] != other["recall"]
    assert one["calibration"] == other["calibration"] is not None
    assert one["rejector"] == other["rejector"] is not None


def test_gold_is_weighed_by_what_it_stands_for():
    """Ranks 2 and 3 are ten times as many as first ranks, and as many of both have gold: half of
    400 first ones are answers
    and a tenth of 4,000 others, so that the same probability means 14 % and not 30 %."""
    draw = np.random.default_rng(8)
    first = np.arange(4400) < 400
    judged = pl.DataFrame(
        {"query_id": np.char.add("q", np.arange(4400).astype(str)), "rank": np.where(first, 1, 2)}
    ).with_columns(
        doc_id=pl.lit("d"),
        verdict=pl.lit("positive"),
        grade=pl.lit(None, dtype=pl.Float64),
        probability=pl.Series(draw.uniform(0.6, 0.9, 4400)),
    )
    truth = np.arange(4400) % np.where(first, 2, 10) == 0
    gold = judged.with_columns(gold=pl.Series(truth))[:800]
    part = Candidates(judged, gold, {"1": 400, "2 to 3": 4000}, 1.0)
    assert weighted(judged, gold, part.sizes)["weight"].unique().sort().to_list() == [1.0, 10.0]
    found = evidence_of(as_rows(noisy(50, 1)), part, "judge:strong", 13)
    share = 0.5 * 400 / 4400 + 0.1 * 4000 / 4400
    assert found["calibration_account"]["share_positive"] == pytest.approx(share)
    assert apply(found["calibration"], np.array([0.75])) == pytest.approx([share], abs=0.08)
    assert found["precision_at_use"]["estimate"] == pytest.approx(share)


def test_where_a_judge_errs_is_learned_and_sent_on():
    """It errs where it is in doubt, and is right where it is sure."""
    draw = np.random.default_rng(7)
    probability = draw.random(600)
    truth = draw.random(600) < probability
    judged_pairs = pl.DataFrame({"probability": probability}).with_columns(
        query_id=pl.lit("q"),
        doc_id=pl.int_range(pl.len()).cast(pl.String),
        grade=pl.lit(None, dtype=pl.Float32),
        rank=pl.lit(None, dtype=pl.Int32),
        verdict=pl.when(pl.col("probability") > 0.5)
        .then(pl.lit("positive"))
        .otherwise(pl.lit("negative")),
    )
    learned = errors_of(judged_pairs, truth)
    evidence = [{"collection": "c", "rejector": learned, "another": None}]
    wrong = rejector(judged_pairs.with_columns(collection=pl.lit("c")), evidence, above=0.3)
    sent = judged_pairs.join(wrong, on=["query_id", "doc_id"], how="semi")["probability"]
    assert 0 < len(sent) < 450
    assert sent.min() > 0.15
    assert sent.max() < 0.85
    assert errors_of(judged_pairs[:30], truth[:30]) is None
