"""What seeds say of arms whose scores are known."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from commands.filters.arms import Arm
from commands.filters.repaired_labels import by_seed, repaired
from commands.filters.sentences import ends, every_query, markdown, remarks, rows_of, sentence
from hone.stats.fieller import Ratio
from hone.stats.seeds_and_queries import over_seeds


def scores(damage: float, part: float, doubt: float = 0.001) -> dict[str, np.ndarray]:
    """Noisy labels score .3; clean ones `damage` more; cleaning gives back `part` of that. Five
    seeds, 40 queries.
    """
    rng = np.random.default_rng(2)
    noisy = 0.3 + rng.normal(0, 0.1, (1, 40)) + rng.normal(0, 0.01, (5, 1))
    lost = damage + rng.normal(0, doubt, (5, 40))
    return {
        "noisy": noisy,
        "clean": noisy + lost,
        "half": noisy + part * lost,
        "other": noisy + rng.normal(0, doubt, (5, 40)),
    }


def test_half_of_the_damage():
    noisy, clean, half, other = repaired(scores(0.05, 0.5), "noisy", "clean")
    assert (noisy.more, noisy.ratio, clean.ratio) == (None, None, None)
    assert clean.more.mean == pytest.approx(0.05, abs=0.001)
    assert half.more.mean == pytest.approx(clean.more.mean / 2)
    assert half.ratio.parts[0] == pytest.approx((0.5, 0.5), abs=1e-6)
    assert other.ratio.holds(0)
    assert half.p < 0.05 < other.p


def test_p_values_are_adjusted_for_the_arms_beside_clean():
    given = scores(0.05, 0.5, doubt=0.2)
    found = repaired(given, "noisy", "clean")
    own = sorted(over_seeds(given[name] - given["noisy"]).p for name in ("half", "other"))
    assert min(found[2].p, found[3].p) == pytest.approx(min(1, 2 * own[0]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [(0.0, "The damage is not significant"), (-0.05, "makes the model worse")],
)
def test_without_damage_nothing_is_divided_by_it(damage: float, message: str):
    found = repaired(scores(damage, 0.5), "noisy", "clean")
    assert all(one.ratio is None for one in found)
    assert found[2].more is not None
    assert message in sentence(found)


def test_seeds_are_compared_query_by_query():
    one = pl.DataFrame({"query_id": ["b", "a"], "ndcg_at_10": [0.2, 0.1]})
    two = pl.DataFrame({"query_id": ["a", "b"], "ndcg_at_10": [0.3, 0.4]})
    assert by_seed([one, two]).tolist() == [[0.1, 0.2], [0.3, 0.4]]
    with pytest.raises(ValueError, match="different queries"):
        by_seed([one, two.head(1)])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (((0.2, 0.9),), "0.20 to 0.90"),
        (((-0.2, 0.9),), "−0.20 to 0.90"),
        (((-math.inf, -0.5), (0.5, math.inf)), "at most −0.50 or at least 0.50"),
        (((-math.inf, math.inf),), "any value"),
        ((), "none"),
    ],
)
def test_an_interval_in_words(parts: tuple, message: str):
    assert ends(Ratio(0.5, parts)) == message


def test_tables():
    given = scores(0.05, 0.5)
    found = repaired(given, "noisy", "clean")
    arms = [Arm(name, pl.DataFrame(), 40, 7) for name in given]
    half = rows_of(found, arms)[2]
    assert (half[0], half[5], half[6], half[7]) == ("half", "0.50", "0.50 to 0.50", "7 of 40")
    text = markdown(found, arms, "About.")
    assert "This is the damage." in text
    assert text.count("\n| ") == 5  # the heading and four variants
    rows = every_query(given, pl.Series([f"q{number}" for number in range(40)]))
    assert len(rows) == 4 * 5 * 40
    assert rows.filter(pl.col("arm") == "half", pl.col("seed") == 2)[
        "ndcg_at_10"
    ].to_numpy() == pytest.approx(given["half"][1])


def test_more_than_repair_and_fewer_negatives_are_reported():
    given = scores(0.05, 2.0)
    found = repaired(given, "noisy", "clean")
    arms = [
        Arm(name, pl.DataFrame(), trained, 0)
        for name, trained in zip(given, (40, 40, 25, 40), strict=True)
    ]
    more, fewer = remarks(found, arms)
    assert more.startswith("half: a ratio above 1 is more than repair.")
    assert fewer.startswith("half trains on 15 fewer of the 40 mined negatives")
    assert fewer in markdown(found, arms, "About.")
    assert remarks(repaired(scores(0.05, 0.5), "noisy", "clean"), arms[:1]) == []
