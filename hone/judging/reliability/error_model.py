"""A model of a judge's errors, fitted on pairs whose truth is known, for `escalate: rejector`."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.judging.reliability.rejector_features import features_of

LEAST = 20  # minimum number of errors, and of correct verdicts [Hone default]


def errors_of(judged: pl.DataFrame, truth: np.ndarray) -> dict | None:
    """A logistic model of the probability that the verdict is wrong.

    Args:
        judged: verdict, probability, grade, rank, without unknown verdicts; rank is null for pairs
            that were not ranked.
        truth: whether each pair is relevant.

    Returns:
        features, mean, scale, weights, intercept; null with fewer than 20 errors or correct
        verdicts, or without features that vary.
    """
    from sklearn.linear_model import LogisticRegression

    wrong = (judged["verdict"].cast(pl.String) == "positive").to_numpy() != np.asarray(
        truth, dtype=bool
    )
    if min(wrong.sum(), (~wrong).sum()) < LEAST:
        return None
    columns = {
        name: values
        for name, values in features_of(judged).items()
        if np.isfinite(values).any() and np.nanstd(values) > 0
    }
    if not columns:
        return None
    values = np.column_stack(list(columns.values()))
    centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    fitted = LogisticRegression(max_iter=1000).fit(np.nan_to_num((values - centre) / scale), wrong)
    return {
        "features": list(columns),
        "mean": centre.tolist(),
        "scale": scale.tolist(),
        "weights": fitted.coef_[0].tolist(),
        "intercept": float(fitted.intercept_[0]),
    }
