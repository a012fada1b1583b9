"""The number of texts of a collection that an encoder has not encoded yet."""

from __future__ import annotations

from collections.abc import Sequence

from hone.data.tables import Documents
from hone.encoders.encoder import TextEncoder
from hone.encoders.store import Lookup, keys_of


def count_missing(encoder: TextEncoder, documents: Documents, queries: Sequence[str] = ()) -> int:
    """The distinct documents and queries that the embedding cache lacks. It reads only keys.

    Args:
        encoder: the model with its prompts, length and precision.
        documents: the collection.
        queries: the texts of queries.
    """
    lookup, space = Lookup(), encoder.space("document")
    for chunk in documents.chunks():
        lookup.want(space, keys_of(chunk))
    if queries:
        lookup.want(encoder.space("query"), keys_of(queries))
    return lookup.absent()
