"""The rate of each pair of a click log, with its interval: click rates, or the position-based
model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from hone.clicks.click_rates import wilson_bounds
from hone.clicks.position_based import Fitted, Shown, attractiveness_bounds, fit, harvest
from hone.errors import Refused

ClickModel = Literal["counts", "position-based"]
Propensities = Literal["harvested", "joint"]
PAIR = ["query_id", "doc_id"]
POSITIONS = 5  # propensities in a message
DIGITS = 4  # of a propensity in about.json


@dataclass(frozen=True)
class Rates:
    """The rates of all pairs.

    Attributes:
        pairs: query_id, doc_id, impressions, clicks, position (mean), rate, low, high.
        about: the estimate for about.json.
        notes: sentences for the log.
    """

    pairs: pl.DataFrame
    about: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def estimate_rates(
    shown: pl.DataFrame, model: ClickModel, propensities: Propensities, smoothing: float
) -> Rates:
    """The rate of each pair.

    Args:
        shown: query_id, doc_id, position, impressions, clicks, sorted.
        model: the click model.
        propensities: how the position-based model estimates them.
        smoothing: the strength of its prior, in impressions.

    Raises:
        Refused: the position-based model cannot be estimated.
    """
    pairs = pairs_of(shown).cast({"query_id": pl.String, "doc_id": pl.String})
    if model == "counts" or shown.is_empty():
        low, high = wilson_bounds(pairs["clicks"].to_numpy(), pairs["impressions"].to_numpy())
        rate = pl.col("clicks") / pl.col("impressions")
        found = pairs.with_columns(rate=rate, low=pl.Series(low), high=pl.Series(high))
        return Rates(found, notes=() if model != "counts" else suggest_model(shown))
    if shown["clicks"].sum() == shown["impressions"].sum():
        raise Refused(
            "every row of the click log is a click, so the position-based model cannot separate "
            "positions from documents. Add the impressions without a click, or set `options: "
            "{model: counts}`."
        )
    counted = numbered(shown)
    fitted = fit(counted, joint=propensities == "joint", smoothing=smoothing)
    low, high = attractiveness_bounds(counted, fitted.parameters.theta)
    found = pairs.with_columns(
        rate=pl.Series(fitted.parameters.alpha), low=pl.Series(low), high=pl.Series(high)
    )
    return Rates(found, about_model(counted, fitted), describe_model(counted, fitted))


def suggest_model(shown: pl.DataFrame) -> tuple[str, ...]:
    """A sentence if positions are known and linked, so that their effect could be corrected."""
    if shown.is_empty() or shown["position"].null_count() or shown["position"].n_unique() < 2:
        return ()
    theta, linked = harvest(numbered(shown))
    if not linked.all():
        return ()
    return (
        f"documents at the last position ({shown['position'].max()}) are clicked "
        f"{float(theta[-1]):.2f} times as often as the same documents at the first one. `model: "
        "position-based` corrects for this",
    )


def pairs_of(shown: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, impressions, clicks, position (mean over the impressions with one)."""
    placed = pl.when(pl.col("position").is_not_null()).then("impressions")
    return (
        shown.group_by(PAIR, maintain_order=True)
        .agg(
            pl.col("impressions").sum(),
            pl.col("clicks").sum(),
            position=(pl.col("position") * pl.col("impressions")).sum() / placed.sum(),
        )
        .with_columns(pl.col("position").fill_nan(None))
    )


def numbered(shown: pl.DataFrame) -> Shown:
    """Impressions and clicks as arrays. Pairs are numbered in the order of `pairs_of`."""
    positions = shown["position"].unique().sort().to_numpy()
    return Shown(
        pair=shown.select(pl.struct(PAIR).rle_id())["query_id"].to_numpy().astype(np.int64),
        place=np.searchsorted(positions, shown["position"].to_numpy()),
        impressions=shown["impressions"].to_numpy().astype(np.float64),
        clicks=shown["clicks"].to_numpy().astype(np.float64),
        positions=positions,
    )


def about_model(shown: Shown, fitted: Fitted) -> dict[str, Any]:
    """The estimate as JSON values."""
    theta = fitted.parameters.theta
    return {
        "position_based": {
            "steps": len(fitted.likelihoods) - 1,
            "converged": fitted.converged,
            "log_posterior": fitted.likelihoods[-1],
            "propensities": {
                str(position): round(float(value), DIGITS)
                for position, value in zip(shown.positions, theta, strict=True)
            },
            "unlinked_positions": [
                int(position)
                for position, linked in zip(shown.positions, fitted.linked, strict=True)
                if not linked
            ],
        }
    }


def describe_model(shown: Shown, fitted: Fitted) -> tuple[str, ...]:
    """The estimate in sentences, with what makes it unreliable."""
    theta, count = fitted.parameters.theta, len(shown.positions)
    first = ", ".join(
        f"{position}: {value:.2f}"
        for position, value in list(zip(shown.positions, theta, strict=True))[:POSITIONS]
    )
    steps = len(fitted.likelihoods) - 1
    sentences = [f"position-based model after {steps:,} steps, propensities: {first}"]
    if not fitted.converged:
        sentences.append(
            "the position-based model has not converged, so its propensities are approximate"
        )
    unlinked = count - int(fitted.linked.sum())
    if unlinked:
        sentences.append(
            f"{unlinked:,} of {count:,} positions share no clicked document with the first one, so "
            "their propensities are guesses from their click rates. Show some documents at several "
            "positions, or set `model: counts`"
        )
    return tuple(sentences)
