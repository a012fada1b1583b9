"""Whose ids a file of the user's has, where several collections are trained on: their ids may be alike, and a file has them bare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused, listed, nearest

if TYPE_CHECKING:
    from hone.data.training_set import TrainingCollection


def refuse_ambiguous(file: str, ids: pl.Series, what: str, ids_of: str | None, collections: Iterable[TrainingCollection]) -> None:
    """Raises Refused where a file names something that two collections have, and nobody said whose it is.

    Args:
        file: for the message.
        ids: `query_id` or `doc_id` as the file has them.
        what: `query` or `document`: what they are ids of.
        ids_of: the collection that the recipe names; null: none.
        collections: those that are trained on.
    """
    collections = list(collections)
    names = [collection.name for collection in collections]
    if ids_of is not None:
        if ids_of not in names:
            raise Refused(f"{file}: `ids_of: {ids_of}` is no collection that is trained on: {nearest(ids_of, names)}")
        return
    if len(collections) < 2:
        return
    asked = ids.unique(maintain_order=True)
    known = [collection.queries()["query_id"] if what == "query" else collection.documents.ids for collection in collections]
    there = pl.DataFrame(
        {
            one.name: (one.prefix + asked).is_in(of.implode()) if len(of) else pl.repeat(False, len(asked), eager=True)
            for one, of in zip(collections, known, strict=True)
        }
    )
    twice = (there.sum_horizontal() > 1).arg_true()
    if len(twice):
        both = [name for name, found in there.row(twice[0], named=True).items() if found]
        raise Refused(
            f"{file} names the {what} '{asked[twice[0]]}', which the collections {listed(both)} both have. Say with `ids_of: {both[0]}` "
            "whose ids the file has; the other collection may have a file of its own."
        )
