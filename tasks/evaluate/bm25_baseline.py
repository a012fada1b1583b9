"""BM25's ranking for evaluation, in the same form as an encoder's."""

from __future__ import annotations

import polars as pl

from hone.data.tables import Documents
from hone.ir.ranking import FIRST, RankingPart, aggregated, pairs_of, sorted_by_score, units
from hone.text.bm25 import ranked, scores_of


def by_words(
    queries: pl.DataFrame,
    documents: Documents,
    qrels: pl.DataFrame,
    ranking_part: RankingPart = FIRST,
    *,
    language: str,
) -> pl.DataFrame:
    """The BM25 ranking of every query. Parents represent their chunks, as in `by_encoder`.

    Documents without a common word are omitted, except in reranking tasks, where they score 0.
    """
    if ranking_part.among is not None:
        scored = scores_of(pairs_of(ranking_part.among, queries), queries, documents, language)
        return aggregated(sorted_by_score(scored, queries), None, ranking_part)
    unit = units(documents, qrels)
    depth = ranking_part.depth + 1 if unit is None else 10 * ranking_part.depth
    return aggregated(ranked(queries, documents, language, depth=depth), unit, ranking_part)
