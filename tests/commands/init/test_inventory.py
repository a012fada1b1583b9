"""What `hone init` reports about each file of a data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.init.inventory import Entry, inventory


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def only(folder: Path) -> Entry:
    [entry] = inventory(folder)
    return entry


def test_tables_with_their_columns(tmp_path: Path):
    write(
        tmp_path,
        documents_dot_csv="doc_id,text,group\n1,one,a\n2,two,b\n",
        queries_dot_jsonl='{"query_id": "q", "text": "ask", "split": "test"}\n\n',
        qrels_dot_csv="query_id,doc_id\nq,1\n",
    )
    assert inventory(tmp_path) == [
        Entry("documents.csv", "documents", 2, ("doc_id", "text"), ("group",)),
        Entry("qrels.csv", "labels", 1, ("query_id", "doc_id")),
        Entry("queries.jsonl", "queries", 1, ("query_id", "text", "split")),
    ]


def test_beir_layout(tmp_path: Path):
    write(
        tmp_path,
        corpus_dot_jsonl='{"_id": "1", "title": "", "text": "one", "url": "x"}\n',
        queries_dot_jsonl='{"_id": "q", "text": "ask"}\n',
        qrels__test_dot_tsv="query-id\tcorpus-id\tscore\nq\t1\t1\n",
        qrels__validation_dot_tsv="query-id\tcorpus-id\tscore\nq\t1\t1\n",
    )
    corpus, test, validation, queries = inventory(tmp_path)
    assert corpus == Entry("corpus.jsonl", "documents", 1, ("_id", "title", "text"), ("url",))
    assert (test.kind, test.rows, test.usable) == ("labels", 1, True)
    assert "'validation' is not a split. Rename it to train.tsv" in validation.problem
    assert queries.kind == "queries"


@pytest.mark.parametrize(
    "record",
    [
        {"anchor": "a", "positive": "p", "negative_1": "n"},
        {"query": "a", "pos": ["p"], "neg": ["n"]},
        {"query": "a", "positive_passages": [{"text": "p"}], "negative_passages": []},
    ],
)
def test_training_files(tmp_path: Path, record: dict):
    (tmp_path / "train.jsonl").write_text(json.dumps(record) + "\n")
    found = only(tmp_path)
    assert found == Entry("train.jsonl", "training examples", 1, tuple(record))


def test_text_files_are_counted_by_ending_at_any_depth(tmp_path: Path):
    write(
        tmp_path,
        a_dot_md="#",
        deep__b_dot_md="#",
        c_dot_txt="c",
        _dot_hidden__d_dot_md="#",
    )
    assert inventory(tmp_path) == [Entry("*.md", "texts", 2), Entry("*.txt", "texts", 1)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("contract.docx", "PK", "unsupported type. Save it as .pdf, .html or .txt"),
        ("data.bin", "?", "unsupported type. Hone does not read it"),
        ("articles.csv", "id,body\n1,one\n", "looks like documents: rename it to documents.csv"),
        ("articles.csv", "id,body\n1,one\n", "'doc_id' is missing (rename 'id'); 'text' is missing "
         "(rename 'body')"),
        ("searches.csv", "qid,question\n1,why\n", "looks like queries: rename it to queries.csv"),
        ("clicks.csv", "qid,docid\n1,2\n", "looks like qrels: rename it to qrels.csv"),
        ("faq.csv", "question,answer\nwhy,so\n", "looks like training examples: convert it to JSON "
         "Lines with `python -c"),
        ("log.csv", "time,user\n1,2\n", "its columns match no table of Hone"),
        ("documents.csv", "key,text\n1,a\n", "column 'doc_id' is missing (found 'key', 'text')"),
        ("qrels.csv", "query_id,doc_id,score\n1,2,0\n",
         "'relevance' is missing (rename 'score', or delete it)"),
        ("qrels.csv", "query_id,doc_id\n1,2,3\n", "row 2: 3 fields, but the header has 2"),
    ],
)  # fmt: skip
def test_unusable_files_have_a_reason_and_a_fix(tmp_path: Path, name: str, text: str, said: str):
    (tmp_path / name).write_text(text)
    assert said in only(tmp_path).problem
