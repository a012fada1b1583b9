"""Documents with the same id as a query. In a few collections they are the query itself, elsewhere
unrelated texts.

BEIR's evaluator removes them from every ranking (`ignore_identical_ids`). The reason is that the
queries of ArguAna and Quora are documents of the same collection (Thakur et al., BEIR, arXiv
2104.08663). Elsewhere equal ids mean nothing: tables whose rows are numbered from 1 share all of
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    # settings use OwnId, and a process that only reads settings must not load polars (see
    # hone/pipeline/graph.py)
    import polars as pl

OwnId = Literal["keep", "drop"]

QUERIES_ARE_DOCUMENTS = frozenset({"arguana", "quora"})  # published BEIR collections


def own_id_of(source: str, given: OwnId | None) -> OwnId:
    """Whether a collection keeps or drops the document with the query's own id.

    Args:
        source: the collection's source in params.yaml.
        given: its setting `own_id`. Null: the default of the source.
    """
    kind, _, name = source.partition(":")
    return given or ("drop" if kind == "beir" and name.lower() in QUERIES_ARE_DOCUMENTS else "keep")


def own_pairs(query_ids: pl.Series, doc_ids: pl.Series) -> pl.DataFrame:
    """query_id, doc_id of every query whose id is also a document id, in the order of the
    queries.
    """
    import polars as pl

    own = query_ids.filter(query_ids.is_in(doc_ids.implode()))
    return pl.DataFrame({"query_id": own, "doc_id": own})
