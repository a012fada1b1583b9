"""The judge `scores`: grades are the table's figures, of candidates and of known answers."""

from __future__ import annotations

from math import log
from pathlib import Path

import polars as pl
import pytest
import yaml

from hone.data import tables
from hone.errors import Refused
from hone.judging.context import Desk
from hone.llm.ledger.ledger import Ledger
from hone.training.teacher import teacher_of
from tasks.relabel.judges.scores import CUT, scores
from tests.prepared import write_params
from tests.rank.collection import MODEL, prepared
from tests.relabel.judges.test_encoder import PAIRS, questions
from tests.stages import relabel, resolve, sample, score
from tests.tiny_cross_encoder import tiny_cross_encoder

GIVEN = {
    ("q1", "d1"): 0.8,
    ("q1", "d2"): 0.25,
    ("q1", "a1"): 1.0,
    ("q2", "d3"): 0.0,
    ("q2", "b1"): 0.5,
}  # q3 and d1: nothing
FILE = Path("rounds/r2/scores.parquet")


@pytest.fixture
def desk(workspace: Path) -> Desk:
    rows = [(query, doc, "ce", value) for (query, doc), value in GIVEN.items()]
    rows += [(query, doc, "dense", -value) for (query, doc), value in GIVEN.items()]
    FILE.parent.mkdir(parents=True)
    table = pl.DataFrame(rows, schema=["query_id", "doc_id", "scorer", "score"], orient="row")
    tables.write("scores", tables.shaped("scores", table), FILE)
    return Desk(Ledger(), "test", 1, "r2")


def test_grades_are_the_scores_and_nothing_is_found(desk: Desk):
    made = scores(questions(), desk, "f", scorer="ce")
    assert made.select("query_id", "doc_id").rows() == PAIRS
    for query, doc, grade, verdict, reason in made.select(
        "query_id", "doc_id", "grade", "verdict", "reason"
    ).iter_rows():
        if (query, doc) not in GIVEN:
            assert (grade, verdict, reason) == (None, "unknown", "ce gave it no score")
        else:
            assert grade == pytest.approx(GIVEN[query, doc])
            assert (verdict, reason) == ("negative", None)
    assert made["probability"].is_null().all()


def test_from_a_threshold_on_a_pair_is_found(desk: Desk):
    made = scores(questions(), desk, "f", scorer="ce", threshold=0.5)
    assert made["verdict"].to_list() == [
        "positive",
        "negative",
        "positive",
        "negative",
        "positive",
        "unknown",
    ]


def test_logits_by_hand(desk: Desk):
    """ln(.8 / .2) = ln 4, ln(.25 / .75) = -ln 3; 1 and 0 are cut, so that each is a number."""
    made = scores(questions(), desk, "f", scorer="ce", logit=True, threshold=0.5)
    most = log((1 - CUT) / CUT)
    assert made["grade"].to_list()[:5] == pytest.approx([log(4), -log(3), most, -most, 0], abs=1e-5)
    assert most == pytest.approx(13.8, abs=0.05)
    assert made["verdict"].to_list()[:5] == [
        "positive",
        "negative",
        "positive",
        "negative",
        "positive",
    ]


def test_what_cannot_work_is_refused(desk: Desk):
    with pytest.raises(Refused, match="'dense', whose scores are not between 0 and 1"):
        scores(questions(), desk, "f", scorer="dense", logit=True)
    with pytest.raises(Refused, match="no scores of 'cross' in this round: .*valid: ce, dense"):
        scores(questions(), desk, "f", scorer="cross")
    FILE.unlink()
    with pytest.raises(Refused, match="Use this judge only in a recipe's `relabel`"):
        scores(questions(), desk, "f", scorer="ce")


TAUGHT = {
    "score": [{"cross-encoder": {"model": "inputs/cross"}}],
    "sample": {"filters": ["labelled"], "choose": {"top": {"n": 3}}},
    "relabel": {
        "cascade": [{"judge": {"scores": {"scorer": "cross-encoder:cross"}}}],
        "action": "keep",
        "grades": True,
    },
    "train": {"losses": ["distil"], "negatives": 3},
}


def test_a_round_is_taught_by_its_own_table_known_answers_too(workspace: Path):
    tiny_cross_encoder(Path("inputs/cross"))
    prepared(TAUGHT)
    for stage in (score, sample, relabel):
        stage("r1")
    labels = tables.read("labels", Path("rounds/r1/labels.parquet"))
    given = tables.read("scores", Path("rounds/r1/scores.parquet")).filter(
        pl.col("scorer") == "cross-encoder:cross"
    )
    both = labels.join(given, on=["query_id", "doc_id"], how="left")
    assert set(labels["label"].cast(pl.String)) == {"positive", "negative"}
    assert both["grade"].to_list() == both["score"].to_list()
    assert teacher_of(labels, "a test") == "scores"
    judgments = tables.read("judgments", Path("rounds/r1/judgments.parquet"))
    assert sorted(judgments["place"].unique()) == [0, 1]


def test_a_scorer_that_the_recipe_lacks_is_refused_before_anything_works(workspace: Path):
    tiny_cross_encoder(Path("inputs/cross"))
    prepared({})
    judge = {"scores": {"scorer": "cross-encoder:corss"}}
    given = (
        {"about": "a test", "retrieve": ["dense"]}
        | TAUGHT
        | {"relabel": TAUGHT["relabel"] | {"cascade": [{"judge": judge}]}}
    )
    Path("recipes/of1.yaml").write_text(yaml.safe_dump(given))
    write_params(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "of1"}})
    with pytest.raises(
        Refused,
        match="round r1: the judge scores needs the scores of .* did you mean "
        "'cross-encoder:cross'",
    ):
        resolve()


def test_the_table_counts_as_it_stands_now(workspace: Path):
    """The ledger is left out: what the table says now is what counts."""
    tiny_cross_encoder(Path("inputs/cross"))
    prepared(TAUGHT)
    for stage in (score, sample, relabel):
        stage("r1")
    file = Path("rounds/r1/scores.parquet")
    tables.write(
        "scores", tables.read("scores", file).with_columns(score=pl.col("score") / 2), file
    )
    relabel("r1")
    labels = tables.read("labels", Path("rounds/r1/labels.parquet"))
    given = tables.read("scores", file).filter(pl.col("scorer") == "cross-encoder:cross")
    both = labels.join(given, on=["query_id", "doc_id"], how="left")
    assert both["grade"].to_list() == both["score"].to_list()
