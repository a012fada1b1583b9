"""`hone compare --weight traffic`: each query counts as often as users searched for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from commands.compare.command import compare
from commands.compare.contrasts import compare_columns
from hone.data import tables
from hone.errors import Refused
from hone.seeds import generator
from tests.prepared import COLLECTION, write_params
from tests.report.made_up import write_all


@pytest.fixture
def loop(workspace: Path) -> None:
    """Four test queries; r2 against r1: two gain .5, one loses .5."""
    write_all()
    write_params(collections={"made-up": COLLECTION}, train_on=["made-up"], evaluate_on=["made-up"])


def write_traffic(*searches: int) -> None:
    ids = [f"t{number}" for number in range(1, 1 + len(searches))]
    frame = pl.DataFrame({"query_id": ids, "searches": searches})
    tables.write("traffic", frame, Path("data/made-up/test/traffic.parquet"))


def test_the_difference_worked_by_hand(loop: None, capsys: pytest.CaptureFixture[str]):
    """r1: (.5 + .5 + .5 + 7) / 10, r2: (1 + 1 + .5 + 3.5) / 10."""
    write_traffic(1, 1, 1, 7)
    compare("r1", "r2", weight="traffic")
    output = capsys.readouterr().out
    assert "nDCG@10 0.850 to 0.600, −0.250" in output
    assert "2 queries are better, 1 worse, 1 equal." in output
    assert "weighted by the number of searches of each query" in output
    compare("r1", "r2")
    assert "nDCG@10 0.625 to 0.750, +0.125" in capsys.readouterr().out


def test_equal_traffic_gives_the_plain_comparison():
    draw = np.random.default_rng(3)
    before, after = draw.random((2, 60, 2))
    names = ("ndcg_at_10", "mrr_at_10")
    plain = compare_columns("r1", names, before, after, generator(1, "a"))
    weighted = compare_columns("r1", names, before, after, generator(1, "a"), np.full(60, 7.0))
    for one, other in zip(plain, weighted, strict=True):
        assert other.before == pytest.approx(one.before)
        assert other.against.difference.mean == pytest.approx(one.against.difference.mean)
        assert other.against.difference.low == pytest.approx(one.against.difference.low)
        assert other.against.p == pytest.approx(one.against.p, abs=0.01)


def test_the_interval_is_that_of_a_ratio():
    """The bootstrap of sum w d / sum w, which resamples the weights with the queries. The mean of
    w d would vary with the weights, although all differences are nearly equal.
    """
    draw = np.random.default_rng(4)
    weights = draw.pareto(3, size=400) + 1
    before = draw.random((400, 1)) * 0.5
    after = before + draw.normal(0.2, 0.02, size=(400, 1))
    [found] = compare_columns("r1", ("ndcg_at_10",), before, after, generator(1, "a"), weights)
    change = (after - before)[:, 0]
    ratios = []
    for _ in range(4_000):
        rows = draw.integers(400, size=400)
        ratios.append((weights[rows] * change[rows]).sum() / weights[rows].sum())
    low, high = np.quantile(ratios, [0.025, 0.975])
    assert found.against.difference.mean == pytest.approx(np.average(change, weights=weights))
    assert found.against.difference.low == pytest.approx(low, abs=0.001)
    assert found.against.difference.high == pytest.approx(high, abs=0.001)


def test_what_cannot_be_weighted_is_refused(loop: None):
    with pytest.raises(Refused, match="--weight clicks: "):
        compare("r1", "r2", weight="clicks")
    with pytest.raises(Refused, match="the searches of the queries of made-up are unknown"):
        compare("r1", "r2", weight="traffic")
    write_traffic(0, 0, 0, 0)
    with pytest.raises(Refused, match="are unknown"):
        compare("r1", "r2", weight="traffic")
    with pytest.raises(Refused, match="--weight cannot be combined with --slice"):
        compare("r1", "r2", weight="traffic", by="difficulty")
