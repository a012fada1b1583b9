"""Scores of candidates and known positives by one scorer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data import tables
from tasks.score.pair_scores import pairs_of
from tests.prepared import pairs, prepare, write_rows
from tests.stages import retrieve, score
from tests.tiny_model import WORDS, tiny_model

TEXTS = {f"d{number}": " ".join(WORDS[number : number + 4]) for number in range(8)}
QUERIES = {"q1": "red cat", "q2": "square dog"}
MODEL = {"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}


def frame(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["query_id", "doc_id"], orient="row")


def prepared(recipe: str) -> None:
    """One round of a recipe, as far as its candidates; q1 knows d7, which its two candidates
    leave out.
    """
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in QUERIES.items()]
    queries += [
        {"query_id": "q3", "text": "hot fire", "split": "test"},
        {"query_id": "q4", "text": "cold water", "split": "dev"},
    ]
    documents = [{"doc_id": name, "text": text} for name, text in TEXTS.items()]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(("q1", "d7"), ("q2", "d1"), ("q3", "d2"), ("q4", "d3")),
    )
    tiny_model(Path("inputs/tiny"))
    Path("recipes").mkdir()
    Path("recipes/two.yaml").write_text("about: the nearest two\nretrieve: [{dense: {depth: 2}}]\n")
    Path("recipes/nothing.yaml").write_text("about: no candidates\n")
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": recipe}})
    retrieve("r1")


def test_a_pair_that_is_candidate_and_positive_is_scored_once():
    candidates = frame(("q1", "a"), ("q1", "a"), ("q1", "b"))
    labels = frame(("q1", "b"), ("q2", "a"), ("q1", "c")).with_columns(
        label=pl.Series(["positive", "positive", "negative"])
    )
    assert pairs_of(candidates, labels).rows() == [("q1", "a"), ("q1", "b"), ("q2", "a")]


def test_scores_are_cosines_of_the_rounds_starting_model_for_candidates_and_positives_alike(
    workspace: Path,
):
    prepared("two")
    score("r1")
    scores = tables.read("scores", Path("rounds/r1/scores.parquet"))
    candidates = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    expected = {*candidates.select("query_id", "doc_id").rows(), ("q1", "d7"), ("q2", "d1")}
    assert sorted(scores.select("query_id", "doc_id").rows()) == sorted(expected)

    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer("models/r0", device="cpu")
    for query, doc, value in scores.select("query_id", "doc_id", "score").iter_rows():
        one, other = model.encode([QUERIES[query], TEXTS[doc]], normalize_embeddings=True)
        assert value == pytest.approx(float(np.dot(one, other)), abs=1e-5)
    found = candidates.join(
        scores.select("query_id", "doc_id", again="score"), on=["query_id", "doc_id"]
    )
    assert found["again"].to_list() == pytest.approx(found["score"].to_list(), abs=1e-6)


def test_without_candidates_nothing_is_scored(workspace: Path):
    prepared("nothing")
    score("r1")
    assert tables.read("scores", Path("rounds/r1/scores.parquet")).is_empty()
