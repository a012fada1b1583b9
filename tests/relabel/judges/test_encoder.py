"""The judge `encoder`: known answers by hand from a tiny model's own vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data.questions import Questions
from hone.encoders.model_folder import pinned
from hone.encoders.round_encoders import Models
from hone.errors import Refused
from hone.judging import fingerprint
from hone.judging.context import Desk
from hone.llm.ledger.ledger import Ledger
from tasks.relabel.judges.encoder import encoder
from tests.prepared import write_params
from tests.tiny_model import tiny_model

READING = {"max_length": 32, "prompts": {}, "precision": "fp32"}
MACHINE = {"device": "cpu", "batch_tokens": None}
QUERIES = {"q1": "red cat", "q2": "square dog", "q3": "hot fire"}
DOCUMENTS = {
    "d1": "red green cat",
    "d2": "blue stone",
    "d3": "big dog",
    "a1": "green cat bird",
    "a2": "old stone",
    "b1": "new dog",
    "gone": "",
}
POSITIVES = [("q1", "a1"), ("q1", "a2"), ("q2", "b1")]
PAIRS = [("q1", "d1"), ("q1", "d2"), ("q1", "a1"), ("q2", "d3"), ("q2", "b1"), ("q3", "d1")]


def questions(pairs: list[tuple[str, str]] = PAIRS) -> Questions:
    return Questions(
        pl.DataFrame(
            pairs, schema={"query_id": pl.String, "doc_id": pl.String}, orient="row"
        ).with_columns(rank=pl.lit(1, dtype=pl.Int32)),
        pl.DataFrame(POSITIVES, schema=["query_id", "doc_id"], orient="row"),
        pl.DataFrame(list(QUERIES.items()), schema=["query_id", "text"], orient="row"),
        pl.DataFrame(list(DOCUMENTS.items()), schema=["doc_id", "full_text"], orient="row"),
    )


@pytest.fixture
def desk(workspace: Path) -> Desk:
    """With the base model r0, the round's starting model r1, and a teacher below inputs/."""
    tiny_model(Path("models/r0"))
    tiny_model(Path("models/r1"), seed=1)
    tiny_model(Path("inputs/teacher"), seed=2)
    teachers = {"inputs/teacher": pinned("inputs/teacher")}
    return Desk(
        Ledger(), "test", 1, "r2", models=Models(Path("models/r1"), READING, MACHINE, teachers)
    )


def cosines(folder: str) -> dict[tuple[str, str], float]:
    """The cosine of every two texts, by sentence-transformers itself."""
    from sentence_transformers import SentenceTransformer

    named = QUERIES | DOCUMENTS
    vectors = SentenceTransformer(folder, device="cpu").encode(
        list(named.values()), normalize_embeddings=True
    )
    return {
        (one, other): float(np.dot(vectors[i], vectors[j]))
        for i, one in enumerate(named)
        for j, other in enumerate(named)
    }


def grades(made: pl.DataFrame) -> dict[tuple[str, str], float | None]:
    return {
        (query, doc): grade
        for query, doc, grade in made.select("query_id", "doc_id", "grade").iter_rows()
    }


def test_the_most_similar_known_answer_counts_and_never_the_candidate_itself(desk: Desk):
    like = cosines("models/r0")
    made = encoder(questions(), desk, "f", model="r0")
    assert made.select("query_id", "doc_id").rows() == PAIRS
    found = grades(made)
    assert found["q1", "d1"] == pytest.approx(max(like["a1", "d1"], like["a2", "d1"]), abs=1e-5)
    assert found["q1", "a1"] == pytest.approx(like["a2", "a1"], abs=1e-5)
    assert found["q2", "d3"] == pytest.approx(like["b1", "d3"], abs=1e-5)
    assert found["q2", "b1"] is None  # its query has no other
    assert found["q3", "d1"] is None
    assert (
        made["reason"].to_list()
        == [None] * 4 + ["there is no labelled positive to compare it with"] * 2
    )
    assert made["probability"].is_null().all()
    assert set(made["fingerprint"]) == {"f"}


def test_similarity_to_the_query(desk: Desk):
    like = cosines("models/r0")
    found = grades(encoder(questions(), desk, "f", to="query", model="r0"))
    assert found == {pair: pytest.approx(like[pair], abs=1e-5) for pair in PAIRS}


def test_from_the_threshold_on_a_candidate_is_positive(desk: Desk):
    grade = grades(encoder(questions(), desk, "f", model="r0"))["q1", "d1"]
    for threshold, verdict in ((grade, "positive"), (grade + 1e-3, "negative")):
        assert encoder(questions(PAIRS[:1]), desk, "f", model="r0", threshold=threshold)[
            "verdict"
        ].to_list() == [verdict]


def test_each_name_leads_to_its_own_model(desk: Desk):
    for name, folder in (
        (None, "models/r1"),
        ("r0", "models/r0"),
        ("inputs/teacher", "inputs/teacher"),
    ):
        like = cosines(folder)
        found = grades(encoder(questions(), desk, "f", to="query", model=name))
        assert found["q1", "d1"] == pytest.approx(like["q1", "d1"], abs=1e-5)


def test_nothing_is_recorded_for_it_costs_nothing(desk: Desk):
    from hone.llm.ledger.ledger import question_key

    encoder(questions(), desk, "f", model="r0")
    assert desk.ledger.find(
        "f", [question_key(QUERIES[query], DOCUMENTS[doc]) for query, doc in PAIRS]
    ).is_empty()


def test_no_questions(desk: Desk):
    assert encoder(questions([]), desk, "f", model="r0").is_empty()


def test_a_model_that_compares_by_inner_product_has_no_default_threshold(desk: Desk):
    import json

    file = Path("models/r0/config_sentence_transformers.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"similarity_fn_name": "dot"}))
    with pytest.raises(Refused, match="`threshold`"):
        encoder(questions(), desk, "f", model="r0")
    assert (
        encoder(questions(), desk, "f", model="r0", threshold=0.5)["verdict"]
        .is_in(["positive", "negative"])
        .sum()
        == 4
    )


def test_models_that_are_not_there(desk: Desk):
    with pytest.raises(Refused, match="did you mean 'inputs/teacher'"):
        encoder(questions(), desk, "f", model="inputs/teecher")
    with pytest.raises(Refused, match="needs the models of a round"):
        encoder(questions(), Desk(desk.ledger, "test", 1), "f")


def test_another_base_model_is_another_judge(workspace: Path):
    """What was shown of a guide with one base model must not count for another."""
    tiny_model(Path("inputs/one"))
    tiny_model(Path("inputs/two"), seed=1)
    guide = {
        "method": "encoder",
        "parameters": {"to": "positives", "model": "r0", "revision": None, "threshold": None},
    }
    found = set()
    for model in (
        {"name": "inputs/one"},
        {"name": "inputs/two"},
        {"name": "inputs/two", "max_length": 16},
    ):
        write_params(model=model)
        found.add(fingerprint.fingerprint(guide))
    assert len(found) == 3
