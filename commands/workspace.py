"""Where the current checkout keeps what its stages made."""

from __future__ import annotations

from pathlib import Path

from hone.config.params import Params
from hone.errors import Refused, nearest
from hone.layout import ROUNDS


def round_folder(round: str) -> Path:
    """The folder of a round's tables.

    Raises:
        Refused: there is none of that name.
    """
    there = sorted(folder.name for folder in ROUNDS.glob("*") if folder.is_dir() and not folder.name.startswith("."))
    if round not in there:
        hint = nearest(round, there) if there else "`dvc repro` makes them"
        raise Refused(f"there is no round '{round}' in {ROUNDS}/: {hint}")
    return ROUNDS / round


def min_relevance(given: Params, collection: str) -> int:
    """The grade from which on a document of a collection is right.

    Raises:
        Refused: params.yaml does not know the collection any more.
    """
    if collection not in given.collections:
        known = nearest(collection, list(given.collections))
        raise Refused(f"'{collection}' was evaluated once and is no collection of params.yaml now: {known}. Put it back, or use --on.")
    return given.collections[collection].min_relevance
