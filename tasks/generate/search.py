"""Documents that BM25 finds for texts, as the material of a method."""

from __future__ import annotations

import polars as pl

from tasks.generate.context import GenerationContext

TEXTS_PER_BLOCK = 4096
FOUND = {"row": pl.UInt32, "doc_id": pl.String, "document": pl.String}


def search_documents(texts: pl.Series, collection: GenerationContext, depth: int) -> pl.DataFrame:
    """row (in `texts`), doc_id, document: the first documents for each text that share a term with
    it, in order.

    Args:
        texts: the search texts.
        collection: with its BM25 index.
        depth: number of documents per text.
    """
    index = collection.bm25
    if index.found is None or texts.is_empty():
        return pl.DataFrame(schema=FOUND)
    parts = []
    for start in range(0, len(texts), TEXTS_PER_BLOCK):
        terms = index.words.of(texts[start : start + TEXTS_PER_BLOCK])
        places, scores = index.best(terms, depth)
        rows, ranks = (scores > 0).nonzero()
        parts.append(
            pl.DataFrame(
                {"row": start + rows, "doc_id": collection.doc_ids.gather(places[rows, ranks])}
            )
        )
    found = pl.concat(parts)
    documents = collection.texts(found["doc_id"].unique(maintain_order=True))
    return (
        found.join(
            documents.rename({"text": "document"}), on="doc_id", how="inner", maintain_order="left"
        )
        .select(list(FOUND))
        .cast(FOUND)
    )
