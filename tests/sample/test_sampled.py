"""Negatives from candidates: what is chosen, what is removed, and that nothing is lost between."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import methods, tables
from tasks.sample.__main__ import sampled

PAIR = ["query_id", "doc_id"]
QUERIES = ("q1", "q2", "q3")
DOCUMENTS = tuple(f"d{number:02}" for number in range(12))


@dataclass(frozen=True)
class Training:
    """As much of a training set as sampling asks for."""

    def queries(self) -> pl.DataFrame:
        return pl.DataFrame({"query_id": QUERIES, "text": ["one", "two", "three"], "collection": "c"})

    def texts(self, ids) -> pl.DataFrame:
        wanted = sorted(set(ids))
        return pl.DataFrame(
            {"doc_id": wanted, "full_text": [f"a text about {doc}" for doc in wanted], "parent_id": [None] * len(wanted)},
            schema={"doc_id": pl.String, "full_text": pl.String, "parent_id": pl.String},
        )


def labels(*pairs: tuple[str, str]) -> pl.DataFrame:
    return tables.shaped("labels", pl.DataFrame({"query_id": [a for a, _ in pairs], "doc_id": [b for _, b in pairs], "label": "positive"}))


KNOWN = labels(("q1", "d00"), ("q2", "d01"), ("q3", "d02"))


def candidates(ranked: dict[str, list[str]], source: str = "dense") -> pl.DataFrame:
    rows = [(query, doc, source, rank, 1.0 - rank / 100) for query, docs in ranked.items() for rank, doc in enumerate(docs, start=1)]
    return tables.shaped("candidates", pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"))


def section(**given) -> dict:
    made = {"keep": ["labelled"], "choose": {"top": {"n": 1}}, "on_shortage": "fewer"} | given
    return {
        "seed": 13,
        "round": "r1",
        "sample": {
            "keep": [methods.checked("sample.keep", line, "test") for line in made["keep"]],
            "choose": methods.checked("sample.choose", made["choose"], "test"),
            "window": {"first": 1, "last": None, "counted": "after"} | made.get("window", {}),
            "on_shortage": made["on_shortage"],
        },
    }


def sample(found: pl.DataFrame, known: pl.DataFrame = KNOWN, **given) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    scores = tables.shaped("scores", found.select(*PAIR, "score", scorer=pl.lit("dense")))
    return sampled(found, known, scores, Training(), section(**given))


def pairs(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return frame.select(PAIR).rows()


def test_the_best_that_are_no_known_answers():
    found = candidates({"q1": ["d00", "d05", "d06"], "q2": ["d07", "d01"], "q3": ["d02", "d03"]})
    chosen, removed, counts = sample(found)
    assert pairs(chosen) == [("q1", "d05"), ("q2", "d07"), ("q3", "d03")]
    assert chosen["rank"].to_list() == [2, 1, 2]
    assert sorted(pairs(removed)) == [("q1", "d00"), ("q2", "d01"), ("q3", "d02")]
    assert counts["candidates"] == 7


def test_the_window_is_counted_before_the_rules_or_after_them():
    """q1's ranks: d00 (known), d05, d06, d07. From rank 2: before the rules that is d05, after them d06."""
    found = candidates({"q1": ["d00", "d05", "d06", "d07"]})
    before, _, _ = sample(found, window={"first": 2, "counted": "before"})
    after, _, _ = sample(found, window={"first": 2, "counted": "after"})
    assert pairs(before) == [("q1", "d05")]
    assert pairs(after) == [("q1", "d06")]


def test_two_sources_one_pool_the_better_rank_wins():
    both = pl.concat([candidates({"q1": ["d05", "d06"]}, "dense"), candidates({"q1": ["d06", "d07"]}, "bm25")])
    chosen, _, counts = sample(both, choose={"top": {"n": 3}})
    assert counts["candidates"] == 3
    assert chosen.filter(pl.col("query_id") == "q1").select("doc_id", "source", "rank").rows() == [
        ("d05", "dense", 1),
        ("d06", "bm25", 1),
        ("d07", "bm25", 2),
    ]


def test_a_query_that_goes_has_a_row():
    found = candidates({"q1": ["d00"], "q2": ["d05"], "q3": ["d06"]})
    chosen, removed, counts = sample(found, on_shortage="drop-query")
    assert pairs(chosen) == [("q2", "d05"), ("q3", "d06")]
    assert removed.filter(pl.col("rule") == "shortage").select("query_id", "doc_id").rows() == [("q1", None)]
    assert counts["shortage"] == {"short": 1, "rule": "drop-query", "filled": 0, "still_short": 1}


def test_widening_takes_what_lies_outside_the_window():
    found = candidates({"q1": ["d00", "d05", "d06"], "q2": ["d05", "d06"], "q3": ["d05", "d06"]})
    chosen, _, counts = sample(found, window={"first": 1, "last": 1, "counted": "before"}, on_shortage="widen")
    assert pairs(chosen)[0] == ("q1", "d05")
    assert counts["shortage"]["filled"] == 1


def test_unseeded_sampling():
    """The same seed gives the same draw, whatever order the rows come in; another seed another."""
    found = candidates({query: list(DOCUMENTS[3:]) for query in QUERIES})
    asked = {"choose": {"random": {"n": 2}}}
    first, _, _ = sample(found, **asked)
    second, _, _ = sample(found, **asked)
    assert first.equals(second)
    changed = section(**asked) | {"seed": 14}
    other, _, _ = sampled(found, KNOWN, tables.empty("scores"), Training(), changed)
    assert not first.equals(other)


def test_nothing_retrieved_gives_empty_tables():
    chosen, removed, counts = sample(tables.empty("candidates"))
    assert chosen.is_empty()
    assert removed.is_empty()
    assert counts["candidates"] == 0


@settings(max_examples=120, deadline=None)
@given(
    found=st.dictionaries(st.sampled_from(QUERIES), st.lists(st.sampled_from(DOCUMENTS), unique=True, min_size=1), min_size=1),
    other=st.dictionaries(st.sampled_from(QUERIES), st.lists(st.sampled_from(DOCUMENTS), unique=True, min_size=1)),
    n=st.integers(1, 4),
    method=st.sampled_from(["top", "random"]),
    first=st.integers(1, 4),
    width=st.none() | st.integers(0, 5),
    counted=st.sampled_from(["before", "after"]),
    shortage=st.sampled_from(["widen", "fewer", "drop-query"]),
    rules=st.sampled_from([["labelled"], ["labelled", "same-text", {"positive-aware": {"share": 0.95}}]]),
)
def test_candidates_are_chosen_removed_or_left(found, other, n, method, first, width, counted, shortage, rules):
    both = pl.concat([candidates(found), candidates(other, "bm25")])
    window = {"first": first, "last": None if width is None else first + width, "counted": counted}
    chosen, removed, counts = sample(both, keep=rules, choose={method: {"n": n}}, window=window, on_shortage=shortage)
    pool = set(pairs(both))
    out = set(pairs(removed.filter(pl.col("doc_id").is_not_null())))
    taken = pairs(chosen)
    assert len(taken) == len(set(taken))
    assert set(taken) <= pool
    assert out <= pool
    assert not set(taken) & out
    assert len(pairs(removed)) == len(set(pairs(removed)))
    assert not set(taken) & set(pairs(KNOWN))
    assert max(chosen.group_by("query_id").len()["len"], default=0) <= n
    assert counts["candidates"] == len(pool)
    if shortage == "drop-query":
        per_query = dict(chosen.group_by("query_id").len().iter_rows())
        left = set(removed.filter(pl.col("doc_id").is_null())["query_id"])
        assert all(per_query.get(query, 0) == (0 if query in left else n) for query in QUERIES)
