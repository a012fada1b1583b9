"""The minimum detectable effect to expect of test queries, before any model is trained.

It needs an assumption on how much single queries vary. After training, the report has the effect
of the measured deviation.
"""

from __future__ import annotations

import math

from hone.stats.paired_tests import detectable

# Standard deviations of paired differences in nDCG@10 of the bundled collection, from the intervals
# in the README: a trained round and the base model, and two trained rounds. [Hone default]
FROM_BASE, BETWEEN_ROUNDS = 0.28, 0.12


def detectable_effects(count: int) -> tuple[float, float]:
    """The expected minimum detectable effect of `count` test queries: against the base model, and
    between two rounds. Infinite for fewer than two queries.
    """
    if count < 2:
        return math.inf, math.inf
    return detectable(FROM_BASE, count), detectable(BETWEEN_ROUNDS, count)
