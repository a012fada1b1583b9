"""top: by rank, or by a scorer's order."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tests.sample.choose.pools import chosen, docs, pool_of, tables_of

SCHEMA = {"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32, "scorer": pl.String}


def scored(
    tables: dict, rows: list[tuple[str, str, float | None]], scorer: str = "ensemble"
) -> dict:
    """The tables with what another scorer gave."""
    theirs = pl.DataFrame([(*row, scorer) for row in rows], schema=SCHEMA, orient="row")
    return tables | {"scores": pl.concat([tables["scores"].select(list(SCHEMA)), theirs])}


def test_the_order_is_a_scorers_where_one_is_named():
    """The pool ranks a, b, c, d; the ensemble gives b .9, d .9, a .2 and c nothing: b before d
    (rank), then a, then c.
    """
    tables = tables_of(pool_of({"q": {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}}))
    tables = scored(
        tables, [("q", "a", 0.2), ("q", "b", 0.9), ("q", "d", 0.9), ("q", "c", float("nan"))]
    )
    assert docs(chosen("top", tables, n=2)) == ["a", "b"]
    assert docs(chosen("top", tables, n=4, by="ensemble")) == ["b", "d", "a", "c"]
    assert docs(chosen("top", tables, n=1, by="ensemble")) == ["b"]


def test_a_scorer_that_scored_nothing_is_refused_with_the_nearest_name():
    tables = scored(tables_of(pool_of({"q": {"a": 0.9}})), [("q", "a", 0.2)])
    with pytest.raises(
        Refused, match="top needs the scores of 'ensembel', which has none; did you mean 'ensemble'"
    ):
        chosen("top", tables, by="ensembel")


@given(
    st.dictionaries(
        st.sampled_from("pq"),
        st.dictionaries(st.sampled_from("abcdef"), st.integers(-3, 3), min_size=1),
        min_size=1,
    )
)
def test_by_a_score_it_is_a_stable_sort_of_each_query(given_scores: dict[str, dict[str, int]]):
    pool = pool_of({query: dict.fromkeys(scores, 0.5) for query, scores in given_scores.items()})
    tables = scored(
        tables_of(pool),
        [
            (query, doc, float(score))
            for query, scores in given_scores.items()
            for doc, score in scores.items()
        ],
    )
    taken = chosen("top", tables, n=3, by="ensemble")
    for query, scores in given_scores.items():
        assert docs(taken, query) == sorted(scores, key=lambda doc: -scores[doc])[:3]
