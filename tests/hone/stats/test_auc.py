"""AUC against hand-worked placements, another implementation, and its own promise of coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hone.stats.auc import auc, placements
from hone.stats.proportions import NOTHING, wilson


def test_ties_count_a_half():
    # 3 beats 2, 1, 0; 2 ties with 2 and beats 1, 0; 1 ties with 1 and beats 0: (3 + 2.5 + 1.5) / 9
    found = auc(np.array([3, 2, 1, 2, 1, 0]), np.array([1, 1, 1, 0, 0, 0]))
    assert found.estimate == pytest.approx(7 / 9)
    assert found.count == 6


def test_delongs_interval_by_hand():
    # Positives 3 and 1, negatives 2 and 0: placements 1 and .5 on either side, AUC .75. Variance of
    # each side (.25^2 + .25^2) / 1 / 2 = .0625, together .125; on the logit scale sqrt(.125) /
    # .1875 = 1.885618.
    found = auc(np.array([3, 1, 2, 0]), np.array([1, 1, 0, 0]))
    half = 1.959964 * 1.885618
    assert found.estimate == 0.75
    assert found.low == pytest.approx(1 / (1 + math.exp(half - math.log(3))), abs=1e-6)
    assert found.high == pytest.approx(1 / (1 + math.exp(-half - math.log(3))), abs=1e-6)


def test_placements_by_hand():
    above, below = placements(np.array([2.0, 1.0]), np.array([1.0, 0.0]))
    assert above.tolist() == [1.0, 0.75]
    assert below.tolist() == [0.75, 1.0]


def test_a_repeated_query_does_not_count_twice():
    """Every query repeated four times: the estimate stays, and the interval too, when its pairs
    are known to be one query's.
    """
    draw = np.random.default_rng(2)
    scores, positive = draw.random(40), draw.random(40) < 0.5
    alone = auc(scores, positive, np.arange(40))
    repeated = auc(np.tile(scores, 4), np.tile(positive, 4), np.tile(np.arange(40), 4))
    believed = auc(np.tile(scores, 4), np.tile(positive, 4))
    assert repeated.estimate == pytest.approx(alone.estimate)
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.02)
    assert believed.high - believed.low < 0.6 * (alone.high - alone.low)


def test_order_without_a_fault_is_not_certainty():
    # 5 disjoint pairs that are all ordered right: the chance A^5 is 2.5 % at A = .025^(1/5)
    found = auc(np.arange(10), np.arange(10) >= 5)
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025**0.2)
    assert auc(-np.arange(10), np.arange(10) >= 5).high == pytest.approx(1 - 0.025**0.2)


def test_ties_without_an_exception_are_not_certainty():
    found = auc(np.ones(20), np.arange(20) < 8)
    assert found.estimate == 0.5
    assert (found.low, found.high) == pytest.approx(wilson(4, 8))


@pytest.mark.parametrize("kind", [True, False])
def test_one_class_only_has_no_auc(kind: bool):
    assert auc(np.array([0.1, 0.9]), np.full(2, kind)) is NOTHING


def test_as_scikit_learn():
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(3)
    scores, positive = draw.integers(0, 12, size=300), draw.random(300) < 0.3
    assert auc(scores, positive).estimate == pytest.approx(roc_auc_score(positive, scores))


def test_the_interval_covers_as_often_as_it_says():
    """Normal scores one standard deviation apart have the AUC .7602; queries shift theirs, which
    only the query's unit knows.
    """
    draw = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        positive = np.tile([True, False, False, False], 40)
        queries = np.repeat(np.arange(40), 4)
        shift = 0.7 * draw.normal(size=40)[queries]
        scores = (
            positive
            + shift * positive
            + math.sqrt(1 - 0.49) * draw.normal(size=160) * positive
            + draw.normal(size=160) * ~positive
        )
        found = auc(scores, positive, queries)
        covered += found.low <= 0.760250 <= found.high
    assert covered >= 180
