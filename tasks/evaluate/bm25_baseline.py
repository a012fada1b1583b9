"""BM25's ranking for evaluation, in the form of an encoder's."""

from __future__ import annotations

import polars as pl

from hone.data.tables import Documents
from hone.ir.ranking import FIRST, Kept, aggregated, pairs_of, sorted_by_score, units
from hone.text.bm25 import ranked, scores_of


def by_words(queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame, kept: Kept = FIRST, *, language: str) -> pl.DataFrame:
    """The best documents of every query by its words, chunks standing for their parents as in `by_encoder`.

    A document without a common word is left out, but for one that must be ranked: it has 0.
    """
    if kept.among is not None:
        scored = scores_of(pairs_of(kept.among, queries), queries, documents, language)
        return aggregated(sorted_by_score(scored, queries), None, kept)
    unit = units(documents, qrels)
    depth = kept.depth + 1 if unit is None else 10 * kept.depth
    return aggregated(ranked(queries, documents, language, depth=depth), unit, kept)
