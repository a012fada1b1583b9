"""Queries without a known answer train where the loss needs none (ART), and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks import tables, training_set
from tasks.errors import Refused
from tasks.relabel import __main__ as relabel
from tasks.resolve import __main__ as resolve
from tasks.retrieve import __main__ as retrieve
from tasks.sample import __main__ as sample
from tasks.train import __main__ as train
from tasks.train.examples import NO_POSITIVE, examples
from tasks.train.teacher import graded_by
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.tiny_model import WORDS, tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
ART = """
about: a teacher's order of the nearest documents
retrieve: [{dense: {depth: 6}}]
sample: {keep: [labelled], choose: {top: {n: 6}}, on_shortage: fewer}
relabel: {cascade: [{judge: {encoder: {to: query, model: r0}}}], then: keep, grades: true}
train: {losses: [LOSS], negatives: 6, queries: all, batch: {random: {size: 4}}, dev_scores: false}
"""
ROUNDS = {"r1": {"from": "r0", "recipe": "art-like"}, "r2": {"from": "r1", "recipe": "art-like"}}


def write_recipe(loss: str = "distil") -> None:
    Path("recipes").mkdir(exist_ok=True)
    Path("recipes/art-like.yaml").write_text(ART.replace("LOSS", loss))


def prepared() -> None:
    """Eight training queries, of which q6 and q7 have no answer."""
    documents = [{"doc_id": f"d{n}", "text": f"{WORDS[n % 23]} {WORDS[(n * 7 + 3) % 23]}"} for n in range(30)]
    queries = [{"query_id": f"q{n}", "text": WORDS[n], "split": "train"} for n in range(8)]
    queries.append({"query_id": "t", "text": "old", "split": "test"})
    write_rows(Path("inputs/ours"), documents, queries, pairs(*((f"q{n}", f"d{n}") for n in range(6)), ("t", "d29")))
    tiny_model(Path("inputs/tiny"))
    write_recipe()
    prepare(model=MODEL, rounds=ROUNDS)


def run(*stages) -> None:
    for stage in stages:
        if stage is sample:
            tables.write("scores", tables.empty("scores"), Path("rounds/r1/scores.parquet"))
        stage.main("r1")


def test_they_train_and_are_never_counted_as_labelled(workspace: Path):
    prepared()
    run(retrieve, sample, relabel, train)
    labels = tables.read("labels", Path("rounds/r1/labels.parquet"))
    assert set(labels["query_id"]) == {f"q{n}" for n in range(8)}
    assert set(labels.filter(pl.col("label") == "positive")["query_id"]) == {f"q{n}" for n in range(6)}
    trained = tables.read("trained", Path("rounds/r1/trained.parquet"))
    assert set(trained["query_id"]) == {f"q{n}" for n in range(8)}
    alone = trained.filter(pl.col("query_id").is_in(["q6", "q7"]))
    assert set(alone["role"].cast(pl.String)) == {"negative"}
    assert alone.group_by("query_id", "step").agg(pl.col("loss").is_not_null().sum())["loss"].to_list() == [1, 1]
    assert alone["score"].is_finite().all()
    for collection in training_set.read():  # what every other recipe, the page and evaluation read
        assert set(collection.queries()["query_id"]) == {f"q{n}" for n in range(6)}
        assert collection.queries("test")["query_id"].to_list() == ["t"]


def test_a_known_answer_is_graded_only_where_it_was_retrieved(workspace: Path):
    prepared()
    run(retrieve, sample, relabel)
    found = tables.read("candidates", Path("rounds/r1/candidates.parquet")).select("query_id", "doc_id")
    labels = tables.read("labels", Path("rounds/r1/labels.parquet")).filter(pl.col("label") == "positive")
    there = labels.join(found, on=["query_id", "doc_id"], how="semi")
    by = graded_by("encoder")
    assert there.select(by.fill_null(False).all()).item()
    assert not labels.join(found, on=["query_id", "doc_id"], how="anti").select(by.fill_null(False).any()).item()
    assert 0 < len(there) < len(labels)


def test_one_that_left_in_an_earlier_round_stays_out(workspace: Path):
    prepared()
    assert sample.queries_left([]).is_empty()
    for stage, query in (("sample", "q6"), ("relabel", None)):
        rows = [(query, None, "late-stopping", ""), ("q7", "d1", "labelled", "")] if query else [("q7", "d1", "judge", "")]
        frame = pl.DataFrame(rows, schema=["query_id", "doc_id", "rule", "detail"], orient="row")
        tables.write("removed", tables.shaped("removed", frame), Path(f"rounds/r1/removed/{stage}.parquet"))
    assert sample.queries_left(["r1"])["query_id"].to_list() == ["q6"]


def test_a_loss_that_needs_an_answer_is_refused(workspace: Path):
    write_recipe("infonce")
    write_params(model=MODEL, rounds=ROUNDS)
    with pytest.raises(Refused, match="infonce needs a known answer of each query"):
        resolve.main()


def test_the_row_of_a_query_without_an_answer():
    rows = [("q", "a", "positive", None), ("q", "b", "negative", 1), ("r", "b", "negative", 1), ("s", "c", "unknown", None)]
    labels = tables.shaped("labels", pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row"))
    queries = pl.DataFrame({"query_id": ["q", "r", "s"], "text": ["one", "two", "three"], "collection": ["c"] * 3})
    texts = pl.DataFrame({"doc_id": ["a", "b", "c"], "full_text": ["x", "y", "z"]})
    assert examples(labels, queries, texts).query_texts == ["one"]
    made = examples(labels, queries, texts, unlabelled=True)
    assert made.query_texts == ["one", "two"]  # the third has nothing to compare
    assert made.pairs.select("query_id", "document", "doc_id").rows() == [("q", 0, "a"), ("r", NO_POSITIVE, None)]
    assert made.negatives.of(np.array([1]))[0].tolist() == [1]
