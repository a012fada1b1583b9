"""Which documents the rounds' sources would read, and by which of the loop's own models."""

from __future__ import annotations

import math

from hone.config import methods
from hone.config.stage_settings import NONE, StageSettings
from hone.layout import BASE

WHOLE = math.inf


def read_of_each_query(settings: dict[str, StageSettings], round: str) -> dict[str, float]:
    """Of each of the loop's models that a round mines with, how many documents of a query it reads at most.

    WHOLE stands for all documents of the collection. Teachers are left out: their speed is not what the probe measures.

    Args:
        settings: of every stage, as `resolve` gives them.
        round: whose sources and scorers.
    """
    retrieve, scorers = settings[f"rounds/{round}/retrieve"], settings[f"rounds/{round}/score"].scorers
    if retrieve.retrieve == NONE:
        return {}
    start, most = retrieve.parent, {}
    for line in retrieve.retrieve:
        for place, one in methods.with_held("retrieve", line):
            method = methods.find(place, one["method"])
            if "models" not in method.reads:
                continue
            pooled = method.beside("READS_WITHIN")
            if pooled or one["parameters"].get("model") == BASE:
                most[BASE] = WHOLE
            if one["parameters"].get("model") is None:
                most[start] = max(most.get(start, 0), one["parameters"][pooled] if pooled else WHOLE)
    scored = {
        name for line in scorers.values() for name in (line["parameters"].get("model", ""), *(line["parameters"].get("encoders") or ()))
    }
    if BASE in scored:
        most[BASE] = WHOLE
    if start not in most and None in scored:
        most[start] = WHOLE  # what the round's model scores, it reads: candidates of sources that need no model
    return most


def documents_read(sizes: dict[str, int], most: float) -> int:
    """Documents of a collection that a model reads at most, where it reads `most` of each query."""
    return sizes["documents"] if most == WHOLE else min(sizes["documents"], int(most) * sizes["train"])
