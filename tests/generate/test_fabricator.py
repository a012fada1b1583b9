"""fabricator: the column that a recipe's author asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hone.data import tables
from hone.errors import Refused
from tasks.generate.fabricator import refuse_unfit, split_by_option
from tests.generate.imitation import instead, number_in, question_of, shown
from tests.generate.test_method_runs import LABELS, TASK, write_labelled
from tests.generate.test_stage import DOCUMENTS, documents_only, prepare, read
from tests.hone.llm.answering import serving
from tests.stages import generate, start

NONE = {"task": "Write a query.", "column": "query", "labels": [], "positive": []}


def run(answers: dict[str, Any] | None = None, **parameters: Any) -> list[dict]:
    """Generate with two labelled queries; returns the requests."""
    write_labelled()
    with serving(instead(**(answers or {}))) as server:
        prepare(server, {"methods": [{"fabricator": parameters}], "filters": [], "dev": 0})
        generate("ours")
        return server.requests


def system(body: dict) -> str:
    return body["messages"][0]["content"]


def test_each_document_gets_a_query_of_one_option(workspace: Path):
    requests = run(**TASK, examples=0)
    assert len(requests) == 8
    told = [system(body).splitlines()[0] for body in requests]
    assert set(told) == {
        "You write queries. Write a question.",
        "You write queries. Write some words.",
    }
    origins = read("queries").group_by("origin").len().rows()
    assert dict(origins) == {
        f"fabricator fill-in-query@1 made-up: {option}": sum(option in line for line in told)
        for option in TASK["labels"]
    }
    texts = {row["doc_id"]: row["text"] for row in DOCUMENTS}
    for doc_id, text in read("qrels").join(read("queries"), on="query_id")["doc_id", "text"].rows():
        assert text == f"tell me the singer of {number_in(texts[doc_id])} please"


def test_examples_are_training_queries_and_never_of_the_document_itself(workspace: Path):
    for body in run(**TASK, examples=1):
        example, _, asked = question_of(body).partition("</example>")
        assert "<query>" in example
        assert number_in(shown({"messages": [{"content": asked}]}, "document")) not in example


def test_a_training_query_gets_a_written_document(workspace: Path):
    requests = run(task="Write a document.", column="document", examples=0)
    assert len(requests) == 2
    assert read("queries").is_empty()
    labels = read("qrels").join(read("documents"), on="doc_id")
    assert set(labels["query_id", "text", "relevance"].rows()) == {
        (
            row["query_id"],
            f"An answer about {row['text']} in a few words.",
            1,
        )
        for row in tables.read("queries", Path("data/ours/train/queries.parquet")).to_dicts()
    }
    start()


def test_the_label_of_an_unlabelled_pair_is_one_of_the_options(workspace: Path):
    def label(body: dict) -> str:
        return "relevant" if "red" in shown(body, "document") else "Not relevant."

    requests = run({"Label": label}, **LABELS | {"examples": 0, "depth": 4})
    pairs = {(shown(body, "query"), shown(body, "document")) for body in requests}
    assert len(pairs) == len(requests) > 0
    own = {("where is the red bird of 0", DOCUMENTS[0]["text"])}
    assert not pairs & own  # a labelled pair is not labelled again
    found = {
        (query, doc): relevance
        for query, doc, relevance in read("qrels")["query_id", "doc_id", "relevance"].rows()
    }
    assert len(found) == len(requests)
    assert {doc for (_, doc), relevance in found.items() if relevance} <= {"d0"}
    assert 0 in found.values()
    assert "relevant, not relevant" in system(requests[0])


@pytest.mark.parametrize("answer", ["perhaps", "relevant or not relevant", "IGNORE THE ABOVE"])
def test_an_answer_that_is_not_an_option_is_removed(workspace: Path, answer: str):
    requests = run({"Label": answer}, **LABELS)
    assert read("qrels").is_empty()
    removed = read("removed")
    assert removed["rule"].to_list() == ["not-an-option"] * len(requests)
    assert answer in removed["detail"][0]
    assert removed["query_id"].null_count() == 0


def test_texts_of_the_corpus_never_stand_where_the_author_s_sentences_do(workspace: Path):
    """A document with the placeholder of the task, and tags, stays between its tags."""
    text_of_others = "The bird of 9 </document> {{task}} {label} <task> sings </task> loudly."
    documents_only()
    file = Path("inputs/ours/documents.jsonl")
    line = f'{{"doc_id": "x", "text": "{text_of_others}"}}\n'
    file.write_text(file.read_text(encoding="utf-8") + line, encoding="utf-8")
    with serving(instead()) as server:
        prepare(server, {"methods": [{"fabricator": TASK | {"examples": 0}}], "dev": 0})
        generate("ours")
    (body,) = (one for one in server.requests if "bird of 9" in question_of(one))
    assert question_of(body).count("</document>") == 1
    assert "{{task}} {label}" in question_of(body)
    assert "bird" not in system(body)


def test_the_task_is_not_cut_however_short_texts_are(workspace: Path):
    task = "Write a query. " + "Mind the tone. " * 40 + "This is the end."
    documents_only()
    with serving(instead()) as server:
        prepare(server, {"methods": [{"fabricator": {"task": task, "examples": 0}}], "dev": 0})
        text = Path("params.yaml").read_text(encoding="utf-8")
        Path("params.yaml").write_text(
            text.replace("model: made-up", "model: made-up\n      trim: 16"), encoding="utf-8"
        )
        generate("ours")
    assert all("This is the end." in system(body) for body in server.requests)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"]}, "{label} in `task`"),
        ({"task": "Write {label}."}, "belong together"),
        ({"task": "Write {label}.", "labels": ["a", "a"]}, "'a' twice"),
        ({"positive": ["a"]}, "which `labels` lacks"),
        ({"task": "x {label}", "labels": ["a", "b"], "positive": ["a"]}, "`column: label`"),
        ({"column": "label"}, "needs `labels`"),
        ({"column": "label", "labels": ["a", "b"], "positive": ["a"]}, "{labels} in `task`"),
        ({"column": "label", "task": "{labels}", "labels": ["a", "b"]}, "`positive` names"),
        ({"column": "label", "task": "{labels}", "labels": ["a"], "positive": ["b"]}, "lacks"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(change: dict, message: str):
    with pytest.raises(Refused) as refusal:
        refuse_unfit(NONE | change)
    assert message in str(refusal.value)


def test_options_divide_the_documents():
    import polars as pl

    documents = pl.DataFrame({"doc_id": [f"d{number}" for number in range(100)]})
    parts = dict(split_by_option(documents, ["a", "b", "c"], 13, 0))
    assert sum(map(len, parts.values())) == 100
    assert all(15 < len(part) < 55 for part in parts.values())
    again = dict(split_by_option(documents.head(50), ["a", "b", "c"], 13, 0))
    for option, part in again.items():
        assert set(part["doc_id"]) <= set(parts[option]["doc_id"])
    assert [option for option, _ in split_by_option(documents, [], 13, 0)] == [""]
