"""rader: queries from the steps of a solution, and the documents that the steps need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hone.errors import Refused
from tests.generate.imitation import instead, number_in, shown
from tests.generate.test_stage import DOCUMENTS, documents_only, prepare, read
from tests.hone.llm.answering import serving
from tests.prepared import PROJECT
from tests.stages import generate

NUMBERS = {row["doc_id"]: number_in(row["text"]) for row in DOCUMENTS}


def run(answers: dict[str, Any] | None = None, **parameters: Any) -> list[dict]:
    documents_only()
    with serving(instead(**(answers or {}))) as server:
        prepare(server, {"methods": [{"rader": parameters}], "filters": [], "dev": 0})
        generate("ours")
        return server.requests


def labelled(text: str) -> dict[str, int]:
    """The labels of the query with this text."""
    found = read("queries").filter(text=text)
    labels = read("qrels").filter(query_id=found["query_id"][0])
    return dict(labels["doc_id", "relevance"].rows())


def test_each_kind_of_query_has_the_documents_that_its_steps_need(workspace: Path):
    run(depth=2)
    texts = read("queries")["text"].to_list()
    problem = "Find the singer for item 3 and explain it"
    first = f"{problem}\nLook at item 3 in the tree."
    second = f"{first}\nListen to the bird."
    assert {text for text in texts if "3" in text} == {
        problem,
        first,
        second,
        "music help for 3 needed",
    }
    for text in (problem, first, second, "music help for 3 needed"):
        labels = labelled(text)
        assert [doc for doc, relevance in labels.items() if relevance] == ["d3"]
        assert all(NUMBERS[doc] != "3" for doc, relevance in labels.items() if not relevance)
    assert len(labelled(first)) <= 1 + 2
    assert set(labelled(first)) | set(labelled(second)) == set(labelled(problem))
    assert read("documents").is_empty()


def test_the_recipe_keeps_queries_that_begin_with_the_same_problem(workspace: Path):
    documents_only()
    shipped = yaml.safe_load((PROJECT / "recipes/generate/rader.yaml").read_text(encoding="utf-8"))
    with serving(instead()) as server:
        prepare(server, {name: shipped[name] for name in ("methods", "filters")} | {"dev": 0})
        generate("ours")
    assert len(read("queries")) == 8 * 4
    assert read("removed").is_empty()


def test_the_document_of_the_problem_is_always_judged(workspace: Path):
    """BM25 finds nothing for these steps."""
    requests = run({"Steps": "Zzz qqq.\nXxx yyy."}, queries=["steps"])
    reflected = [body for body in requests if body["messages"][-1]["content"].endswith("no:")]
    assert len(reflected) == 16
    assert set(read("qrels")["relevance"]) == {1}


def test_only_the_first_steps_are_used(workspace: Path):
    run({"Steps": "\n".join(f"Step {n}: look {n}." for n in range(9))}, queries=["steps"], steps=2)
    assert all(text.count("\n") in (1, 2) for text in read("queries")["text"])
    assert any(text.endswith("\nlook 0.\nlook 1.") for text in read("queries")["text"])


@pytest.mark.parametrize(
    ("answers", "rules", "left"),
    [
        ({"Problem": ""}, {"no-text"}, 0),
        ({"Steps": ""}, {"no-text"}, 0),
        ({"Yes_or_no": "no"}, {"no-positive"}, 0),
        ({"Yes_or_no": "perhaps"}, {"document-undecided"}, 0),
        ({"Search_query": ""}, {"no-text"}, 8),
    ],
)
def test_what_is_missing_has_a_reason(
    workspace: Path, answers: dict[str, str], rules: set[str], left: int
):
    run(answers, queries=["problem", "written"])
    assert len(read("queries")) == left
    assert set(read("removed")["rule"]) == rules


def test_a_document_that_one_step_needs_is_a_positive_of_the_problem(workspace: Path):
    def only_second(body: dict) -> str:
        return "yes" if shown(body, "steps").count("\n") == 1 else "no"

    run({"Yes_or_no": only_second}, queries=["problem", "steps"], depth=1)
    problem = "Find the singer for item 3 and explain it"
    assert labelled(problem)["d3"] == 1
    texts = read("queries")["text"].to_list()
    assert f"{problem}\nLook at item 3 in the tree." not in texts
    assert f"{problem}\nLook at item 3 in the tree.\nListen to the bird." in texts


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"queries": []}, "queries"),
        ({"reflect_prompt": "swap"}, "shows 'entity'"),
        ({"steps": 0}, "greater than or equal to 1"),
    ],
)
def test_invalid_parameters_are_refused_before_any_stage(
    workspace: Path, parameters: dict[str, Any], message: str
):
    documents_only()
    with pytest.raises(Refused) as refusal:
        prepare(None, {"methods": [{"rader": parameters}]})
    assert message in str(refusal.value)
