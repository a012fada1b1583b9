"""A dropped pair is never a negative of its query again: not in a later round, not by another
recipe, not by a copy of its text.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.config.sections.sample import Sample
from hone.data import tables
from hone.layout import PAIR
from tasks.rank.pairs import guarded
from tasks.relabel.initial_labels import joined
from tasks.relabel.label_actions import actions, relabelled
from tasks.sample.negatives import sampled
from tasks.sample.settings import SampleSettings
from tasks.train.examples import Examples, examples

QUERIES = pl.DataFrame({"query_id": ["q", "r"], "text": ["one", "two"], "collection": ["c", "c"]})
TEXTS = {
    "p": "the right one",
    "s": "the other's",
    "a": "alpha",
    "a2": "alpha",
    "b": "beta",
    "c": "gamma",
    "d": "delta",
}
NEAR = ["a", "a2", "b", "c", "d"]


class Training:
    def __iter__(self):
        return iter(())

    def queries(self) -> pl.DataFrame:
        return QUERIES

    def unanswered(self) -> pl.DataFrame:
        return self.queries().clear()

    def texts(self, ids) -> pl.DataFrame:
        texts = pl.DataFrame(
            {
                "doc_id": list(TEXTS),
                "full_text": list(TEXTS.values()),
                "parent_id": [None] * len(TEXTS),
            }
        )
        return texts.filter(pl.col("doc_id").is_in(list(ids)))


KNOWN = tables.shaped(
    "labels",
    pl.DataFrame(
        {
            "query_id": ["q", "r"],
            "doc_id": ["p", "s"],
            "label": ["positive"] * 2,
            "judge": ["qrels"] * 2,
        }
    ),
)


def mined(labels: pl.DataFrame, order: list[str], n: int) -> pl.DataFrame:
    """What `sample` chooses for both queries of the same candidates, the first `n` that no rule
    removes.
    """
    rows = [
        (query, doc, "dense", rank, 1.0 / rank)
        for query in ("q", "r")
        for rank, doc in enumerate(order, start=1)
    ]
    found = tables.shaped(
        "candidates",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )
    section = Sample(
        filters=[methods.checked("sample.filters", "labelled", "test")],
        choose=methods.checked("sample.choose", {"top": {"n": n}}, "test"),
        on_shortage="widen",
    )
    settings = SampleSettings.model_construct(
        seed=1, round="r1", draws="position 1", sources=["dense"], sample=section
    )
    return sampled(found, labels, tables.empty("scores"), Training(), settings)[0]


def judged(
    known: pl.DataFrame, negatives: pl.DataFrame, found: dict[tuple[str, str], str], then: str
) -> pl.DataFrame:
    """Labels of a round whose judge says what `found` has of pairs, and of others that they are
    negatives.
    """
    verdict = [found.get(pair, "negative") for pair in negatives.select(PAIR).rows()]
    judged_rows = negatives.select(PAIR).with_columns(
        verdict=pl.Series(verdict, dtype=pl.Enum(["positive", "negative", "unknown"])),
        probability=pl.lit(None, dtype=pl.Float32),
        grade=pl.lit(None, dtype=pl.Float32),
        judge=pl.lit("guide"),
        reason=pl.lit("why"),
    )
    return relabelled(
        joined(known, tables.shaped("negatives", negatives), tables.empty("removed")),
        actions(judged_rows, then),
        None,
    ).labels


def made_of(labels: pl.DataFrame) -> Examples:
    return examples(labels, QUERIES, Training().texts(TEXTS))


def negatives_of(made: Examples, query: int) -> list[str]:
    return [made.document_texts[number] for number in made.negatives.of(np.array([query]))[0]]


def test_dropped_in_round_one_it_is_not_mined_in_round_two():
    first = judged(KNOWN, mined(KNOWN, NEAR, 3), {("q", "b"): "positive"}, "drop")
    second = mined(first, NEAR, 3)
    assert second.filter(pl.col("query_id") == "q")["doc_id"].to_list() == ["a", "a2", "c"]
    assert second.filter(pl.col("query_id") == "r")["doc_id"].to_list() == ["a", "a2", "b"]
    again = judged(first, second, {}, "drop")
    assert again.filter(pl.col("query_id") == "q", pl.col("reason") == "dropped")[
        "doc_id"
    ].to_list() == ["b"]


def test_a_copy_of_its_text_is_not_trained_either():
    labels = judged(
        KNOWN, mined(KNOWN, NEAR, 3), {("q", "a2"): "positive"}, "drop"
    )  # of its copy a the judge was not sure
    assert negatives_of(made_of(labels), 0) == ["beta"]
    assert negatives_of(made_of(labels), 1) == ["alpha", "alpha", "beta"]


def test_a_copy_that_is_spelt_otherwise_is_not_trained_either():
    """q dropped e and mined f, which has its text with another capital and a full stop; r mined
    f too.
    """
    rows = [
        ("q", "p", "positive", None, None),
        ("q", "e", "unknown", None, "dropped"),
        ("q", "f", "negative", 1, None),
        ("q", "b", "negative", 2, None),
        ("r", "s", "positive", None, None),
        ("r", "f", "negative", 1, None),
    ]
    schema = {
        "query_id": pl.String,
        "doc_id": pl.String,
        "label": pl.String,
        "rank": pl.Int32,
        "reason": pl.String,
    }
    labels = tables.shaped(
        "labels", pl.DataFrame(rows, schema=schema, orient="row").with_columns(weight=pl.lit(1.0))
    )
    texts = pl.DataFrame(
        {
            "doc_id": ["p", "s", "e", "f", "b"],
            "full_text": ["right", "other", "Epsilon text", "epsilon text.", "beta"],
        }
    )
    made = examples(labels, QUERIES, texts)
    assert negatives_of(made, 0) == ["beta"]
    assert negatives_of(made, 1) == ["epsilon text."]


@pytest.mark.parametrize("then", ["drop", "mask", "promote"])
def test_what_was_found_for_one_query_is_masked_for_it_where_another_brings_it_into_the_batch(
    then: str,
):
    """r brings a into the batch: q is not compared with it, and r, of which the judge said
    nothing, is.
    """
    made = made_of(judged(KNOWN, mined(KNOWN, NEAR, 1), {("q", "a"): "positive"}, then))
    alpha = made.document_texts.index("alpha")
    assert made.is_known(np.array([0, 1]), np.array([alpha])).tolist() == [[True], [False]]
    assert negatives_of(made, 0) == []
    assert negatives_of(made, 1) == ["alpha"]


def test_a_ranker_of_another_recipe_does_not_learn_it_either():
    labels = judged(KNOWN, mined(KNOWN, NEAR, 3), {("q", "b"): "positive"}, "drop")
    pool = pl.DataFrame([(query, doc) for query in "qr" for doc in NEAR], schema=PAIR, orient="row")
    positives = labels.filter(pl.col("label") == "positive").select(PAIR)
    left = guarded(
        pool, labels, positives, Training(), [methods.checked("sample.filters", "labelled", "test")]
    )
    assert ("q", "b") not in left.rows()
    assert ("r", "b") in left.rows()


verdicts = st.dictionaries(
    st.tuples(st.sampled_from("qr"), st.sampled_from(NEAR)),
    st.sampled_from(["positive", "unknown"]),
    max_size=6,
)


@given(
    rounds=st.lists(
        st.tuples(
            verdicts, st.sampled_from(["drop", "mask", "promote", "keep"]), st.permutations(NEAR)
        ),
        min_size=2,
        max_size=4,
    ),
    n=st.integers(1, 4),
)
def test_no_dropped_pair_ever_comes_back(rounds, n):
    labels, dropped = KNOWN, set()
    for found, then, order in rounds:
        negatives = (
            mined(labels, order, n)
            if not everything_is_labelled(labels)
            else tables.empty("negatives")
        )
        chosen = set(negatives.select(PAIR).rows())
        assert not chosen & dropped
        labels = judged(labels, negatives, found, then)
        dropped |= (
            {pair for pair in chosen if found.get(pair) == "positive"} if then == "drop" else set()
        )
        assert set(labels.filter(pl.col("reason") == "dropped").select(PAIR).rows()) == dropped
        made, texts = made_of(labels), [TEXTS[doc] for doc in NEAR]
        numbers = np.array(
            [
                made.document_texts.index(text) if text in made.document_texts else -1
                for text in texts
            ]
        )
        masked = made.is_known(np.array([0, 1]), numbers)
        assert all(masked["qr".index(query), NEAR.index(doc)] for query, doc in dropped)
        trained = {
            (query, text)
            for number, query in enumerate("qr")
            for text in negatives_of(made_of(labels), number)
        }
        assert not trained & {(query, TEXTS[doc]) for query, doc in dropped}


def everything_is_labelled(labels: pl.DataFrame) -> bool:
    """Whether no candidate is left to be mined, which `sample` refuses: candidates go by their
    text.
    """
    texts = {
        (query, TEXTS[doc])
        for query, doc in labels.filter(pl.col("label") != "negative").select(PAIR).rows()
    }
    return all((query, TEXTS[doc]) in texts for query in "qr" for doc in NEAR)
