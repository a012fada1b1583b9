"""The two conditions of the enterprise paper, worked by hand."""

from __future__ import annotations

from math import nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.sample.filters.closer_to_query import closer_to_query
from tests.sample.filters.tables import left, pool, scores

TO = "encoder-to-positives"


def both(query: dict[str, float], positive: dict[str, float]) -> pl.DataFrame:
    return pl.concat([scores("dense", **query), scores(TO, **positive)])


def test_worked_by_hand():
    """s(q, p) = .5. `hard` .6 to the query, .2 to the positive: stays. `answer` .6 and .7: nearer
    to the positive. `easy` .4: farther
    than the positive. `level` .5: not closer. `between` .6 and .6: not closer to the query than to
    the positive."""
    rows = pool("answer", "hard", "between", "level", "easy")
    given_scores = both(
        {"p": 0.5, "answer": 0.6, "hard": 0.6, "between": 0.6, "level": 0.5, "easy": 0.4},
        {"p": 1.0, "answer": 0.7, "hard": 0.2, "between": 0.6, "level": 0.1, "easy": 0.1},
    )
    assert left(rows, closer_to_query(rows, pool("p"), given_scores)) == ["hard"]


def test_the_detail_says_which_condition_failed():
    """`easy` is .4 to the query, where the positive is .5; `answer` .6, and .7 to the positive."""
    rows = pool("answer", "easy", "unscored")
    given_scores = both(
        {"p": 0.5, "answer": 0.6, "easy": 0.4, "unscored": nan},
        {"p": 1.0, "answer": 0.7, "easy": 0.1, "unscored": 0.1},
    )
    details = dict(closer_to_query(rows, pool("p"), given_scores).select("doc_id", "detail").rows())
    assert details == {
        "answer": "to the query 0.6, not nearer than to the positive with 0.7",
        "easy": "to the query 0.4, not nearer than the positive with 0.5",
        "unscored": "to the query nothing, not nearer than the positive with 0.5",
    }


def test_of_several_positives_each_must_be_farther():
    """.6 is above one positive (.5) and under the other (.7): it goes."""
    rows = pool("x", "y")
    given_scores = both(
        {"p": 0.5, "r": 0.7, "x": 0.6, "y": 0.8}, {"p": 1.0, "r": 1.0, "x": 0.1, "y": 0.1}
    )
    assert left(rows, closer_to_query(rows, pool("p", "r"), given_scores)) == ["y"]


def test_it_takes_what_top_takes_only_where_that_is_not_like_the_answer_and_else_nothing():
    """top takes the paraphrase of the answer; the rule goes on to the next one above the answer,
    and never below it.
    """
    rows = pool("paraphrase", "hard", "easy")
    given_scores = both(
        {"p": 0.6, "paraphrase": 0.8, "hard": 0.7, "easy": 0.5},
        {"p": 1.0, "paraphrase": 0.95, "hard": 0.3, "easy": 0.2},
    )
    assert left(rows, closer_to_query(rows, pool("p"), given_scores)) == ["hard"]
    assert left(pool("easy"), closer_to_query(pool("easy"), pool("p"), given_scores)) == []


def test_what_has_no_number_goes():
    rows = pool("x", "y", "z")
    given_scores = both(
        {"p": 0.5, "x": nan, "y": 0.6, "z": 0.6}, {"p": 1.0, "x": 0.1, "y": nan, "z": 0.1}
    )
    assert left(rows, closer_to_query(rows, pool("p"), given_scores)) == ["z"]


def test_a_recipe_without_likenesses_to_positives_is_refused():
    with pytest.raises(Refused, match="'encoder-to-positives', which has none"):
        closer_to_query(pool("x"), pool("p"), scores("dense", p=0.5, x=0.6))


def test_inner_products_are_refused():
    with pytest.raises(Refused, match="with itself as 41.5, not 1"):
        closer_to_query(pool("x"), pool("p"), both({"p": 30.0, "x": 31.0}, {"p": 41.5, "x": 20.0}))


def test_two_models_are_refused():
    with pytest.raises(Refused, match="the same model"):
        closer_to_query(
            pool("x"),
            pool("p"),
            scores(p=0.5, x=0.6),
            scorer="encoder:a",
            to_positives="encoder-to-positives:b",
        )


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 3))
def test_both_conditions_hold_of_what_stays_and_not_of_what_goes(seed, candidates, known):
    """Against cosine distances of vectors, computed here."""
    made = np.random.default_rng(seed).normal(size=(1 + known + candidates, 3)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    query, answers, others = made[0], made[1 : 1 + known], made[1 + known :]
    names, docs = [f"p{n}" for n in range(known)], [f"c{n}" for n in range(candidates)]
    to_query = dict(zip([*names, *docs], (made[1:] @ query).tolist(), strict=True))
    to_answers = dict(zip([*names, *docs], (made[1:] @ answers.T).max(1).tolist(), strict=True))
    rows = pool(*docs)
    d_query, d_answers, d_known = 1 - others @ query, 1 - others @ answers.T, 1 - answers @ query
    # Not decided within rounding; the rule compares what it is given.
    clear = (np.abs(d_query[:, None] - d_known[None]) > 1e-5).all(1) & (
        np.abs(d_query[:, None] - d_answers) > 1e-5
    ).all(1)
    wanted = (d_query[:, None] < d_known[None]).all(1) & (d_query[:, None] < d_answers).all(1)
    stays = left(rows, closer_to_query(rows, pool(*names), both(to_query, to_answers)))
    assert [doc for doc, sure in zip(docs, clear, strict=True) if sure and doc in stays] == [
        doc for doc, sure, in_ in zip(docs, clear, wanted, strict=True) if sure and in_
    ]
