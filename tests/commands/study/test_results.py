"""What trials say together, on trials made by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from commands.study import text
from commands.study.cost import PAIRS, TEXTS
from commands.study.design import Arm, Question
from commands.study.results import MEASURE, ArmRound, results, updates
from commands.study.trial_results import TrialResult
from hone.errors import Refused
from hone.stats.paired_tests import holm

QUERIES = 6


def values(
    round: str, scores: list[float], collection: str = "ours", split: str = "test"
) -> pl.DataFrame:
    ids = [f"q{number}" for number in range(len(scores))]
    return pl.DataFrame({"query_id": ids, MEASURE: scores, "recall_at_100": scores}).with_columns(
        round=pl.lit(round), collection=pl.lit(collection), split=pl.lit(split)
    )


def facts_of_round(**given) -> dict:
    plain = {
        "recipe": "top-k",
        "start": "r0",
        "steps": 10,
        "candidates": 100,
        "removed": {"labelled": 3},
        "trained_on": 20,
        "hidden": 5,
        "judged": 0,
        "ranker": {},
        "judged_free": 0,
        "acts": [],
        "queries": 30,
        "queries_left": 0,
        "queries_short": 0,
        "queries_filled": 0,
    }
    return plain | given


def trial(
    seed: int,
    scores: list[float],
    rounds: dict[str, dict] | None = None,
    stages: dict | None = None,
) -> TrialResult:
    rounds = rounds or {"r1": facts_of_round()}
    parts = [values("r0", [0.5] * len(scores)), *(values(name, scores) for name in rounds)]
    # Dev queries are there too, and must not count.
    parts.append(values("r1", [0.0] * 3, split="dev"))
    return TrialResult(pl.concat(parts), {"seed": seed, "rounds": rounds, "stages": stages or {}})


def stage(
    ran: bool = True,
    seconds: float | None = 10.0,
    wanted: dict | None = None,
    encoded: int = 0,
    encoding: float = 0.0,
) -> dict:
    return {
        "ran": ran,
        "inputs": "x",
        "seconds": seconds,
        "wanted": wanted or {},
        "encoded": encoded,
        "encoding": encoding,
    }


def question(*arms: str, contrasts: list[tuple[str, str]] | None = None, **given) -> Question:
    made = {name: Arm(recipe="top-k") for name in arms}
    return Question(
        question="Which?",
        arms=made,
        contrasts=contrasts or [(arms[0], name) for name in arms[1:]],
        **given,
    )


def noisy(mean: float, seed: int) -> list[float]:
    return (mean + np.random.default_rng(seed).normal(0, 0.02, QUERIES)).tolist()


def of(found, arm: str) -> ArmRound:
    return next(one for one in found.last if one.arm == arm)


def test_differences_by_hand():
    """Two seeds, the same queries: .1 more on each query under each seed is .1 more, without any
    doubt.
    """
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    better = [one + 0.1 for one in scores]
    found = results(
        question("a", "b"),
        {"a": [trial(1, scores), trial(2, scores)], "b": [trial(1, better), trial(2, better)]},
        "ours",
    )
    assert found.queries == QUERIES
    assert of(found, "a").measures[MEASURE].mean == pytest.approx(0.35)
    assert of(found, "b").against["r0"].mean == pytest.approx(-0.05)
    (contrast,) = found.contrasts
    assert (
        contrast.difference.mean,
        contrast.difference.low,
        contrast.difference.high,
    ) == pytest.approx((0.1, 0.1, 0.1))
    assert contrast.difference.seeds == 2


def test_only_seeds_that_both_have_are_held_against_each_other():
    by_arm = {
        "a": [trial(1, [0.1] * 6), trial(2, [0.9] * 6)],
        "b": [trial(2, [0.8] * 6), trial(3, [0.2] * 6)],
    }
    found = results(question("a", "b"), by_arm, "ours")
    assert found.contrasts[0].difference.mean == pytest.approx(-0.1)
    assert found.contrasts[0].difference.seeds == 1


def test_an_arm_without_trials_has_no_contrast_and_is_named():
    asked = question("a", "b")
    found = results(asked, {"a": [trial(1, [0.1] * 6)], "b": []}, "ours")
    assert found.contrasts[0].difference is None
    assert "Missing because no trial has ended yet: b." in text.sentences(asked, found, {}, [])
    assert text.contrast_rows(found)[0][-1] == "no results yet"


def test_p_is_adjusted_for_all_contrasts_and_for_them_alone():
    by_arm = {
        name: [trial(seed, noisy(mean, seed + place)) for seed in (1, 2, 3)]
        for place, (name, mean) in enumerate({"a": 0.5, "b": 0.51, "c": 0.53, "d": 0.9}.items())
    }
    alone = [
        results(question("a", name), {"a": by_arm["a"], name: by_arm[name]}, "ours")
        .contrasts[0]
        .difference.p
        for name in ("b", "c")
    ]
    both = results(question("a", "b", "c", "d", contrasts=[("a", "b"), ("a", "c")]), by_arm, "ours")
    assert [one.difference.p for one in both.contrasts] == pytest.approx(holm(alone))


def test_controls_are_recipes_as_they_stand_whatever_an_arm_is_called():
    arms = {
        "lot": Arm(recipe="random"),
        "keep": Arm(recipe="top-k"),
        "top-k": Arm(recipe="top-k", sample={"choose": "random"}),
    }
    asked = Question(question="Which?", arms=arms, contrasts=[("keep", "top-k")])
    found = results(
        asked, {name: [trial(seed, noisy(0.5, seed)) for seed in (1, 2)] for name in arms}, "ours"
    )
    assert set(of(found, "top-k").against) == {"r0", "lot", "keep"}
    assert set(of(found, "keep").against) == {"r0", "lot"}


def test_an_arm_that_has_no_trials_yet_counts_when_p_is_adjusted():
    """Two contrasts were named: the one that is there has twice its own p, and needs a greater
    difference to be seen.
    """
    by_arm = {
        name: [trial(seed, noisy(mean, seed + place)) for seed in (1, 2, 3)]
        for place, (name, mean) in enumerate({"a": 0.5, "b": 0.51}.items())
    }
    alone = results(question("a", "b"), by_arm, "ours").contrasts[0].difference
    named = results(question("a", "b", "c"), by_arm | {"c": []}, "ours").contrasts[0].difference
    assert named.p == pytest.approx(min(1, 2 * alone.p))
    assert named.least > alone.least


def test_contrasts_that_were_named_after_a_look_are_told():
    asked = question("a", "b")
    by_arm = {name: [trial(1, [0.1] * 6)] for name in ("a", "b")}
    assert not any(
        "p is too small" in one
        for one in text.sentences(asked, results(asked, by_arm, "ours"), {}, [])
    )
    assert any(
        "named after 2 trials" in one
        for one in text.sentences(asked, results(asked, by_arm, "ours", 2), {}, [])
    )


def test_a_split_without_queries_is_refused_and_is_no_score_of_zero():
    by_arm = {"a": [trial(1, [0.1] * 6)]}
    with pytest.raises(Refused, match="ours has no judged dev query"):
        results(
            question("a", split="dev"),
            {
                "a": [
                    TrialResult(
                        by_arm["a"][0].values.filter(pl.col("split") == "test"),
                        by_arm["a"][0].facts,
                    )
                ]
            },
            "ours",
        )


def test_a_draw_at_random_does_not_make_a_filter_active():
    acts = [
        {"method": "cross-encoder", "did": "x", "count": 0},
        {"method": "random", "did": "x", "count": 40},
    ]
    by_arm = {"rocketqa": [trial(1, [0.1] * 6, {"r1": facts_of_round(acts=acts)})]}
    assert results(question("rocketqa"), by_arm, "ours").last[0].inactive
    several = [
        {"method": "dense", "did": "x", "count": 9},
        {"method": "bm25", "did": "x", "count": 3},
        {"method": "fused", "did": "x", "count": 0},
    ]
    found = results(
        question("a"), {"a": [trial(1, [0.1] * 6, {"r1": facts_of_round(acts=several)})]}, "ours"
    )
    assert not found.last[0].inactive
    assert any(
        one.startswith("a: fused had no effect here")
        for one in text.sentences(question("a"), found, {}, [])
    )


def test_updates_since_the_base():
    rounds = {
        "r1": facts_of_round(steps=10),
        "r2": facts_of_round(steps=10, start="r1"),
        "r3": facts_of_round(steps=30, start="r0"),
    }
    made = trial(1, [0.1], rounds)
    assert [updates(made, name) for name in rounds] == [10, 20, 30]


def test_a_method_that_never_acted_is_inactive_and_stands_last():
    def acting(*counts: int | None) -> dict:
        return {
            "r1": facts_of_round(
                acts=[
                    {"method": f"m{place}", "did": "x", "count": count}
                    for place, count in enumerate(counts)
                ]
            )
        }

    by_arm = {
        "never": [trial(1, [0.9] * 6, acting(0)), trial(2, [0.9] * 6, acting(0))],
        "once": [trial(1, [0.2] * 6, acting(0)), trial(2, [0.2] * 6, acting(1))],
        "one-of-two": [trial(1, [0.3] * 6, acting(0, 4))],
        "uncounted": [trial(1, [0.4] * 6, acting(0, None))],
        "plain": [trial(1, [0.5] * 6)],
    }
    found = results(question(*by_arm), by_arm, "ours")
    assert [one.arm for one in found.last if one.inactive] == ["never"]
    assert [one.arm for one in text.ranked(found)] == [
        "plain",
        "uncounted",
        "one-of-two",
        "once",
        "never",
    ]
    assert any(
        "Inactive and not ranked: never" in said
        for said in text.sentences(question(*by_arm), found, {}, [])
    )


def test_what_a_trial_costs_does_not_depend_on_what_others_had_encoded():
    """Ten texts at one second each, whether this trial encoded them, or found five of them in
    the store.
    """
    wanted = {"m/c1": 5, "m/c2": 5}
    first = trial(1, [0.1] * 6, stages={"retrieve@r1": stage(True, 12.0, wanted, 10, 10.0)})
    later = trial(2, [0.1] * 6, stages={"retrieve@r1": stage(True, 7.0, wanted, 5, 5.0)})
    reference = {"evaluate-reference@r0-ours": stage(True, 100.0, {"m/c9": 7}, 7, 90.0)}
    shared = trial(
        3, [0.1] * 6, stages={"retrieve@r1": stage(False, 12.0, wanted, 10, 10.0), **reference}
    )
    costs = [
        results(question("a"), {"a": [one]}, "ours").last[0].cost for one in (first, later, shared)
    ]
    assert costs == pytest.approx([12.0, 12.0, 12.0])
    assert [one.cost("r1").read(TEXTS) for one in (first, later, shared)] == [10, 10, 10]
    assert [one.cost("r1").made_here(TEXTS) for one in (first, later, shared)] == [10, 5, 0]
    assert of(results(question("a"), {"a": [later]}, "ours"), "a").seconds[
        TEXTS.shared
    ] == pytest.approx(5.0)


def test_what_was_all_in_the_store_is_charged_at_the_speed_of_others():
    """Arm a encoded ten texts in ten seconds; b, which wants five of them, found them all, and
    ran for two seconds.
    """
    first = trial(
        1, [0.1] * 6, stages={"retrieve@r1": stage(True, 12.0, {"m/c1": 5, "m/c2": 5}, 10, 10.0)}
    )
    second = trial(1, [0.1] * 6, stages={"retrieve@r1": stage(True, 2.0, {"m/c1": 5}, 0, 0.0)})
    found = results(question("a", "b"), {"a": [first], "b": [second]}, "ours")
    assert of(found, "b").seconds == pytest.approx({"retrieve": 2.0, TEXTS.shared: 5.0})


def test_pairs_of_cross_encoders_are_counted_and_charged_as_texts_are():
    """a: 40 pairs scored in 20 seconds. b wants 30 of them, finds them all, and is charged half
    a second each; texts stay apart.
    """

    def cost(seconds: float, wanted: dict, scored: int, scoring: float) -> dict:
        return {
            "score@r1": stage(True, seconds)
            | {"pairs": wanted, "scored": scored, "scoring": scoring}
        }

    first = trial(1, [0.1] * 6, stages=cost(25.0, {"x/p1": 30, "x/p2": 10}, 40, 20.0))
    second = trial(
        1,
        [0.1] * 6,
        {"r1": facts_of_round(judged=7, judged_free=90)},
        cost(1.0, {"x/p1": 30}, 0, 0.0),
    )
    found = results(question("a", "b"), {"a": [first], "b": [second]}, "ours")
    assert [
        (of(found, arm).pairs, of(found, arm).scored, of(found, arm).texts) for arm in "ab"
    ] == [(40, 40, 0), (30, 0, 0)]
    assert of(found, "b").seconds == pytest.approx({"score": 1.0, PAIRS.shared: 15.0})
    assert (of(found, "b").judged, of(found, "b").judged_free) == (7, 90)
    table = text.arms_table([found]).select("arm", "pairs", "scored", "judged", "judged_free")
    assert table.rows() == [("a", 40, 40, 0, 0), ("b", 30, 0, 7, 90)]
    rows = {row[0]: dict(zip(text.COST_COLUMNS, row, strict=True)) for row in text.cost_rows(found)}
    assert [
        rows["b"][name]
        for name in ("pairs by cross-encoders", "pairs judged by LLMs", "by free judges")
    ] == ["30", "7", "90"]


def test_a_round_costs_what_it_and_those_before_it_took():
    """r1: 10 seconds and 5 texts. r2: 20 more and 3 more texts, for the 5 that it reads again
    count once.
    """
    stages = {
        "train@r1": stage(True, 4.0),
        "evaluate@r1-ours": stage(True, 6.0, {"m1/c1": 5}, 5, 5.0),
        "retrieve@r2": stage(True, 18.0, {"m1/c1": 5, "m1/c2": 3}, 3, 3.0),
        "evaluate@r2-our-own": stage(True, 2.0),
    }
    made = trial(1, [0.1] * 6, {name: facts_of_round() for name in ("r1", "r2")}, stages)
    found = results(question("a"), {"a": [made]}, "ours").rounds
    assert [(one.round, one.cost, one.texts, one.encoded) for one in found] == [
        ("r1", 10.0, 5, 5),
        ("r2", 30.0, 8, 8),
    ]
    unknown = stages | {"train@r2": stage(False, None)}
    found = results(
        question("a"), {"a": [trial(1, [0.1] * 6, made.facts["rounds"], unknown)]}, "ours"
    ).rounds
    assert [one.cost for one in found] == [10.0, None]


def test_what_nobody_measured_is_not_said_to_cost_nothing():
    elsewhere = {
        "train@r1": {
            "ran": False,
            "inputs": "x",
            "seconds": None,
            "wanted": None,
            "encoded": None,
            "encoding": None,
        }
    }
    found = results(question("a"), {"a": [trial(1, [0.1] * 6, stages=elsewhere)]}, "ours").last[0]
    assert (found.cost, found.texts) == (None, None)
    both = {
        "a": [
            trial(1, [0.1] * 6, stages=elsewhere),
            trial(2, [0.1] * 6, stages={"train@r1": stage(True, 4.0)}),
        ]
    }
    assert results(question("a"), both, "ours").last[0].cost == 4.0


def test_a_ranker_that_is_worse_than_the_encoder_is_told():
    """What teaches or removes is the ceiling of what one learns by it."""
    worse, better = (
        {"r1": facts_of_round(ranker={"ours": {"before": 0.7, "after": after}})}
        for after in (0.3, 0.8)
    )
    asked = question("a", "b")
    by_arm = {
        "a": [trial(1, [0.1] * 6, worse), trial(2, [0.1] * 6, worse)],
        "b": [trial(1, [0.1] * 6, better)],
    }
    said = text.sentences(asked, results(asked, by_arm, "ours"), {}, [])
    (about,) = [one for one in said if "cross-encoder" in one]
    assert about.startswith(
        "a: the in-loop cross-encoder ranks dev queries worse than the encoder (mean nDCG@10 0.30 "
        "compared with 0.70"
    )


def test_few_seeds_and_what_could_not_be_seen_are_said():
    by_arm = {
        name: [trial(seed, noisy(0.5, 7 * seed + place)) for seed in (1, 2)]
        for place, name in enumerate(("a", "b"))
    }
    asked = question("a", "b")
    found = results(asked, by_arm, "ours")
    said = text.sentences(asked, found, {"a": [], "b": ["init base"]}, [])
    assert said[0].startswith(
        "No arm differs significantly from a in nDCG@10 (minimum detectable effect"
    )
    assert any(one.startswith("Only 2 seeds per arm: the intervals are too narrow") for one in said)
    assert "b differs from params.yaml: init base." in said


def test_names_and_questions_are_data_in_markdown():
    asked = Question(question="<b>*?*</b>", arms={"a": Arm(recipe="top-k")})
    found = results(asked, {"a": [trial(1, [0.1] * 6)]}, "ours")
    written = text.markdown("x", asked, [(found, text.sentences(asked, found, {}, []))])
    assert "<b>" not in written
    assert "| a |" in written
    table = text.arms_table([found])
    assert table.select("arm", "round", "hidden", "negatives").row(0) == ("a", "r1", 5, 20)


def test_queries_that_left_are_told():
    """Seed 1: 3 of 30 leave in r1 and 1 in r2; seed 2: 2 and 0, and in r2 5 queries stay short
    and 4 are filled up.
    """
    first = {
        "r1": facts_of_round(queries_left=3, queries_short=9),
        "r2": facts_of_round(queries=27, queries_left=1),
    }
    second = {
        "r1": facts_of_round(queries_left=2),
        "r2": facts_of_round(queries=28, queries_short=5, queries_filled=4),
    }
    found = results(
        question("a"), {"a": [trial(1, [0.1] * 6, first), trial(2, [0.1] * 6, second)]}, "ours"
    )
    assert text.attrition(of(found, "a")) == "3 of 30 queries dropped, 2.5 short, 2 filled up"
    table = text.arms_table([found]).select(
        "round", "queries", "queries_left", "queries_short", "queries_filled"
    )
    assert table.rows() == [("r1", 30.0, 2.5, 4.5, 0.0), ("r2", 30.0, 3.0, 2.5, 2.0)]
    unmined = results(
        question("a"), {"a": [trial(1, [0.1] * 6, {"r1": facts_of_round(queries=None)})]}, "ours"
    )
    assert text.attrition(of(unmined, "a")) == "–"


def test_recall_has_its_interval_in_markdown():
    found = results(question("a"), {"a": [trial(1, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])]}, "ours")
    recall = of(found, "a").measures["recall_at_100"]
    assert recall.low < recall.mean < recall.high
    written = text.markdown("x", question("a"), [(found, [])])
    assert f"0.3500 ({text.level(recall)})" in written


def test_times_of_stages_are_a_table_and_a_file():
    """r2's train was restored from another trial, and nobody has measured its evaluate."""
    stages = {
        "resolve": stage(True, 1.0),
        "train@r1": stage(True, 34.25),
        "evaluate@r1-ours": stage(True, 6.0, {"m/c1": 5, "m/c2": 2}, 3, 3.0),
        "train@r2": stage(False, 20.0) | {"pairs": {"x/p": 4}, "scored": 4},
        "evaluate@r2-ours": {
            "ran": False,
            "inputs": "x",
            "seconds": None,
            "wanted": None,
            "encoded": None,
            "encoding": None,
        },
    }
    rounds = {name: facts_of_round() for name in ("r1", "r2")}
    by_arm = {
        "a": [trial(1, [0.1] * 6, rounds, stages)],
        "b": [trial(1, [0.1] * 6, {"r1": rounds["r1"]}, {"train@r1": stages["train@r1"]})],
    }
    columns, rows = text.time_rows(results(question("a", "b"), by_arm, "ours"))
    assert (columns, rows) == (
        ("arm", "train", "all"),
        [("b", "34.2", "34 s")],
    )  # of a not all is known
    table = text.times_table(by_arm)
    assert table.select(
        "arm", "round", "stage", "ran", "seconds", "texts", "encoded", "pairs", "scored"
    ).rows() == [
        ("a", "r1", "train@r1", True, 34.25, 0, 0, None, None),
        ("a", "r1", "evaluate@r1-ours", True, 6.0, 7, 3, None, None),
        ("a", "r2", "train@r2", False, 20.0, 0, 0, 4, 4),
        ("a", "r2", "evaluate@r2-ours", False, None, None, None, None, None),
        ("b", "r1", "train@r1", True, 34.25, 0, 0, None, None),
    ]
