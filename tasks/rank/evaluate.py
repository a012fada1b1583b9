"""Evaluation of a ranker: nDCG@10 on dev queries before and after reranking an encoder's
results.
"""

from __future__ import annotations

import polars as pl

from hone.data.training_set import TrainingCollection
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.encoder import Encoder
from hone.encoders.search import as_table, nearest, rows_of
from hone.ir.measures import per_query
from hone.ir.ranking import RankingPart, aggregated, units

MEASURE = "ndcg_at_10"


def reranked(
    scorer: CrossScorer, encoder: Encoder, collection: TrainingCollection, depth: int
) -> dict | None:
    """Rerank an encoder's results for a collection's dev queries. Null if it has none.

    Args:
        scorer: the ranker.
        encoder: the retriever.
        collection: documents, dev queries and their labels.
        depth: number of retrieved and reranked documents of each query. Documents below never
            count.

    Returns:
        `queries`, `depth`, `before` and `after` (mean nDCG@10), `better` and `worse` (queries).
    """
    qrels = collection.qrels("dev")
    if qrels.is_empty():
        return None
    queries, documents = collection.queries("dev"), collection.documents
    query_vectors, document_vectors = (
        encoder.queries(queries["text"].to_list()),
        encoder.documents(documents),
    )
    found = as_table(
        queries["query_id"], documents.ids, *nearest(query_vectors, document_vectors, depth)
    )
    texts = documents.texts(found["doc_id"].unique())
    rows = rows_of(found.select("query_id", "doc_id"), queries["query_id"], texts["doc_id"])
    logits = scorer.logits(queries["text"].to_list(), texts["full_text"].to_list(), rows)
    anew = found.with_columns(score=pl.Series(logits, dtype=pl.Float32)).sort(
        "query_id", "score", descending=[False, True]
    )
    unit, ranking_part = units(documents, qrels), RankingPart(itself=collection.own_id == "keep")
    before, after = (
        per_query(aggregated(run, unit, ranking_part), qrels, collection.min_relevance)[MEASURE]
        for run in (found, anew)
    )
    return {
        "queries": len(before),
        "depth": depth,
        "before": float(before.mean()),
        "after": float(after.mean()),
        "better": int((after > before).sum()),
        "worse": int((after < before).sum()),
    }
