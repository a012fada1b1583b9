"""What training data contains of what is asked, counted by hand."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.text.alike import COMPARED
from tasks.leakage.detect import found
from tasks.leakage.sentences import sentence
from tests.leakage.made_up import EVALUATION, TRAINED, account, evaluation_texts, trained


def test_the_same_text_near_duplicates_and_answers_that_are_queries():
    made = account()
    assert made["splits"] == {
        "test": {"queries": 4, "compared": 4, "same": 1, "near": 2, "leaked": 3, "share": 0.75},
        "dev": {"queries": 2, "compared": 2, "same": 1, "near": 0, "leaked": 1, "share": 0.5},
    }
    assert made["training"] == {"query": {"leaked": 3, "of": 4}, "positive": {"leaked": 1, "of": 3}}
    assert made["take_out"] == {
        "ours": ["q1", "q2", "q4"]
    }  # q4 is asked itself, and is answered by d1, which is nearly t3


def test_examples_name_both_texts_and_begin_with_test():
    examples = account()["examples"]
    assert [(one["asked_id"], one["training_id"], one["how"], one["kind"]) for one in examples] == [
        ("t1", "q1", "near", "query"),
        ("t2", "q2", "same", "query"),
        ("t3", "d1", "near", "positive"),
        ("v1", "q4", "same", "query"),
    ]
    assert (examples[0]["training"], examples[0]["asked"]) == (
        TRAINED["q1"],
        EVALUATION["t1", "test"],
    )


def test_at_most_ten_examples():
    texts = {
        (f"t{number}", "test"): f"the question of number {number} and no other"
        for number in range(30)
    }
    made = account(
        trained=trained(queries={name: text for (name, _), text in texts.items()}),
        evaluation=evaluation_texts(texts),
    )
    assert made["splits"]["test"]["same"] == 30
    assert len(made["examples"]) == 10
    assert len(made["take_out"]["ours"]) == 30


def test_a_shared_answer_is_counted_and_is_no_leak():
    made = account(
        evaluation=evaluation_texts(
            {("t4", "test"): "nothing of the kind"}, {"t4": "What both sides are answered by."}
        )
    )
    assert made["shared_answers"] == {
        "training_queries": 1,
        "training_of": 4,
        "asked": 1,
        "asked_of": 1,
    }
    assert made["splits"]["test"]["leaked"] == 0
    assert made["take_out"] == {}


@pytest.mark.parametrize("texts", [{}, {("v1", "dev"): "how to sort a list"}])
def test_a_split_without_queries_has_no_share(texts: dict):
    made = account(evaluation=evaluation_texts(texts))
    assert made["splits"]["test"] == {
        "queries": 0,
        "compared": 0,
        "same": 0,
        "near": 0,
        "leaked": 0,
        "share": None,
    }
    assert made["splits"]["dev"]["leaked"] == len(texts)


def test_nothing_is_trained_on():
    made = account(trained=trained({}, {}, []))
    assert made["splits"]["test"]["share"] == 0
    assert made["examples"] == []


def test_a_long_answer_is_no_near_duplicate_and_is_not_compared():
    made = account(
        trained=trained(
            positives={"d1": "plant-based diets" + " and much more of it" * 20},
            answered=[("q4", "d1")],
        )
    )
    assert made["looked_at"]["compared"] == {"query": 4, "positive": 0, "asked": 6}
    assert made["training"]["positive"] == {"leaked": 0, "of": 1}


def test_uncompared_texts_are_reported_and_the_same_text_is_found():
    made = found(trained(), evaluation_texts(), np.random.default_rng(0), most=4)
    assert sum(made["looked_at"]["compared"].values()) == 4
    assert made["splits"]["test"]["same"] == made["splits"]["dev"]["same"] == 1


def test_the_share_is_that_of_the_queries_that_were_compared():
    """All of 200 asked queries resemble a training query, 20 of them are compared: the share of
    all is 1, and no tenth of that.
    """
    pattern = "what is the mean temperature of the month in the year for the town of number {}"
    one = trained({"q": pattern.format("none")}, {}, [])
    made = found(
        one,
        evaluation_texts({(f"t{number}", "test"): pattern.format(number) for number in range(200)}),
        np.random.default_rng(0),
        most=40,
    )
    assert made["splits"]["test"] == {
        "queries": 200,
        "compared": 20,
        "same": 0,
        "near": 20,
        "leaked": 20,
        "share": 1.0,
    }
    assert sentence(made) == (
        "training data contains 100.0 % of 200 test queries (estimated), verbatim or nearly. "
        "Near-duplicates were searched in 20 of 200 evaluation queries, sampled at random."
    )


def test_the_estimate_is_right_in_the_mean():
    """The mean over all 70 ways to draw four of eight queries, of which 3 are near-duplicates and 1
    is the same.

    No false alarm is possible. The test finds an estimate without extrapolation (0.31), one that
    extrapolates to all queries (0.55), and one that divides by all drawn queries (0.45).
    """
    near = {f"t{number}": f"how are long lists sorted in place {number}" for number in range(3)}
    far = {
        "t3": "abcdefgh",
        "t4": "ijklmnop",
        "t5": "qrstuvwx",
        "t6": "12345678",
        "t7": "processed meat",
    }
    texts = evaluation_texts({(name, "test"): text for name, text in (near | far).items()})
    learned = trained({"q1": "how are long lists sorted in place", "q3": "processed meat"}, {}, [])
    ways = [
        np.array([*way, *sorted(set(range(8)) - set(way))]) for way in combinations(range(8), 4)
    ]
    draws = [SimpleNamespace(permutation=lambda count, way=way: way[:count]) for way in ways]
    shares = [found(learned, texts, draw, most=8)["splits"]["test"]["share"] for draw in draws]
    assert np.mean(shares) == pytest.approx(0.5)
    assert np.std(shares) > 0


def test_drawn_training_texts_are_reported_and_the_share_is_the_least():
    texts = {f"q{number}": f"the question of number {number} and no other" for number in range(30)}
    made = found(
        trained(texts, {}, []),
        evaluation_texts({("t1", "test"): "who paints roses"}),
        np.random.default_rng(0),
        most=11,
    )
    assert made["looked_at"]["comparable"] == {"query": 30, "positive": 0, "asked": 1}
    assert made["looked_at"]["compared"] == {"query": 10, "positive": 0, "asked": 1}
    assert sentence(made) == (
        "training data contains none of 1 test query. Near-duplicates were searched in 10 of 30 "
        "training queries, sampled at random. "
        "Training texts outside the sample may be near-duplicates too, so this is a lower bound."
    )


def test_each_split_is_compared_in_part():
    texts = {(f"t{number}", "test"): f"test {number}" for number in range(98)} | {
        ("v1", "dev"): "one",
        ("v2", "dev"): "two",
    }
    made = found(trained(), evaluation_texts(texts), np.random.default_rng(0), most=10)
    assert [made["splits"][split]["compared"] for split in ("test", "dev")] == [5, 1]


def test_more_texts_of_one_pattern_than_are_compared_leave_no_query_out():
    """Each of many asked queries resembles each of many training queries: all are found, though
    not all pairs are looked at.
    """
    many = 2 * COMPARED
    pattern = "what is the mean temperature of the month in the year for the town of number {}"
    made = account(
        trained=trained({f"q{number}": pattern.format(number) for number in range(many)}),
        evaluation=evaluation_texts(
            {(f"t{number}", "test"): pattern.format(number + many) for number in range(many)}
        ),
    )
    assert made["splits"]["test"]["leaked"] == many
    assert made["training"]["query"] == {"leaked": many, "of": many}


SENTENCES = st.lists(
    st.text("abc ", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(SENTENCES, SENTENCES)
def test_shares_and_lists_agree(queries: list[str], questions: list[str]):
    made = account(
        trained=trained({f"q{number}": text for number, text in enumerate(queries)}, {}, []),
        evaluation=evaluation_texts(
            {(f"t{number}", "test"): text for number, text in enumerate(questions)}
        ),
    )
    test = made["splits"]["test"]
    assert test["leaked"] == test["same"] + test["near"] <= test["queries"] == len(questions)
    assert test["share"] == test["leaked"] / test["queries"]
    assert (test["leaked"] > 0) == bool(made["examples"]) == bool(made["take_out"])
    assert made["training"]["query"]["leaked"] == len(made["take_out"].get("ours", []))
    exact = sum(
        text.strip().lower() in {one.strip().lower() for one in queries} for text in questions
    )
    assert test["same"] >= exact
