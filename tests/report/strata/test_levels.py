"""What holds of every stratum: a query has one level at most, and it is one that the stratum
names.
"""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.compare.query_strata import PLACE, list_strata
from hone.config import methods
from hone.errors import Refused

QUERIES, DOCUMENTS = [f"q{number}" for number in range(5)], [f"d{number}" for number in range(5)]
WORDS = st.lists(
    st.sampled_from(["sort", "rows", "the", "matrices", "graph"]), min_size=1, max_size=4
).map(" ".join)
PAIRS = st.lists(
    st.tuples(st.sampled_from(QUERIES), st.sampled_from(DOCUMENTS)), unique=True, min_size=1
)
DATES = st.lists(
    st.tuples(st.sampled_from(["numpy", "calendar"]), st.sampled_from(["1.2", "1.10", "2021-03"])),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(
    right=PAIRS,
    ranked=PAIRS,
    texts=st.lists(WORDS, min_size=10, max_size=10),
    lengths=st.lists(st.integers(1, 9), min_size=5),
    dates=DATES,
)
def test_each_query_has_one_level_that_is_named(
    right: list, ranked: list, texts: list[str], lengths: list[int], dates: list
):
    pairs = pl.DataFrame(right, schema=["query_id", "doc_id"], orient="row")
    found = pl.DataFrame(ranked, schema=["query_id", "doc_id"], orient="row")
    documents = pl.DataFrame({"doc_id": DOCUMENTS, "text": texts[:5]})
    known = [(doc, *date) for doc, date in zip(DOCUMENTS, dates, strict=False)]
    tables = {
        "queries": pl.DataFrame({"query_id": QUERIES, "text": texts[5:]}),
        "right": pairs,
        "words": found.with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id")),
        "answers": pairs.join(documents, on="doc_id"),
        "rivals": found.unique("query_id", keep="first", maintain_order=True).join(
            documents, on="doc_id"
        ),
        "training": pl.DataFrame({"text": texts[:2]}),
        "lengths": pl.DataFrame({"doc_id": DOCUMENTS, "tokens": lengths[:5]}),
        "limit": 5,
        "language": "english",
        "dates": pl.DataFrame(
            known, schema={"doc_id": pl.String, "clock": pl.String, "date": pl.String}, orient="row"
        ),
    }
    for name in list_strata():
        method = methods.find(PLACE, name)
        try:
            made = method({}, **tables)
        except Refused:
            assert name == "dated"
            continue
        assert made["query_id"].is_unique().all()
        assert set(made["level"]) <= set(method.beside("LEVELS"))
        assert set(made["query_id"]) <= set(QUERIES)
