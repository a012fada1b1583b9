"""Calibration of a judge: maps fitted on one half of the queries, and compared with its
probabilities on the other half.
"""

from __future__ import annotations

import numpy as np

from hone.stats.calibration import apply, brier, curve, isotonic, logit
from hone.stats.proportions import Estimate

LEAST = 20  # pairs of each class in each half [Hone default]: fewer fit noise


def calibrate(
    values: np.ndarray,
    truth: np.ndarray,
    queries: np.ndarray,
    draw: np.random.Generator,
    weights: np.ndarray | None = None,
) -> tuple[dict | None, dict]:
    """The better of the two maps, fitted on one half of the queries. Null if it does not beat the
    uncalibrated probabilities on the other half.

    Args:
        values: probabilities; NaN is excluded.
        truth: whether the pair is relevant.
        queries: the query of each pair.
        draw: random generator for the halves.
        weights: number of pairs that each pair represents; null: all equal.

    Returns:
        The map, or null; and an account: pairs, fraction of relevant pairs, Brier scores on the
        held-out half, the calibration curve there before and after, and why there is no map.
    """
    values, truth, queries = (
        np.asarray(values, dtype=float),
        np.asarray(truth, dtype=bool),
        np.asarray(queries),
    )
    has_value = ~np.isnan(values)
    values, truth, queries = values[has_value], truth[has_value], queries[has_value]
    weights = (
        np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)[has_value]
    )
    account = {
        "pairs": len(values),
        "share_positive": float(np.average(truth, weights=weights)) if len(values) else None,
    }
    if not len(values):
        return None, account | {"why_not": "the judge gives no probabilities"}
    fit = halves(queries, draw)
    counts = [int((truth[part] == kind).sum()) for part in (fit, ~fit) for kind in (True, False)]
    if min(counts) < LEAST:
        return None, account | {
            "why_not": f"each half of the queries needs {LEAST} pairs of each class, and one has "
            f"{min(counts)}"
        }
    maps = [method(values[fit], truth[fit], weights[fit]) for method in (isotonic, platt)]
    rest = ~fit

    def score(mended: np.ndarray) -> Estimate:
        return brier(mended, truth[rest], queries[rest], weights[rest])

    scores = {"as it comes": score(values[rest])} | {
        map["kind"]: score(apply(map, values[rest])) for map in maps
    }
    best = min(maps, key=lambda map: scores[map["kind"]].estimate)
    better = scores[best["kind"]].estimate < scores["as it comes"].estimate
    account |= {
        "brier": {name: found.plain() for name, found in scores.items()},
        "curve": curve(values[rest], truth[rest], weights=weights[rest]),
        "curve_after": curve(apply(best, values[rest]), truth[rest], weights=weights[rest]),
    }
    if not better:
        return None, account | {
            "why_not": "on the held-out half no map does better than the probabilities as they come"
        }
    return best, account


def halves(queries: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """True for the pairs of a random half of the queries."""
    names, places = np.unique(queries, return_inverse=True)
    return draw.permutation(len(names))[places] < (len(names) + 1) // 2


def platt(values: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> dict:
    """The logistic map (Platt 1999, on the logit), with a negligible penalty. A decreasing map
    is accepted, because it fits the data.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(
        logit(values)[:, None], np.asarray(truth, dtype=int), weights
    )
    return {
        "kind": "platt",
        "slope": float(fitted.coef_[0, 0]),
        "intercept": float(fitted.intercept_[0]),
    }
