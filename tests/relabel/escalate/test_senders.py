"""Which pairs go on to the next judge, each rule by hand."""

from __future__ import annotations

import polars as pl
import pytest

from hone.config import methods
from hone.errors import Refused

VERDICTS = pl.DataFrame(
    [
        ("q1", "a", 1, "positive", 0.95, 0.9),
        ("q1", "b", 2, "negative", 0.45, 0.5),
        ("q2", "a", 1, "negative", 0.05, 0.7),
        ("q2", "b", 2, "unknown", None, None),
        ("q3", "a", 1, "positive", 0.55, 0.6),
    ],
    schema={
        "query_id": pl.String,
        "doc_id": pl.String,
        "rank": pl.Int32,
        "verdict": pl.String,
        "probability": pl.Float32,
        "grade": pl.Float32,
    },
    orient="row",
).with_columns(collection=pl.lit("c"))


def sent(name: str, evidence: tuple = (), earlier: tuple = (), **parameters) -> list[str]:
    line = methods.checked("relabel.escalate", {name: parameters}, "test")
    chosen = methods.find("relabel.escalate", name)(
        line["parameters"], said=VERDICTS, earlier=list(earlier), evidence=list(evidence)
    )
    return [query + doc for query, doc in chosen.select("query_id", "doc_id").iter_rows()]


def test_found_sends_every_pair_of_a_query_with_a_hit():
    assert sent("found") == ["q1a", "q1b", "q3a"]
    assert sent("found", whole_query=False) == ["q1a", "q3a"]


def test_uncertain_sends_the_band_and_unknown_verdicts():
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
    verdicts = VERDICTS.with_columns(probability=pl.lit(None, dtype=pl.Float32))
    chosen = methods.find("relabel.escalate", "most")(
        {"pairs": 2, "per_query": None, "among": "all"}, said=verdicts, evidence=[]
    )
    assert chosen.rows() == [("q1", "a"), ("q2", "a")]


def test_all_sends_everything():
    assert sent("all") == ["q1a", "q1b", "q2a", "q2b", "q3a"]


# p(error) = 1 / (1 + exp(-(10 doubt - 4))): doubt .05, .45, .05, -, .45 gives .03, .62, .03, -, .62
LEARNED = {
    "features": ["doubt"],
    "mean": [0.0],
    "scale": [1.0],
    "weights": [10.0],
    "intercept": -4.0,
}
NEVER = LEARNED | {"weights": [0.0]}  # .02 whatever the pair


def checked(collection: str, rejector: dict | None, another: str | None = None) -> dict:
    return {"collection": collection, "rejector": rejector, "another": another}


def test_rejector_sends_where_its_model_expects_an_error():
    assert sent("rejector", (checked("c", LEARNED),), above=0.5) == ["q1b", "q2b", "q3a"]


def test_rejector_has_a_model_for_each_collection(monkeypatch: pytest.MonkeyPatch):
    two = VERDICTS.with_columns(
        collection=pl.when(pl.col("query_id") == "q3").then(pl.lit("other")).otherwise(pl.lit("c"))
    )
    monkeypatch.setitem(globals(), "VERDICTS", two)
    assert sent("rejector", (checked("c", LEARNED), checked("other", NEVER)), above=0.5) == [
        "q1b",
        "q2b",
    ]
    with pytest.raises(Refused, match="no error model of the judge's present version on other"):
        sent("rejector", (checked("c", LEARNED),), above=0.5)


def test_rejector_looks_at_what_the_judge_stated_and_not_at_what_calibration_made_of_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(
        globals(),
        "VERDICTS",
        VERDICTS.with_columns(stated="probability", probability=pl.lit(0.5, dtype=pl.Float32)),
    )
    assert sent("rejector", (checked("c", LEARNED),), above=0.5) == ["q1b", "q2b", "q3a"]


def test_rejector_sends_unknown_verdicts_if_the_judge_errs_too_seldom_to_learn_from():
    assert sent("rejector", (checked("c", None),)) == ["q2b"]


@pytest.mark.parametrize(
    "evidence", [(), (checked("c", LEARNED, another="it was checked with another prompt"),)]
)
def test_rejector_wants_a_judge_that_was_checked_as_it_is(evidence: tuple):
    with pytest.raises(Refused, match="hone judge check"):
        sent("rejector", evidence)


def test_extremes_leaves_both_ends_of_the_order_out():
    """By probability q2a .05, q1b .45, q3a .55, q1a .95; q2b could not be said and goes on. A
    quarter of four is one pair.
    """
    assert sent("extremes", low=0.25, high=0.25) == ["q1b", "q2b", "q3a"]
    assert sent("extremes", low=0.5, high=0) == ["q1a", "q2b", "q3a"]
    assert sent("extremes", low=0.24, high=0.24) == ["q1a", "q1b", "q2a", "q2b", "q3a"]


def test_extremes_by_doubt_leaves_out_what_the_judge_is_least_sure_of():
    """-|p - .5|: q1a -.45, q2a -.45, q1b -.05, q3a -.05 (later of equals is higher)."""
    assert sent("extremes", low=0, high=0.25, by="doubt") == ["q1a", "q1b", "q2a", "q2b"]


def test_extremes_that_are_everything_are_refused():
    with pytest.raises(Refused, match="leave no pairs"):
        sent("extremes", low=0.5, high=0.5)


def member(**given: tuple[str, float | None]) -> pl.DataFrame:
    """What another judge said of some pairs."""
    rows = [(pair[:2], pair[2:], *verdict) for pair, verdict in given.items()]
    return pl.DataFrame(
        rows,
        schema={
            "query_id": pl.String,
            "doc_id": pl.String,
            "verdict": pl.String,
            "probability": pl.Float32,
        },
        orient="row",
    )


def test_disagreement_sends_the_least_alike_first():
    """T of two members is p q + (1 - p)(1 - q).

    q1a: .95 and .1 give .095 + .045 = .14. q1b: .45 and .5 give .5. q2a: .05 and "negative", which
    is 0, give .95. q2b: this judge could not say. q3a: nobody else read it.
    """
    other = member(
        q1a=("negative", 0.1), q1b=("positive", 0.5), q2a=("negative", None), q2b=("positive", 1.0)
    )
    assert sent("disagreement", earlier=(other,)) == ["q1a", "q1b", "q2a"]
    assert sent("disagreement", earlier=(other,), pairs=2) == ["q1a", "q1b"]
    assert sent("disagreement", earlier=(member(q2b=("positive", 1.0)),)) == []


def test_three_members_by_hand():
    """.95, 1 and 0: (.95 + 0 + .05) / 3 = 1/3; .45, .45 and .45: .45^2 + .55^2 = .505; .05, 0
    and 0: (.95 + .95 + 1) / 3 = .9667.
    """
    one = member(q1a=("positive", 1.0), q1b=("negative", 0.45), q2a=("negative", 0.0))
    other = member(q1a=("negative", 0.0), q1b=("negative", 0.45), q2a=("negative", 0.0))
    assert sent("disagreement", earlier=(one, other)) == ["q1a", "q1b", "q2a"]


def test_members_that_are_sure_of_the_same_do_not_disagree(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(
        globals(), "VERDICTS", VERDICTS.with_columns(probability=pl.lit(None, dtype=pl.Float32))
    )
    assert sent(
        "disagreement",
        earlier=(member(q1a=("positive", None), q1b=("positive", None), q2a=("negative", None)),),
    ) == ["q1b"]
