"""What a round trains on: rows, each query's negatives, and what may never be one of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hone.data import tables
from hone.errors import Refused
from tasks.train.examples import examples
from tests.train.made_up import made_up


def named(
    labels: list[tuple], texts: dict[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    frame = pl.DataFrame(labels, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    queries = (
        frame.select("query_id")
        .unique(maintain_order=True)
        .with_columns(text=pl.col("query_id"), collection=pl.lit("one"))
    )
    return (
        tables.shaped("labels", frame),
        queries,
        pl.DataFrame({"doc_id": list(texts), "full_text": list(texts.values())}),
    )


def test_all_negatives_are_kept_by_rank():
    labels, queries, texts = made_up()
    made = examples(labels.sample(fraction=1, shuffle=True, seed=1), queries, texts)
    documents = dict(zip(texts["doc_id"], texts["full_text"], strict=True))
    found, counts = made.negatives.of(np.arange(12))
    assert counts.tolist() == [2] * 12
    assert [made.document_texts[n] for n in found] == [
        documents[f"d{number + rank}"] for number in range(12) for rank in (31, 32)
    ]


def test_one_row_for_each_positive():
    made = examples(*made_up())
    assert made.pairs.group_by("query_id").len().sort("query_id").filter(pl.col("len") == 2)[
        "query_id"
    ].to_list() == [
        "q0",
        "q1",
        "q2",
        "q3",
    ]


def test_a_known_positive_under_another_id_is_known_by_its_text():
    # faults.md, "sibling positives mined as negatives": c is b's text again, and b is a positive of
    # q.
    labels = [
        ("q", "a", "positive", None),
        ("q", "b", "positive", None),
        ("r", "c", "positive", None),
    ]
    made = examples(*named(labels, {"a": "one", "b": "two", "c": "two"}))
    number = made.document_texts.index("two")
    assert made.is_known(np.array([0]), np.array([number])).item()


def test_an_answer_of_the_same_query_in_another_spelling_is_masked_in_batches():
    """q's b and r's a: the two queries are one text, so neither's answer is a negative of the
    other; s is another query.
    """
    positives = [
        ("q", "a", "positive", None),
        ("r", "b", "positive", None),
        ("s", "c", "positive", None),
    ]
    labels, _, texts = named(positives, {"a": "one", "b": "Two.", "c": "three", "d": "two"})
    queries = pl.DataFrame(
        {"query_id": ["q", "r", "s"], "text": ["Reset my password", "reset my  password ", "other"]}
    )
    queries = queries.with_columns(collection=pl.Series(["x", "y", "x"]))
    made = examples(pl.concat([labels, named([("s", "d", "negative", 1)], {})[0]]), queries, texts)
    place = {text: number for number, text in enumerate(made.document_texts)}
    known = made.is_known(
        np.arange(3), np.array([place["one"], place["Two."], place["two"], place["three"]])
    )
    assert known.tolist() == [
        [True, True, True, False],
        [True, True, True, False],
        [False, False, False, True],
    ]


def test_texts_of_punctuation_alone_are_not_one_text():
    labels = [("?", "a", "positive", None), ("!", "b", "positive", None)]
    made = examples(*named(labels, {"a": "one", "b": "two"}))
    assert made.is_known(np.arange(2), np.arange(2)).tolist() == [[True, False], [False, True]]


def test_unknown_is_neither_positive_nor_negative():
    labels = [
        ("q", "a", "positive", None),
        ("q", "u", "unknown", None),
        ("r", "u", "positive", None),
    ]
    made = examples(*named(labels, {"a": "one", "u": "two"}))
    assert made.pairs.filter(pl.col("query_id") == "q")["doc_id"].to_list() == ["a"]
    assert len(made.negatives.documents) == 0
    assert made.is_known(np.array([0]), np.array([made.document_texts.index("two")])).item()


def test_a_query_without_positive_does_not_train():
    labels = [("q", "a", "positive", None), ("r", "a", "negative", 1)]
    assert examples(*named(labels, {"a": "one"})).query_texts == ["q"]


def test_nothing_to_train_on_is_refused():
    with pytest.raises(Refused, match="no query has a positive label"):
        examples(*named([("q", "a", "negative", 1)], {"a": "one"}))


def test_a_label_without_text_is_refused():
    with pytest.raises(Refused, match="1 labelled documents are in no training collection.*'b'"):
        examples(*named([("q", "a", "positive", None), ("q", "b", "negative", 1)], {"a": "one"}))


def judged(*rows: tuple, texts: dict[str, str], teacher: str | None = None):
    columns = ["query_id", "doc_id", "label", "rank", "weight", "judge", "grade"]
    frame = pl.DataFrame(
        [(*row, *(None,) * (7 - len(row))) for row in rows],
        schema=columns,
        orient="row",
        infer_schema_length=None,
    )
    queries = (
        frame.select("query_id")
        .unique(maintain_order=True)
        .with_columns(text=pl.col("query_id"), collection=pl.lit("one"))
    )
    documents = pl.DataFrame({"doc_id": list(texts), "full_text": list(texts.values())})
    return examples(tables.shaped("labels", frame), queries, documents, teacher)


TEXTS = {"p": "zero", "a": "one", "b": "two", "c": "three"}


def test_weights_are_of_the_querys_own_negatives_alone():
    made = judged(
        ("q", "p", "positive", None, 1.0),
        ("q", "a", "negative", 1, 0.25),
        ("q", "b", "negative", 2, 1.0),
        ("q", "c", "negative", 3, 0.5),
        ("r", "a", "positive", None, None),
        ("r", "b", "negative", 1, None),
        texts=TEXTS,
    )
    order = np.array([made.document_texts.index(text) for text in ("zero", "one", "two", "three")])
    # Document c of q is past its first negative, and weighs what its label says if another query
    # brings it along.
    assert made.weights_of(np.array([0, 1]), order).tolist() == [
        [1.0, 0.25, 1.0, 0.5],
        [1.0, 1.0, 1.0, 1.0],
    ]
    assert made.weighted


def test_weights_of_one_are_none():
    rows = [("q", "p", "positive", None), ("q", "a", "negative", 1)]
    for weight in (None, 1.0):
        assert not judged(*((*row, weight) for row in rows), texts=TEXTS).weighted
    assert judged((*rows[0], 0.5), (*rows[1], 1.0), texts=TEXTS).weighted


def test_the_weight_of_a_promoted_positive_is_kept():
    made = judged(
        ("q", "p", "positive", None, 1.0, "qrels"),
        ("q", "a", "positive", None, 0.75, "strong"),
        texts=TEXTS,
    )
    assert made.pairs.select("doc_id", "weight").rows() == [("p", 1.0), ("a", 0.75)]


def test_copies_of_a_negative_weigh_what_the_most_suspicious_one_does():
    made = judged(
        ("q", "p", "positive", None, 1.0),
        ("q", "a", "negative", 1, 0.5),
        ("q", "b", "negative", 2, 0.25),
        texts=TEXTS | {"b": "one"},
    )
    assert (
        made.weights_of(np.array([0]), np.array([made.document_texts.index("one")])).item() == 0.25
    )


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(Refused, match=f"query 'q' and document 'a' has the weight {weight}"):
        judged(("q", "p", "positive", None, 1.0), ("q", "a", "negative", 1, weight), texts=TEXTS)


def test_a_promoted_document_is_known_and_so_is_its_copy_among_the_negatives():
    made = judged(
        ("q", "p", "positive", None, 1.0, "qrels"),
        ("q", "a", "positive", None, 0.9, "strong"),
        ("q", "b", "negative", 1, 0.1, "strong"),
        texts=TEXTS | {"b": "one"},
    )
    number = np.array([made.document_texts.index("one")])
    assert made.is_known(np.array([0]), number).item()
    assert made.weights_of(np.array([0]), number).item() == 1.0


def test_grades_are_the_teachers_and_exist_only_if_requested():
    rows = [
        ("q", "p", "positive", None, 1.0, "qrels", 2.0),
        ("q", "a", "negative", 1, 1.0, "lm", -1.5),
        ("q", "b", "negative", 2, 1.0, "lm", -2.5),
        ("q", "c", "unknown", None, 1.0, "lm", -3.5),
        ("r", "a", "positive", None, 1.0, "qrels", 1.0),
    ]
    made = judged(*rows, texts=TEXTS, teacher="lm")
    order = np.array([made.document_texts.index(text) for text in ("zero", "one", "two", "three")])
    np.testing.assert_array_equal(
        made.grades_of(np.array([0, 1]), order), [[np.nan, -1.5, -2.5, np.nan], [np.nan] * 4]
    )
    assert len(judged(*rows, texts=TEXTS).grades.keys) == 0


def test_a_teacher_of_single_documents_is_refused():
    with pytest.raises(Refused, match="lm graded at most one document of each query"):
        judged(
            ("q", "p", "positive", None, 1.0, "qrels", 2.0),
            ("q", "a", "negative", 1, 1.0, "lm", -1.5),
            texts=TEXTS,
            teacher="lm",
        )
