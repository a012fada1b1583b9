"""The outputs of the current checkout's stages."""

from __future__ import annotations

from pathlib import Path

from hone.config.params import Params
from hone.errors import Refused, nearest
from hone.layout import ROUNDS


def round_folder(round: str) -> Path:
    """The folder of a round's tables.

    Raises:
        Refused: the round does not exist.
    """
    rounds = sorted(
        folder.name
        for folder in ROUNDS.glob("*")
        if folder.is_dir() and not folder.name.startswith(".")
    )
    if round not in rounds:
        hint = nearest(round, rounds) if rounds else "run `dvc repro` first"
        raise Refused(f"Round '{round}' is not in {ROUNDS}/: {hint}")
    return ROUNDS / round


def min_relevance(given: Params, collection: str) -> int:
    """The lowest relevance grade that counts as relevant in a collection.

    Raises:
        Refused: the collection is no longer in params.yaml.
    """
    if collection not in given.collections:
        known = nearest(collection, list(given.collections))
        raise Refused(
            f"The evaluated collection '{collection}' is no longer in params.yaml: {known}. "
            "Restore it, or use --collection."
        )
    return given.collections[collection].min_relevance
