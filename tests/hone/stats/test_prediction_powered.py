"""A proportion from a judge's verdicts, corrected by gold verdicts: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hone.stats.prediction_powered import GoldVerdicts, Verdicts, corrected
from hone.stats.proportions import NOTHING


def test_verdicts_are_corrected_by_gold():
    """Ten units, 4 with a yes. Gold: 1 of 2 yes is right, and 1 of 3 no is a yes: 0.4 / 2 + 0.6
    / 3 = 0.4.
    """
    yes, units = np.arange(10) < 4, np.arange(10)
    judged = Verdicts(yes, units, np.ones(10))
    rows = np.array([0, 1, 4, 5, 6])
    known = GoldVerdicts(
        yes[rows],
        units[rows],
        np.array([2, 2, 2, 2, 2]),
        np.array([True, False, True, False, False]),
    )
    share, precision, positive_share = corrected(judged, known, sampled=1.0)
    assert (share.estimate, precision.estimate, positive_share.estimate) == pytest.approx(
        (0.4, 0.5, 0.4)
    )
    assert (share.count, precision.count, positive_share.count) == (5, 2, 10)
    assert share.low < 0.4 < share.high


def test_without_gold_among_the_yes_only_the_share_of_yes_is_known():
    judged = Verdicts(np.array([True, False]), np.arange(2), np.ones(2))
    none = np.empty(0)
    share, precision, positive_share = corrected(
        judged, GoldVerdicts(none.astype(bool), none, none, none.astype(bool)), sampled=1.0
    )
    assert share is NOTHING
    assert precision is NOTHING
    assert positive_share.estimate == pytest.approx(0.5)
