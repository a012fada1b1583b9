"""Queries without a known answer train where the loss needs none (ART), and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from commands.judge.again import budget_of
from commands.plan import work as planned
from commands.plan.judging import judging
from hone.config import params
from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.training.teacher import graded_by
from tasks.relabel.budget import fingerprint_of_questions, judges_of
from tasks.relabel.settings import RelabelSettings
from tasks.resolve.stages import everything
from tasks.sample.negatives import queries_left
from tasks.train.examples import NO_POSITIVE, examples
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import relabel, resolve, retrieve, sample, score, train
from tests.tiny_model import WORDS, tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
ART = """
about: a teacher's order of the nearest documents
retrieve: [{dense: {depth: 6}}]
sample: {filters: [labelled], choose: {top: {n: 6}}, on_shortage: fewer}
relabel: {cascade: [{judge: {encoder: {to: query, model: r0}}}], action: keep, grades: true}
train: {losses: [LOSS], negatives: 6, queries: all, batch: {random: {size: 4}}, dev_scores: false}
"""
ROUNDS = {"r1": {"from": "r0", "recipe": "art-like"}, "r2": {"from": "r1", "recipe": "art-like"}}


def write_recipe(loss: str = "distil") -> None:
    Path("recipes").mkdir(exist_ok=True)
    Path("recipes/art-like.yaml").write_text(ART.replace("LOSS", loss))


def prepared() -> None:
    """Eight training queries, of which q6 and q7 have no answer."""
    documents = [
        {"doc_id": f"d{n}", "text": f"{WORDS[n % 23]} {WORDS[(n * 7 + 3) % 23]}"} for n in range(30)
    ]
    queries = [{"query_id": f"q{n}", "text": WORDS[n], "split": "train"} for n in range(8)]
    queries.append({"query_id": "t", "text": "old", "split": "test"})
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((f"q{n}", f"d{n}") for n in range(6)), ("t", "d29")),
    )
    tiny_model(Path("inputs/tiny"))
    write_recipe()
    prepare(model=MODEL, rounds=ROUNDS)


def run(*stages) -> None:
    for stage in stages:
        if stage is sample:
            tables.write("scores", tables.empty("scores"), Path("rounds/r1/scores.parquet"))
        stage("r1")


def test_they_train_and_are_never_counted_as_labelled(workspace: Path):
    prepared()
    run(retrieve, sample, relabel, train)
    labels = tables.read("labels", Path("rounds/r1/labels.parquet"))
    assert set(labels["query_id"]) == {f"q{n}" for n in range(8)}
    assert set(labels.filter(pl.col("label") == "positive")["query_id"]) == {
        f"q{n}" for n in range(6)
    }
    trained = tables.read("trained", Path("rounds/r1/trained.parquet"))
    assert set(trained["query_id"]) == {f"q{n}" for n in range(8)}
    alone = trained.filter(pl.col("query_id").is_in(["q6", "q7"]))
    assert set(alone["role"].cast(pl.String)) == {"negative"}
    assert alone.group_by("query_id", "step").agg(pl.col("loss").is_not_null().sum())[
        "loss"
    ].to_list() == [1, 1]
    assert alone["score"].is_finite().all()
    for collection in training_set.read():  # what every other recipe, the page and evaluation read
        assert set(collection.queries()["query_id"]) == {f"q{n}" for n in range(6)}
        assert collection.queries("test")["query_id"].to_list() == ["t"]


def test_a_plan_counts_them(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    """Eight queries of which six have an answer: r1 reads 8 queries and 30 documents, and trains
    2 steps of 4 queries with 6 negatives.
    """
    prepared()
    monkeypatch.setattr(
        planned, "stages_to_run", lambda *_: ["base", "start", "retrieve@r1", "train@r1"]
    )  # what DVC would say of a checkout
    monkeypatch.setattr("hone.pipeline.graph.graph", list)
    monkeypatch.setattr("hone.pipeline.graph.out_of_date", set)
    given = params.read()
    settings = everything(given)
    work = planned.work_of(given, settings)
    assert work.encode["r0"] == 8 + len(
        {f"{WORDS[n % 23]} {WORDS[(n * 7 + 3) % 23]}" for n in range(30)}
    )
    assert work.train["r1"] == {"queries": 8, "steps": 2, "pairs": 2 * 4 * 6 + 6}
    assert (
        judging(given, settings["rounds/r1/relabel"], settings["rounds/r1/sample"], "r1")[-1].pairs
        == 8 * 6 + 6
    )


def test_the_cost_of_grading_counts_if_a_judge_is_called_again(workspace: Path):
    """Of 100 tokens the stage spent 60 on the questions of all eight queries: a call of 40 more
    fits, and then none does.
    """
    prepared()
    run(retrieve, sample)
    file = Path("resolved/rounds/r1/relabel.json")
    settings = read_json(file)
    settings["relabel"]["budget"] |= {"tokens": 100}
    write_json(file, settings)
    training = training_set.read(unlabelled=True)
    negatives = tables.read("negatives", Path("rounds/r1/negatives.parquet"))
    assert {"q6", "q7"} < set(negatives["query_id"])
    questions = fingerprint_of_questions(
        negatives, carried_labels("r0", training.queries()), training
    )
    section, ledger = RelabelSettings.read(round="r1").relabel, Ledger()
    judge = section.cascade[0]
    spending = Spending(ledger, questions, section.retry, judges_of(section))
    assert spending.reserve(judge["fingerprint"], {"pairs": 1, "tokens": 60, "money": 0}, {})[0]
    left = budget_of("r1", judge, ledger)
    assert left.reserve(1, 40, 0.0) is not None
    assert budget_of("r1", judge, ledger).reserve(1, 1, 0.0) is None


def test_a_known_answer_is_graded_only_where_it_was_retrieved(workspace: Path):
    prepared()
    run(retrieve, sample, relabel)
    found = tables.read("candidates", Path("rounds/r1/candidates.parquet")).select(
        "query_id", "doc_id"
    )
    labels = tables.read("labels", Path("rounds/r1/labels.parquet")).filter(
        pl.col("label") == "positive"
    )
    retrieved = labels.join(found, on=["query_id", "doc_id"], how="semi")
    by = graded_by("encoder")
    assert retrieved.select(by.fill_null(False).all()).item()
    assert (
        not labels.join(found, on=["query_id", "doc_id"], how="anti")
        .select(by.fill_null(False).any())
        .item()
    )
    assert 0 < len(retrieved) < len(labels)


def test_one_that_left_in_an_earlier_round_stays_out(workspace: Path):
    prepared()
    assert queries_left([]).is_empty()
    for stage, query in (("sample", "q6"), ("relabel", None)):
        rows = (
            [(query, None, "late-stopping", ""), ("q7", "d1", "labelled", "")]
            if query
            else [("q7", "d1", "judge", "")]
        )
        frame = pl.DataFrame(rows, schema=["query_id", "doc_id", "rule", "detail"], orient="row")
        tables.write(
            "removed", tables.shaped("removed", frame), Path(f"rounds/r1/removed/{stage}.parquet")
        )
    assert queries_left(["r1"])["query_id"].to_list() == ["q6"]


def test_a_loss_that_needs_an_answer_is_refused(workspace: Path):
    write_recipe("infonce")
    write_params(model=MODEL, rounds=ROUNDS)
    with pytest.raises(Refused, match="infonce needs a labelled positive for each query"):
        resolve()


def test_the_row_of_a_query_without_an_answer():
    rows = [
        ("q", "a", "positive", None),
        ("q", "b", "negative", 1),
        ("r", "b", "negative", 1),
        ("s", "c", "unknown", None),
    ]
    labels = tables.shaped(
        "labels", pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    )
    queries = pl.DataFrame(
        {"query_id": ["q", "r", "s"], "text": ["one", "two", "three"], "collection": ["c"] * 3}
    )
    texts = pl.DataFrame({"doc_id": ["a", "b", "c"], "full_text": ["x", "y", "z"]})
    assert examples(labels, queries, texts).query_texts == ["one"]
    made = examples(labels, queries, texts, unlabelled=True)
    assert made.query_texts == ["one", "two"]  # the third has nothing to compare
    assert made.pairs.select("query_id", "document", "doc_id").rows() == [
        ("q", 0, "a"),
        ("r", NO_POSITIVE, None),
    ]
    assert made.negatives.of(np.array([1]))[0].tolist() == [1]


PSEUDO = """
about: pseudo-labels by two thresholds
retrieve: [{dense: {depth: 6}}]
score: [encoder]
sample: {filters: [labelled], choose: {top: {n: 6}}, on_shortage: fewer}
relabel:
  cascade: [{judge: {scores: {scorer: encoder, threshold: HIGH, negative: LOW}}}]
  action: promote
  force: true
train: {negatives: 1, queries: judged, batch: {random: {size: 4}}, dev_scores: false}
"""


def prepare_pseudo(high: float, low: float) -> None:
    """The same queries with a recipe that promotes documents by their score."""
    prepared()
    text = PSEUDO.replace("HIGH", str(high)).replace("LOW", str(low))
    Path("recipes/pseudo.yaml").write_text(text)
    write_params(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "pseudo"}})
    resolve()
    for stage in (retrieve, score, sample, relabel):
        stage("r1")


def test_queries_without_an_answer_train_on_what_a_judge_promotes(workspace: Path):
    prepare_pseudo(-2.0, -3.0)  # every document of q6 and q7 is above
    train("r1")
    trained = tables.read("trained", Path("rounds/r1/trained.parquet"))
    positives = trained.filter(pl.col("role") == "positive")
    assert {"q6", "q7"} <= set(positives["query_id"])


def test_scores_between_two_thresholds_are_unknown_and_train_nothing(workspace: Path):
    prepare_pseudo(2.0, -2.0)  # every cosine lies between
    labels = tables.read("labels", Path("rounds/r1/labels.parquet"))
    mined = labels.filter(pl.col("judge") != "qrels")
    assert set(mined["label"].cast(pl.String)) == {"unknown"}
    assert all("between the thresholds" in reason for reason in mined["reason"])
    train("r1")
    trained = tables.read("trained", Path("rounds/r1/trained.parquet"))
    assert not {"q6", "q7"} & set(trained["query_id"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("action: promote", "action: drop", "no judge promotes"),
        ("threshold: HIGH", "threshold: -9", "the first must be lower"),
    ],
)
def test_pseudo_labels_that_cannot_be_are_refused(
    workspace: Path, old: str, new: str, message: str
):
    prepared()
    text = PSEUDO.replace(old, new).replace("HIGH", "0.9").replace("LOW", "0.1")
    Path("recipes/pseudo.yaml").write_text(text)
    write_params(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "pseudo"}})
    with pytest.raises(Refused, match=message):
        resolve()
