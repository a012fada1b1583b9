"""Calibration of probabilities: Brier score, calibration curve, and calibration maps."""

from __future__ import annotations

import numpy as np

from hone.stats.proportions import Estimate, mean

BINS = 10
EDGE = 1e-6  # clipping of probabilities before the logit


def apply(map: dict, values: np.ndarray) -> np.ndarray:
    """Apply a calibration map to probabilities.

    Args:
        map: {"kind": "isotonic", "x", "y"}: linear between these points, constant beyond them. Or
            {"kind": "platt", "slope", "intercept"}: the logistic function of slope times the logit,
            plus intercept.
        values: in [0, 1]. NaN stays NaN.
    """
    values = np.asarray(values, dtype=float)
    if map["kind"] == "isotonic":
        return np.where(np.isnan(values), np.nan, np.interp(values, map["x"], map["y"]))
    return 1 / (1 + np.exp(-(map["slope"] * logit(values) + map["intercept"])))


def isotonic(values: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None) -> dict:
    """The increasing map with the least squared error (Zadrozny and Elkan 2002).

    Pairs with the same probability form one observation: their mean, with the sum of their weights.
    Inner points of flat parts are omitted.
    """
    from scipy.optimize import isotonic_regression

    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    counts = weights > 0
    x, place = np.unique(np.asarray(values, dtype=float)[counts], return_inverse=True)
    total = np.bincount(place, weights[counts])
    mean_truth = (
        np.bincount(place, weights[counts] * np.asarray(truth, dtype=float)[counts]) / total
    )
    y = np.clip(isotonic_regression(mean_truth, weights=total).x, 0, 1)
    turns = np.ones(len(y), dtype=bool)
    turns[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    return {"kind": "isotonic", "x": x[turns].tolist(), "y": y[turns].tolist()}


def brier(
    values: np.ndarray, truth: np.ndarray, queries: np.ndarray, weights: np.ndarray | None = None
) -> Estimate:
    """The Brier score (1950): mean squared difference of probability and outcome. A constant 0.5
    scores 0.25.
    """
    return mean(
        (np.asarray(values, dtype=float) - np.asarray(truth, dtype=float)) ** 2, queries, weights
    )


def curve(
    values: np.ndarray, truth: np.ndarray, bins: int = BINS, weights: np.ndarray | None = None
) -> list[dict]:
    """Mean probability, fraction of positives and number of pairs in bins of equal counts. Equal
    probabilities share a bin.
    """
    values, truth = np.asarray(values, dtype=float), np.asarray(truth, dtype=float)
    if not len(values):
        return []
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(values, kind="stable")
    first_of_equals = np.searchsorted(values[order], values[order], "left")
    places = first_of_equals * bins // len(values)
    parts = [order[places == place] for place in np.unique(places)]
    return [
        {
            "probability": float(np.average(values[part], weights=weights[part])),
            "share": float(np.average(truth[part], weights=weights[part])),
            "pairs": len(part),
        }
        for part in parts
    ]


def logit(values: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), with probabilities clipped away from 0 and 1."""
    inside = np.clip(np.asarray(values, dtype=float), EDGE, 1 - EDGE)
    return np.log(inside / (1 - inside))
