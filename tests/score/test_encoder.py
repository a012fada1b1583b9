"""Scores by a further encoder: to the query and to the known positives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from hone.config import params
from hone.data import tables
from hone.errors import Refused
from tasks.resolve.stages import everything
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import retrieve, score
from tests.tiny_model import WORDS, tiny_model

TEXTS = {f"d{number}": " ".join(WORDS[number : number + 4]) for number in range(8)}
MODEL = {"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}
GUIDE = {"encoder": {"model": "inputs/guide"}}
NEAREST = {"encoder": {"model": "inputs/guide", "to": "positives"}}


def prepared(**sections: object) -> None:
    """One round of a recipe that retrieves the nearest two; q1 knows d7 and d5, q2 knows d1."""
    recipe(**sections)
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "tried"}})
    retrieve("r1")


def recipe(**sections: object) -> None:
    queries = [
        {"query_id": name, "text": text, "split": "train"}
        for name, text in {"q1": "red cat", "q2": "square dog"}.items()
    ]
    queries += [
        {"query_id": "q3", "text": "hot fire", "split": "test"},
        {"query_id": "q4", "text": "cold water", "split": "dev"},
    ]
    documents = [{"doc_id": name, "text": text} for name, text in TEXTS.items()]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(("q1", "d7"), ("q1", "d5"), ("q2", "d1"), ("q3", "d2"), ("q4", "d3")),
    )
    tiny_model(Path("inputs/tiny"))
    tiny_model(Path("inputs/guide"), seed=7)
    Path("recipes").mkdir()
    given = {"about": "a test", "retrieve": [{"dense": {"depth": 2}}]} | sections
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(given))


def settings(**sections: object) -> dict:
    """What `resolve` makes of the stage `score` of such a recipe."""
    recipe(**sections)
    write_params(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "tried"}})
    return everything(params.read())["rounds/r1/score"]


def test_a_guide_scores_beside_the_encoder_that_retrieved(workspace: Path):
    prepared(score=[GUIDE, NEAREST])
    score("r1")
    scores = tables.read("scores", Path("rounds/r1/scores.parquet"))
    by = {name: frame for (name,), frame in scores.partition_by("scorer", as_dict=True).items()}
    assert list(by) == ["dense", "encoder:guide", "encoder-to-positives:guide"]
    pair_lists = [sorted(frame.select("query_id", "doc_id").rows()) for frame in by.values()]
    assert pair_lists[0] == pair_lists[1] == pair_lists[2]

    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer("inputs/guide", device="cpu")
    vectors = {
        text: model.encode(text, normalize_embeddings=True)
        for text in ("red cat", "square dog", *TEXTS.values())
    }
    query, known = {"q1": "red cat", "q2": "square dog"}, {"q1": ("d7", "d5"), "q2": ("d1",)}
    for query_id, doc_id, value in (
        by["encoder:guide"].select("query_id", "doc_id", "score").iter_rows()
    ):
        assert value == pytest.approx(
            float(np.dot(vectors[query[query_id]], vectors[TEXTS[doc_id]])), abs=1e-5
        )
    for query_id, doc_id, value in (
        by["encoder-to-positives:guide"].select("query_id", "doc_id", "score").iter_rows()
    ):
        nearest = max(
            float(np.dot(vectors[TEXTS[other]], vectors[TEXTS[doc_id]]))
            for other in known[query_id]
        )
        assert value == pytest.approx(nearest, abs=1e-5)
    itself = by["encoder-to-positives:guide"].filter(
        (pl.col("query_id") == "q2") & (pl.col("doc_id") == "d1")
    )
    assert itself["score"].item() == pytest.approx(1)


def test_a_rule_may_compare_by_it(workspace: Path):
    keep = ["labelled", {"positive-aware": {"scorer": "encoder-to-positives:guide", "share": 0.8}}]
    made = settings(score=[NEAREST], sample={"filters": keep})
    assert list(made.scorers) == ["dense", "encoder-to-positives:guide"]
    assert made.scorers["encoder-to-positives:guide"]["parameters"] == {
        "to": "positives",
        "model": "inputs/guide",
        "revision": None,
    }
    assert made.teachers["inputs/guide"]["fingerprint"]
    assert "tasks.score.encoder" in made.code


def test_without_a_line_the_encoder_that_retrieved_scores(workspace: Path):
    made = settings()
    assert made.scorers == {
        "dense": {
            "method": "encoder",
            "parameters": {"to": "query", "model": None, "revision": None},
        }
    }
    assert made.score == "none"


def test_a_rule_that_wants_a_dense_source_gets_the_rounds_own_encoder_first(workspace: Path):
    keep = ["labelled", "positive-aware"]
    assert list(settings(retrieve=["bm25"], score=[GUIDE], sample={"filters": keep}).scorers) == [
        "dense",
        "encoder:guide",
    ]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"score": [GUIDE, GUIDE]},
            "two lines of the recipe have the same scorer name 'encoder:guide'",
        ),
        (
            {
                "score": [GUIDE],
                "sample": {
                    "filters": ["labelled", {"positive-aware": {"scorer": "encoder:giude"}}]
                },
            },
            "did you mean 'encoder:guide'",
        ),
        ({"score": [{"encoder": {"to": "positive"}}]}, "score: encoder: "),
        ({"score": ["encodre"]}, "did you mean 'encoder'"),
    ],
)
def test_what_cannot_be_meant_is_refused(workspace: Path, sections: dict, message: str):
    with pytest.raises(Refused) as refusal:
        settings(**sections)
    assert message in str(refusal.value)


def test_a_guide_outside_of_inputs_is_refused(workspace: Path):
    tiny_model(Path("elsewhere"))
    with pytest.raises(Refused, match="is not below inputs/"):
        settings(score=[{"encoder": {"model": "elsewhere"}}])
