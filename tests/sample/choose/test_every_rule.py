"""What holds of every rule that chooses, whatever the pool. `spread`, which wants a model, has
tests of its own.
"""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sample.choose.pools import chosen, pool_of, tables_of

QUERIES = ("q1", "q2", "q3", "q4")
DOCUMENTS = tuple(f"d{number:02}" for number in range(12))
RULES = {
    "top": [{}, {"by": "dense"}],
    "random": [{}],
    "rank-window": [
        {"range_min": 0, "range_max": None},
        {"range_min": 0, "range_max": 40, "draw": "random"},
    ],
    "simans": [{}, {"form": "code", "b": 1.0}, {"form": "absolute", "scale": "raw"}],
    "bins": [{}, {"bins": 1}],
    "soft-cap": [{}, {"penalty": 5, "passes": 1}],
}
CASES = [(name, parameters) for name, listed in RULES.items() for parameters in listed]
number = st.floats(-2, 2, width=32)
pools = st.dictionaries(
    st.sampled_from(QUERIES),
    st.dictionaries(st.sampled_from(DOCUMENTS), number, min_size=1),
    min_size=1,
)


@pytest.mark.parametrize(("name", "parameters"), CASES)
@given(
    found=pools,
    positives=st.dictionaries(st.sampled_from(QUERIES), number),
    n=st.integers(1, 6),
    seed=st.integers(0, 3),
)
def test_rows_of_the_pool_at_most_n_none_twice(
    name: str, parameters: dict, found: dict, positives: dict, n: int, seed: int
):
    pool = pool_of(found)
    tables = tables_of(pool, positives or {"q1": 0.3}) | {"seed": seed}
    taken = chosen(name, tables, n=n, **parameters)
    assert taken.columns == pool.columns
    assert taken.is_unique().all()
    assert taken.join(pool, on=pool.columns, how="semi").height == taken.height
    counts = dict(taken.group_by("query_id").len().iter_rows())
    assert counts == {query: min(n, len(docs)) for query, docs in found.items()}
    assert taken["query_id"].unique(maintain_order=True).to_list() == list(found)
    assert taken["query_id"].rle_id().max() == len(found) - 1
    assert taken.equals(chosen(name, tables, n=n, **parameters))


@pytest.mark.parametrize("name", ["random", "simans", "bins"])
def test_seeds_and_rounds_draw_anew(name: str):
    tables = tables_of(
        pool_of(
            {query: {doc: place / 12 for place, doc in enumerate(DOCUMENTS)} for query in QUERIES}
        )
    )
    drawn = [
        chosen(name, tables | other, n=4) for other in ({}, {"seed": 14}, {"draws": "position 2"})
    ]
    assert not drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_nothing_of_an_empty_pool(name: str, parameters: dict):
    tables = tables_of(pool_of({"q1": {"d01": 0.5}}))
    taken = chosen(name, tables | {"pool": tables["pool"].clear()}, **parameters)
    assert taken.is_empty()
    assert taken.schema == tables["pool"].schema


@pytest.mark.parametrize("name", RULES)
def test_rows_of_a_query_must_stand_together(name: str):
    pool = pl.concat(
        [pool_of({"q1": {"d01": 0.5}, "q2": {"d01": 0.4}}), pool_of({"q1": {"d02": 0.3}})]
    )
    with pytest.raises(ValueError, match="are not adjacent"):
        chosen(name, tables_of(pool))
