"""Suites for one ability on the page: what is measured, the paired difference, and that they are
in no mean.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.files import write_json
from hone.seeds import generator
from tasks.report.diagnostics import compare_units, measure_suites, separate_suites
from tasks.report.settings import ReportSettings
from tests.report.made_up import columns, save, write_all, write_leakage
from tests.stages import report

DRAW = generator(13, "test")


def units(**groups: list[float]) -> pl.DataFrame:
    rows = [
        (group, f"{group}{place}", float(value))
        for group, values in groups.items()
        for place, value in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=["group", "unit", "value"], orient="row")


def test_one_group_is_tested_as_any_measure():
    found, p = compare_units(units(pairs=[0, 0, 0, 1]), units(pairs=[1, 1, 0, 1]), DRAW)
    # Two of four gain 1: of four ways to turn two signs two are as far from 0. s = .57735, and
    # t(.975, 3) s / 2 = .918693.
    assert (found.mean, found.low, p) == pytest.approx((0.5, 0.5 - 0.918693, 0.5))


def test_two_groups_are_tested_as_correlated_aucs():
    """DeLong's variance by hand: the changes of each group, paired."""
    before, after = (
        units(answered=[0.5, 0.5, 1.0], without=[0.5, 0.75]),
        units(answered=[1.0, 0.5, 1.0], without=[1.0, 0.5]),
    )
    found, p = compare_units(before, after, DRAW)
    # answered: .5, 0, 0, variance 1/12; without: .5, -.25, variance 9/32.
    error = np.sqrt(1 / 12 / 3 + 9 / 32 / 2)
    assert found.mean == pytest.approx(1 / 6)
    assert found.high - found.mean == pytest.approx(1.959964 * error)
    assert p == pytest.approx(0.685, abs=1e-3)
    assert compare_units(units(), units(), DRAW) is None
    assert compare_units(before, before, DRAW)[1] == 1.0


def test_delongs_interval_covers_the_difference_at_its_rate():
    """Two scores of the same queries, drawn again 400 times; the true difference is that of the
    normal distribution's AUCs.
    """
    from scipy.stats import norm

    from hone.ir.diagnostic import measured

    draw, covered, times = np.random.default_rng(5), 0, 400
    truth = norm.cdf(1.0 / np.sqrt(2)) - norm.cdf(0.5 / np.sqrt(2))
    ids = [f"q{number}" for number in range(120)]
    labels = pl.DataFrame({"query_id": ids[:60], "doc_id": "d", "relevance": 1})
    for _ in range(times):
        ease = draw.normal(size=120)
        rankings = []
        for gap in (0.5, 1.0):
            score = np.sqrt(0.5) * (ease + draw.normal(size=120)) + gap * (np.arange(120) < 60)
            run = pl.DataFrame({"query_id": ids, "doc_id": "d", "score": score})
            rankings.append(
                measured("no-answer", run, pl.DataFrame({"query_id": ids}), labels, 1).units
            )
        found, _ = compare_units(*rankings, DRAW)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / times <= 0.98


@pytest.fixture
def suite(workspace: Path) -> ReportSettings:
    """Two pairs: t1 wants d1 before d3 and t4 d3 before d1; t2 wants d1 before d4 and t3 d4 before
    d1.

    A ranking has d1 first where its nDCG is 1, d3 before it at .5, and d3, d4 and d5 before it at
    0.
    """
    write_all(
        ("made-up", "pairs"), evaluate_on=["made-up", "pairs"], abilities={"pairs": "negation"}
    )
    twins = [("t1", "d1", "d3"), ("t4", "d3", "d1"), ("t2", "d1", "d4"), ("t3", "d4", "d1")]
    right, wrong = (
        columns([(query, own) for query, own, _ in twins]),
        columns([(query, other) for query, _, other in twins]),
    )
    labels = {name: right[name] + wrong[name] for name in right} | {
        "relevance": [1] * 4 + [0] * 4,
        "weight": 1.0,
        "source": "made up",
    }
    save("qrels", labels, Path("data/pairs/test/qrels.parquet"))
    return ReportSettings.read()


def test_each_ranking_is_measured_and_compared_with_the_base(suite: ReportSettings):
    suites, settings = separate_suites(suite)
    assert settings.evaluate_on == ["made-up"]
    found = {
        one.name: one
        for one in measure_suites(suites, ["bm25", "r0", "r1", "r2"], "r0", {"r1", "r2"}, settings)
    }
    # r2 has 1 and .5 on t1 and t4: both are right. On t3 no ranking has d4 before d1 but by 0,
    # which none has.
    assert {name: one.own.found.estimate for name, one in found.items()} == {
        "bm25": 0.0,
        "r0": 0.0,
        "r1": 0.0,
        "r2": 0.5,
    }
    assert {one.own.found.count for one in found.values()} == {2}
    assert found["r0"].difference is None
    assert (found["r2"].difference.mean, found["r2"].p) == (
        0.5,
        1.0,
    )  # one pair changed: either sign is as likely
    assert found["bm25"].p is None  # a reference is no contrast


def test_the_page_shows_a_suite_by_itself(suite: ReportSettings):
    write_json(Path("resolved/report.json"), suite.plain())
    report()
    text = " ".join(
        re.sub(r"<[^>]*>", " ", Path("reports/index.html").read_text(encoding="utf-8")).split()
    )
    assert "Diagnostic sets" in text
    assert "pairs r2 pairwise accuracy 0.25 0.5000" in text
    rows = (
        pl.read_parquet("reports/tables/suites.parquet")
        .select("name", "estimate", "difference")
        .rows()
    )
    assert rows == [
        ("bm25", 0.0, 0.0),
        ("r0", 0.0, None),
        ("r1", 0.0, 0.0),
        ("r2", 0.5, 0.5),
        ("r3", 0.5, 0.5),
    ]
    assert "Mean over collections" not in text  # one collection is left
    assert "pairs, 4 test queries" not in text


def test_leaks_into_a_suite_are_reported_as_for_any_collection(suite: ReportSettings):
    """`admit` refuses on it too."""
    write_leakage("pairs", 2)
    write_json(Path("resolved/report.json"), suite.plain())
    report()
    text = " ".join(
        re.sub(r"<[^>]*>", " ", Path("reports/index.html").read_text(encoding="utf-8")).split()
    )
    assert (
        "Leakage on pairs: training data contains 2 of 4 test queries (50.0 %)"
        in text.partition("Leakage Collection split")[0]
    )
    assert "pairs test 4 4 0 2 50.0 %" in text
    assert "made-up test 4 4 0 0 0.0 %" in text
    leaked = pl.read_parquet("reports/tables/leakage.parquet")
    assert set(leaked["collection"]) == {"made-up", "pairs"}
