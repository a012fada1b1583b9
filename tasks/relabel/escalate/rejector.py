"""rejector: the pairs on which a small learned model expects this judge to err (arXiv 2006.01862; ours is logistic)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.errors import Refused
from hone.judging.reliability.rejector_features import features_of


def rejector(said: pl.DataFrame, evidence: list[dict], *, above: Annotated[float, Field(gt=0, lt=1)] = 0.2) -> pl.DataFrame:
    """Pairs that go on to the next judge.

    Args:
        said: query_id, doc_id, collection, rank, verdict, grade, probability, and stated: the probability before it was
            calibrated, which the model was learned from.
        evidence: what `hone judge check` found of this judge on each collection; its `rejector` holds the model: names of
            features, their mean and scale, a weight for each, an intercept.
        above: the probability of an error from which a pair goes on. [Hone default]

    Returns:
        query_id, doc_id; what the judge could not say goes on too.

    Raises:
        Refused: nobody has checked the judge on one of the collections.
    """
    models = {found["collection"]: found["rejector"] for found in evidence if not found["another"]}
    for name in said["collection"].unique(maintain_order=True):
        if name not in models:
            check = f"`hone judge check JUDGE --on {name}`"
            raise Refused(f"escalate: rejector needs to know where the judge, as it is now, errs on {name}: run {check} first.")
    sent = [expected_wrong(own, models[name], above) for (name,), own in said.group_by("collection", maintain_order=True)]
    return pl.concat([said.clear().select("query_id", "doc_id"), *sent])


def expected_wrong(said: pl.DataFrame, learned: dict | None, above: float) -> pl.DataFrame:
    """query_id, doc_id of one collection's pairs whose verdict is probably wrong, or is none; without a model the latter alone."""
    if learned is None:  # it was checked, and erred (or was right) too seldom for one to be learned
        return said.filter(pl.col("verdict") == "unknown").select("query_id", "doc_id")
    features = np.column_stack([features_of(said)[name] for name in learned["features"]])
    scaled = (features - np.array(learned["mean"])) / np.array(learned["scale"])
    error = 1 / (1 + np.exp(-(np.nan_to_num(scaled) @ np.array(learned["weights"]) + learned["intercept"])))
    return said.filter(pl.Series(error > above) | (pl.col("verdict") == "unknown")).select("query_id", "doc_id")
