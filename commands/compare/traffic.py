"""`hone compare --weight traffic`: each query counts as often as users searched for it."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.traffic import read_traffic, weights_of
from hone.errors import Refused, nearest

TRAFFIC = "traffic"


def refuse_weight(weight: str | None, others: dict[str, str | None]) -> None:
    """Raise Refused if the weight does not exist, or is combined with another option.

    Args:
        weight: the value of --weight; null: equal weights.
        others: the values of options that cannot be weighted.
    """
    if weight is None:
        return
    if weight != TRAFFIC:
        raise Refused(f"--weight {weight}: {nearest(weight, [TRAFFIC])}")
    for option, value in others.items():
        if value is not None:
            raise Refused(f"--weight cannot be combined with {option}. Run them separately.")


def weigh_queries(values: dict[str, pl.DataFrame], weight: str | None) -> dict[str, np.ndarray]:
    """The number of searches of each compared query, by collection. Empty without a weight.

    Args:
        values: query_id, split of the compared queries, by collection.
        weight: the value of --weight; null: equal weights.

    Raises:
        Refused: the searches of a collection's queries are unknown.
    """
    found = {}
    for name, frame in values.items() if weight else ():
        traffic = read_traffic(name, frame["split"][0])
        weights = None if traffic is None else weights_of(frame["query_id"], traffic)
        if weights is None:
            raise Refused(
                f"--weight traffic: the searches of the queries of {name} are unknown. Only a "
                "collection with `source: clicks` has them. Name one with --collection."
            )
        found[name] = weights.to_numpy()
    return found
