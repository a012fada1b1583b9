"""Training queries with their documents, as worked examples in a prompt."""

from __future__ import annotations

import polars as pl

from hone.errors import Refused
from hone.generation.prompt import Example
from hone.seeds import unit_hashes
from tasks.generate.context import GenerationContext


def choose_examples(
    documents: pl.DataFrame,
    collection: GenerationContext,
    number: int,
    asked: str = "query",
) -> list[list[Example]]:
    """The same training queries for every document, so that a server caches the prompt. An example
    about the document itself is replaced by the next.

    Args:
        documents: doc_id of each call.
        collection: with the training queries.
        number: of examples in a prompt.
        asked: which text stands last in an example, as the model writes it: `query` or `document`.

    Raises:
        Refused: the collection has no training query to show.
    """
    known = draw_pairs(collection, number + 1)
    if known.is_empty():
        raise Refused(
            f"the prompt shows training queries as examples, and the collection {collection.name} "
            "has none. Use a prompt without examples, or add labelled training queries."
        )
    order = ("document", "query") if asked == "query" else ("query", "document")
    found = [
        (row["doc_id"], tuple((name, row[name]) for name in order))
        for row in known.iter_rows(named=True)
    ]
    return [
        [example for other, example in found if other != doc_id][:number]
        for doc_id in documents["doc_id"]
    ]


def draw_pairs(collection: GenerationContext, number: int) -> pl.DataFrame:
    """query, doc_id, document: training queries with their first positive, in the order of a hash
    of their text.
    """
    pairs = collection.training_pairs.unique("query_id", keep="first", maintain_order=True)
    places = pl.Series("place", unit_hashes(pairs["text"].to_list(), collection.seed))
    drawn = pairs.with_columns(places).sort("place").head(number)
    texts = collection.texts(drawn["doc_id"].unique(maintain_order=True))
    return drawn.join(
        texts.rename({"text": "document"}), on="doc_id", how="inner", maintain_order="left"
    ).select("doc_id", "document", query="text")
