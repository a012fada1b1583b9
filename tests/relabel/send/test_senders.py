"""Which pairs go on to the next judge, each rule by hand."""

from __future__ import annotations

import polars as pl
import pytest

from tasks import methods
from tasks.errors import Refused

SAID = pl.DataFrame(
    [
        ("q1", "a", 1, "positive", 0.95, 0.9),
        ("q1", "b", 2, "negative", 0.45, 0.5),
        ("q2", "a", 1, "negative", 0.05, 0.7),
        ("q2", "b", 2, "unknown", None, None),
        ("q3", "a", 1, "positive", 0.55, 0.6),
    ],
    schema={
        "query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32, "verdict": pl.String, "probability": pl.Float32, "grade": pl.Float32,
    },
    orient="row",
).with_columns(collection=pl.lit("c"))  # fmt: skip


def sent(name: str, evidence: tuple = (), **parameters) -> list[str]:
    line = methods.checked("relabel.send", {name: parameters}, "test")
    chosen = methods.find("relabel.send", name)(line["parameters"], said=SAID, evidence=list(evidence))
    return [query + doc for query, doc in chosen.select("query_id", "doc_id").iter_rows()]


def test_found_sends_every_pair_of_a_query_with_a_hit():
    assert sent("found") == ["q1a", "q1b", "q3a"]
    assert sent("found", whole_query=False) == ["q1a", "q3a"]


def test_uncertain_sends_the_band_and_what_could_not_be_said():
    assert sent("uncertain", low=0.4, high=0.6) == ["q1b", "q2b", "q3a"]


def test_likely_positive_goes_by_probability():
    assert sent("likely-positive", at_least=0.5) == ["q1a", "q3a"]
    assert sent("likely-positive", at_least=0.6) == ["q1a"]


def test_confidence_sends_what_is_not_sure():
    assert sent("confidence", below=0.9) == ["q1b", "q2b", "q3a"]


def test_most_sends_so_many_the_most_suspicious_first():
    assert sent("most", pairs=3) == ["q1a", "q3a", "q1b"]
    assert sent("most", pairs=3, per_query=1) == ["q1a", "q3a", "q2a"]


def test_most_may_confirm_what_was_found_or_look_for_what_was_missed():
    assert sent("most", pairs=9, among="found") == ["q1a", "q3a"]
    assert sent("most", pairs=2, among="not-found") == ["q1b", "q2a"]


def test_most_goes_by_grade_where_there_is_no_probability():
    said = SAID.with_columns(probability=pl.lit(None, dtype=pl.Float32))
    chosen = methods.find("relabel.send", "most")({"pairs": 2, "per_query": None, "among": "all"}, said=said, evidence=[])
    assert chosen.rows() == [("q1", "a"), ("q2", "a")]


def test_all_sends_everything():
    assert sent("all") == ["q1a", "q1b", "q2a", "q2b", "q3a"]


# p(error) = 1 / (1 + exp(-(10 doubt - 4))): doubt .05, .45, .05, -, .45 gives .03, .62, .03, -, .62
LEARNED = {"features": ["doubt"], "mean": [0.0], "scale": [1.0], "weights": [10.0], "intercept": -4.0}
NEVER = LEARNED | {"weights": [0.0]}  # .02 whatever the pair


def checked(collection: str, rejector: dict | None, another: str | None = None) -> dict:
    return {"collection": collection, "rejector": rejector, "another": another}


def test_rejector_sends_where_its_model_expects_an_error():
    assert sent("rejector", (checked("c", LEARNED),), above=0.5) == ["q1b", "q2b", "q3a"]


def test_rejector_has_a_model_for_each_collection(monkeypatch: pytest.MonkeyPatch):
    two = SAID.with_columns(collection=pl.when(pl.col("query_id") == "q3").then(pl.lit("other")).otherwise(pl.lit("c")))
    monkeypatch.setitem(globals(), "SAID", two)
    assert sent("rejector", (checked("c", LEARNED), checked("other", NEVER)), above=0.5) == ["q1b", "q2b"]
    with pytest.raises(Refused, match="errs on other"):
        sent("rejector", (checked("c", LEARNED),), above=0.5)


def test_rejector_looks_at_what_the_judge_stated_and_not_at_what_calibration_made_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "SAID", SAID.with_columns(stated="probability", probability=pl.lit(0.5, dtype=pl.Float32)))
    assert sent("rejector", (checked("c", LEARNED),), above=0.5) == ["q1b", "q2b", "q3a"]


def test_rejector_sends_what_could_not_be_said_where_the_judge_errs_too_seldom_to_learn_from():
    assert sent("rejector", (checked("c", None),)) == ["q2b"]


@pytest.mark.parametrize("evidence", [(), (checked("c", LEARNED, another="it was checked with another prompt"),)])
def test_rejector_wants_a_judge_that_was_checked_as_it_is(evidence: tuple):
    with pytest.raises(Refused, match="hone judge check"):
        sent("rejector", evidence)
