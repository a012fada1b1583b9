"""Which collection the ids of a user's file belong to, if several training collections have
equal ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused, listed, nearest

if TYPE_CHECKING:
    from hone.data.training_set import TrainingCollection


def refuse_ambiguous(
    file: str,
    ids: pl.Series,
    what: str,
    ids_of: str | None,
    collections: Iterable[TrainingCollection],
) -> None:
    """Raise Refused if a file names an id that two collections have. A recipe that names one of
    them is accepted.

    Args:
        file: for the message.
        ids: `query_id` or `doc_id` values of the file.
        what: `query` or `document`, the kind of the ids.
        ids_of: the collection named by the recipe. Null: none.
        collections: the training collections.
    """
    collections = list(collections)
    names = [collection.name for collection in collections]
    if ids_of is not None:
        if ids_of not in names:
            raise Refused(
                f"{file}: `ids_of: {ids_of}` is not a training collection; {nearest(ids_of, names)}"
            )
        return
    if len(collections) < 2:
        return
    unique_ids = ids.unique(maintain_order=True)
    known = [
        collection.queries()["query_id"] if what == "query" else collection.documents.ids
        for collection in collections
    ]
    is_known = pl.DataFrame(
        {
            one.name: (one.prefix + unique_ids).is_in(of.implode())
            if len(of)
            else pl.repeat(False, len(unique_ids), eager=True)
            for one, of in zip(collections, known, strict=True)
        }
    )
    twice = (is_known.sum_horizontal() > 1).arg_true()
    if len(twice):
        both = [name for name, found in is_known.row(twice[0], named=True).items() if found]
        raise Refused(
            f"{file} names the {what} '{unique_ids[twice[0]]}', which exists in both collections "
            f"{listed(both)}. Write `ids_of: "
            f"{both[0]}` to select the collection of the ids. Use a separate file for the other "
            "collection."
        )
