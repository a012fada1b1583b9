"""qzhou: paraphrases, related pairs and hard negatives of labelled and written pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hone.data import tables, training_set
from hone.errors import Refused
from tests.generate.imitation import instead, number_in, shown
from tests.generate.test_method_runs import write_labelled
from tests.generate.test_stage import documents_only, prepare, read
from tests.hone.llm.answering import serving
from tests.stages import generate, start


def recipe(**parameters: Any) -> dict[str, Any]:
    return {"methods": [{"qzhou": parameters}], "filters": [], "dev": 0}


def run(answers: dict[str, Any], **parameters: Any) -> int:
    """Generate for two labelled queries; returns the number of calls."""
    write_labelled()
    with serving(instead(**answers)) as server:
        prepare(server, recipe(**parameters))
        generate("ours")
        return len(server.requests)


def named(labels: pl.DataFrame) -> set[tuple[str, str, int]]:
    """Labels with the texts of generated queries and documents in place of their ids."""
    texts = dict(read("queries").select("query_id", "text").rows())
    texts |= dict(read("documents").select("doc_id", "text").rows())
    return {
        (texts.get(query, query), texts.get(doc, doc), relevance)
        for query, doc, relevance in labels.select("query_id", "doc_id", "relevance").rows()
    }


def test_a_paraphrased_query_keeps_the_document_and_gets_its_paraphrase(workspace: Path):
    assert run({}, operators=["paraphrase"]) == 2
    assert named(read("qrels")) == {
        (f"name the musical animal of {n}", document, 1)
        for n in "01"
        for document in (
            f"d{n}",
            f"Up in the branches a bird makes music for item {n}.",
        )
    }
    assert set(read("queries")["origin"]) == {"qzhou paraphrase@1 made-up"}


def test_a_related_pair_has_only_its_own_document(workspace: Path):
    assert run({}, operators=["augment"]) == 2
    assert named(read("qrels")) == {
        (f"what does a cat chase near {n}", f"A cat chases mice all day near item {n}.", 1)
        for n in "01"
    }


def test_a_negative_belongs_to_the_training_query_itself(workspace: Path):
    assert run({}, operators=["negative"]) == 2
    assert read("queries").is_empty()
    assert named(read("qrels")) == {
        (f"q{n}", f"Stones and water matter for {n}. Nobody hears a sound.", 0) for n in "01"
    }
    start()
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    negatives = labels.filter(pl.col("label").cast(pl.String) == "negative")
    assert set(negatives["query_id"]) == {"q0", "q1"}
    assert len(training_set.read().texts(negatives["doc_id"])) == 2


def test_written_queries_are_pairs_too(workspace: Path):
    assert run({}, operators=["negative"], pairs="both") == 8 + 10
    labels = read("qrels")
    assert len(read("queries")) == 8
    assert len(labels.filter(relevance=1)) == 8
    assert len(labels.filter(relevance=0)) == 10


def test_labelled_pairs_need_labels(workspace: Path):
    documents_only()
    prepare(None, recipe())
    with pytest.raises(Refused, match="no chosen document of ours is a positive"):
        generate("ours")


@pytest.mark.parametrize(
    ("answer", "rules", "queries"),
    [
        ("no JSON at all", {"no-text"}, 0),
        ('{"query": "what is it", "document": ""}', {"no-text"}, 0),
        ('{"query": "what is it", "document": "A cut', {"no-text"}, 0),
        ('{"pair": {"query": "what is it", "document": "A bird makes music."}}', set(), 2),
        ('{"query": "what is it", "document": "Music."}', {"positive-short-text"}, 2),
    ],
)
def test_a_pair_needs_both_texts(workspace: Path, answer: str, rules: set[str], queries: int):
    run({"JSON": answer}, operators=["paraphrase"])
    assert set(read("removed")["rule"]) == rules
    assert len(read("queries")) == queries
    assert len(read("qrels").filter(pl.col("doc_id").is_in(["d0", "d1"]))) == queries


def test_a_related_pair_without_a_document_is_removed_whole(workspace: Path):
    run({"JSON": '{"query": "what is it", "document": "Music."}'}, operators=["augment"])
    assert read("queries").is_empty()
    assert read("qrels").is_empty()
    assert set(read("removed")["rule"]) == {"positive-short-text", "no-positive"}


def test_an_unchanged_query_or_document_is_a_copy(workspace: Path):
    def unchanged(body: dict) -> str:
        first = number_in(shown(body, "document")) == "0"
        query = shown(body, "query") if first else "another question about it"
        return json.dumps({"query": query, "document": shown(body, "document")})

    run({"JSON": unchanged}, operators=["paraphrase"])
    assert set(read("removed")["rule"]) == {"copy", "positive-copy"}
    assert named(read("qrels")) == {("another question about it", "d1", 1)}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"operators": []}, "operators"),
        ({"operators": ["paraphrse"]}, "operators"),
        ({"paraphrase_prompt": "question"}, "does not ask for 'query', 'document'"),
        ({"negative_prompt": "paraphrase"}, "has the answer format `json`"),
    ],
)
def test_invalid_parameters_are_refused_before_any_stage(
    workspace: Path, parameters: dict[str, Any], message: str
):
    documents_only()
    with pytest.raises(Refused) as refusal:
        prepare(None, recipe(**parameters))
    assert message in str(refusal.value)
