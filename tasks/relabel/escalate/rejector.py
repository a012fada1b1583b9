"""rejector: the pairs on which a small fitted model expects an error of this judge (arXiv
2006.01862; Hone's model is logistic).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.errors import Refused
from hone.judging.reliability.rejector_features import features_of


def rejector(
    said: pl.DataFrame, evidence: list[dict], *, above: Annotated[float, Field(gt=0, lt=1)] = 0.2
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, collection, rank, verdict, grade, probability, and stated: the
            uncalibrated probability, on which the model was fitted.
        evidence: measurements of this judge per collection by `hone judge check`. `rejector` holds
            the model: names of features, their mean and scale, weights, an intercept.
        above: minimum probability of an error at which a pair is escalated. [Hone default]

    Returns:
        query_id, doc_id; unknown verdicts are escalated too.

    Raises:
        Refused: the judge has not been checked on one of the collections.
    """
    models = {found["collection"]: found["rejector"] for found in evidence if not found["another"]}
    for name in said["collection"].unique(maintain_order=True):
        if name not in models:
            check = f"`hone judge check JUDGE --collection {name}`"
            raise Refused(
                f"escalate: rejector has no error model of the judge's present version on {name}. "
                f"Run {check} first."
            )
    sent = [
        expected_wrong(own, models[name], above)
        for (name,), own in said.group_by("collection", maintain_order=True)
    ]
    return pl.concat([said.clear().select("query_id", "doc_id"), *sent])


def expected_wrong(verdicts: pl.DataFrame, learned: dict | None, above: float) -> pl.DataFrame:
    """query_id, doc_id of one collection's pairs whose verdict is probably wrong, or unknown;
    without a model only unknown verdicts.
    """
    if learned is None:  # the check had too few errors (or correct verdicts) to fit a model
        return verdicts.filter(pl.col("verdict") == "unknown").select("query_id", "doc_id")
    features = np.column_stack([features_of(verdicts)[name] for name in learned["features"]])
    scaled = (features - np.array(learned["mean"])) / np.array(learned["scale"])
    error = 1 / (
        1 + np.exp(-(np.nan_to_num(scaled) @ np.array(learned["weights"]) + learned["intercept"]))
    )
    return verdicts.filter(pl.Series(error > above) | (pl.col("verdict") == "unknown")).select(
        "query_id", "doc_id"
    )
