"""The number of documents that each model of the loop would read for mining."""

from __future__ import annotations

import math

from hone.config import methods
from hone.config.stage_settings import NONE, StageSettings
from hone.layout import BASE

WHOLE = math.inf


def read_of_each_query(settings: dict[str, StageSettings], round: str) -> dict[str, float]:
    """The largest number of documents per query that each model of the loop reads when a round
    mines.

    WHOLE means all documents of the collection. Teachers are excluded, because the probe does not
    measure their speed.

    Args:
        settings: the settings of every stage, from `resolve`.
        round: the round that mines.
    """
    retrieve, scorers = (
        settings[f"rounds/{round}/retrieve"],
        settings[f"rounds/{round}/score"].scorers,
    )
    if retrieve.retrieve == NONE:
        return {}
    start, most = retrieve.parent, {}
    for line in retrieve.retrieve:
        for place, one in methods.with_inner_lines("retrieve", line):
            method = methods.find(place, one["method"])
            if "models" not in method.reads:
                continue
            pooled = method.beside("READS_WITHIN")
            if pooled or one["parameters"].get("model") == BASE:
                most[BASE] = WHOLE
            if one["parameters"].get("model") is None:
                most[start] = max(
                    most.get(start, 0), one["parameters"][pooled] if pooled else WHOLE
                )
    scored = {
        name
        for line in scorers.values()
        for name in (
            line["parameters"].get("model", ""),
            *(line["parameters"].get("encoders") or ()),
        )
    }
    if BASE in scored:
        most[BASE] = WHOLE
    if start not in most and None in scored:
        most[start] = WHOLE  # the scorer encodes candidates even if no source does
    return most


def documents_read(sizes: dict[str, int], most: float) -> int:
    """The largest number of documents of a collection that a model reads at `most` documents per
    query.
    """
    return (
        sizes["documents"] if most == WHOLE else min(sizes["documents"], int(most) * sizes["train"])
    )
