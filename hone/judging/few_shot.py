"""Worked comparisons for a judge, from the training queries most similar to its query (pairwise
few-shot) [abstract only].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from hone.data.questions import Questions
from hone.encoders.round_encoders import encoder_of
from hone.judging.context import Desk
from hone.judging.prompt import Example
from hone.layout import BASE

QUERIES_AT_ONCE = 4096  # training queries whose similarities are in memory


def examples(questions: Questions, desk: Desk, n: int) -> dict[str, list[Example]]:
    """Up to `n` examples (query, better passage, worse passage) for each query.

    The better passage is a labelled positive of a similar training query. The worse one is a
    labelled positive of the query that is next in similarity to the judged query: on the same
    topic, but the answer to another question. Both choices are Hone defaults.

    Args:
        questions: their queries receive examples.
        desk: its base model measures similarity, so that every round shows the same examples and
            their cost is paid once. Its training set contains the queries. Without a base model or
            a training set there are no examples.
        n: number of examples per query.
    """
    if not n or desk.models is None or desk.training is None or questions.queries.is_empty():
        return {}
    known = answered(desk)
    encoder = encoder_of(desk.models, BASE)
    judged_queries = questions.queries
    texts = pl.concat([judged_queries["text"], known["text"]]).to_list()
    vectors = encoder.queries(texts)
    # n for the better passages, one more for the last worse passage, and room for the query itself
    # and its copies.
    near = nearest(vectors.take(slice(0, len(judged_queries))), vectors, len(judged_queries), n + 8)
    documents = desk.training.texts(known["doc_id"].unique()).select("doc_id", "full_text")
    passages = dict(documents.iter_rows())
    rows = known.select("text", "doc_id").rows()
    return {
        query_id: triples(text, [rows[place] for place in order], passages, n)
        for (query_id, text), order in zip(
            judged_queries.select("query_id", "text").iter_rows(), near, strict=True
        )
    }


def answered(desk: Desk) -> pl.DataFrame:
    """query_id, text and the first labelled positive (doc_id) of every training query that has
    one.
    """
    parts = []
    for collection in desk.training:
        good = collection.qrels().filter(pl.col("relevance") >= collection.min_relevance)
        first = good.unique("query_id", keep="first", maintain_order=True).select(
            "query_id", "doc_id"
        )
        parts.append(
            collection.queries()
            .select("query_id", "text")
            .join(first, on="query_id", how="inner", maintain_order="left")
        )
    return pl.concat(parts)


def nearest(query_vectors: np.ndarray, vectors, start: int, n: int) -> np.ndarray:
    """Positions of the `n` training queries most similar to each judged query, best first: array
    [queries, n].

    Args:
        query_vectors: of the judged queries [queries, d].
        vectors: of the judged queries, followed by the training queries.
        start: position of the first training query.
        n: number of neighbors.
    """
    count = len(query_vectors)
    scores, places = np.empty((count, 0), np.float32), np.empty((count, 0), np.int64)
    for first in range(start, len(vectors), QUERIES_AT_ONCE):
        part = slice(first, min(first + QUERIES_AT_ONCE, len(vectors)))
        block = query_vectors @ vectors.take(part).T
        here = np.broadcast_to(np.arange(block.shape[1]) + first - start, block.shape)
        scores, places = np.hstack([scores, block]), np.hstack([places, here])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
        scores, places = np.take_along_axis(scores, best, 1), np.take_along_axis(places, best, 1)
    return places


def triples(
    query: str, similar: Sequence[tuple[str, str]], passages: dict[str, str], n: int
) -> list[Example]:
    """Examples from similar queries (text, doc_id of a positive), best first; the query itself is
    excluded.

    Two neighbors with the same positive are not a contrast, so the next neighbor's positive is
    used.
    """
    others = [
        (text, passages[doc_id])
        for text, doc_id in similar
        if text.strip() != query.strip() and doc_id in passages
    ]
    total: list[Example] = []
    for place, (text, better) in enumerate(others):
        worse = next(
            (
                passage
                for other, passage in others[place + 1 :]
                if passage != better and other != text
            ),
            None,
        )
        if worse is None or len(total) == n:
            break
        total.append((text, better, worse))
    return total
