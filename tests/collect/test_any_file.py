"""Whatever stands in a file, a reader gives a valid table or refuses with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.audit.sheet import read_verdicts
from commands.audit.triplets_reader import read_rows
from hone.config.params import Split
from hone.data import user_tables
from hone.data.file_faults import Faults
from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source
from hone.errors import Refused
from hone.judging.annotation import csv, overrides
from hone.judging.reliability.annotators import read_people
from tasks.collect.beir import beir
from tasks.collect.folder import folder
from tasks.collect.refusals import examined
from tasks.collect.settings import CollectSettings
from tasks.collect.triplets import triplets
from tasks.relabel.judges import replay
from tasks.retrieve.run import read_run

SETTINGS = CollectSettings.model_construct(
    absent_labels="ignore",
    repeated_queries="leave-out",
    empty_documents="leave-out",
    split=Split(dev=0.1, test=0.2),
    train=False,
    min_relevance=1,
    own_id="keep",
)
TEXTS = st.text(max_size=4) | st.sampled_from(["a", "b", "7", "\ud83d", "7.0", ""])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([10**30, float("nan"), 7.0, 1e300])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
USUAL = st.sampled_from(["a", "b", "1", 1, 2, 1.0])


def lines(names: list[str]) -> st.SearchStrategy[list[Any]]:
    """Lines of which most have most of the names, with values that are often such as are meant."""
    record = st.fixed_dictionaries({}, optional=dict.fromkeys(names, USUAL | VALUES))
    return st.lists(record | record | VALUES, max_size=4)


def write(file: Path, records: list[Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def valid(source: Source) -> None:
    """The tables have their types, and can be examined and written."""
    for frame, columns in (
        (source.documents, DOCUMENTS),
        (source.queries, QUERIES),
        (source.qrels, QRELS),
    ):
        assert {name: frame.schema[name] for name in columns} == columns
    examined("ours", source, SETTINGS, Faults())


def read_or_refused(read: Callable[[], Any]) -> None:
    message = "read"
    try:
        found = read()
        if isinstance(found, Source):
            valid(found)
    except Refused as refusal:
        message = str(refusal)
    assert message.encode()


@settings(max_examples=40)
@given(
    lines(["doc_id", "title", "text", "parent_id", "date", "more"]),
    lines(["query_id", "text", "split"]),
    lines(["query_id", "doc_id", "relevance"]),
)
def test_folder(
    tmp_path_factory: pytest.TempPathFactory, documents: list, queries: list, qrels: list
):
    place = tmp_path_factory.mktemp("folder")
    for name, records in (("documents", documents), ("queries", queries), ("qrels", qrels)):
        write(place / f"{name}.jsonl", records)
    read_or_refused(lambda: folder(place, None))


FIELD = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["q1", "d1", "0", "1.0", "-1", "score", '"', "9" * 20]
)
LINES = st.lists(
    st.lists(FIELD, max_size=5).flatmap(
        lambda fields: st.sampled_from(["\t", " ", ","]).map(lambda mark: mark.join(fields))
    ),
    max_size=4,
)


@settings(max_examples=40)
@given(lines(["_id", "title", "text", "metadata"]), lines(["_id", "text"]), LINES)
def test_beir(
    tmp_path_factory: pytest.TempPathFactory, corpus: list, queries: list, qrels: list[str]
):
    place = tmp_path_factory.mktemp("beir")
    write(place / "corpus.jsonl", corpus)
    write(place / "queries.jsonl", queries)
    (place / "qrels").mkdir()
    (place / "qrels/test.tsv").write_text("\n".join(qrels), encoding="utf-8")
    read_or_refused(lambda: beir(place, None))


NAMES = [
    "anchor",
    "query",
    "question",
    "positive",
    "pos",
    "neg",
    "negative",
    "negative_1",
    "positive_passages",
    "negative_passages",
    "query_id",
]
PASSAGES = st.fixed_dictionaries({}, optional={"title": USUAL | VALUES, "text": USUAL | VALUES})


@settings(max_examples=40)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(NAMES, USUAL | VALUES)
            | {"positive_passages": st.lists(PASSAGES, max_size=2) | VALUES},
        ),
        max_size=4,
    )
)
def test_triplets(tmp_path_factory: pytest.TempPathFactory, records: list):
    file = tmp_path_factory.mktemp("triplets") / "t.jsonl"
    write(file, records)
    read_or_refused(lambda: triplets(file, None))
    read_or_refused(lambda: read_rows(file))


@settings(max_examples=40)
@given(lines(["query", "negative_passages", "stage1"]))
def test_recorded_answers(tmp_path_factory: pytest.TempPathFactory, records: list):
    file = tmp_path_factory.mktemp("replay") / "t.jsonl"
    write(file, records)
    read_or_refused(lambda: replay.read(file, "stage1", {"a"}))


@settings(max_examples=40)
@given(lines(["doc_id", "neighbour_id", "weight"]))
def test_tables_below_inputs(tmp_path_factory: pytest.TempPathFactory, records: list):
    file = tmp_path_factory.mktemp("table") / "t.jsonl"
    write(file, records)
    read_or_refused(lambda: user_tables.read(file, ("doc_id", "neighbour_id"), ("weight",)))


READERS = {
    "corpus.jsonl": lambda file: beir(file.parent, None),
    "documents.jsonl": lambda file: folder(file.parent, None),
    "documents.csv": lambda file: folder(file.parent, None),
    "documents.parquet": lambda file: folder(file.parent, None),
    "qrels/test.tsv": lambda file: beir(file.parent.parent, None),
    "t.jsonl": lambda file: triplets(file, None),
    "run.trec": read_run,
    "overrides.csv": overrides.read,
    "people.tsv": read_people,
    "filled.csv": csv.read,
    "verdicts.csv": read_verdicts,
    "table.jsonl": lambda file: user_tables.read(file, ("a", "b")),
    "table.parquet": lambda file: user_tables.read(file, ("a", "b")),
    "table.csv": lambda file: user_tables.read(file, ("a", "b")),
}
BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [
            b'{"_id": "a"',
            b"\xef\xbb\xbf",
            b"[" * 5000,
            b"9" * 5000,
            b"\n",
            b"\t",
            b"q1 Q0 d1 1 inf x",
            b",",
            b'"',
            b"\x00",
            b"\xff\xfe",
            b"\xed\xa0\xbd",
        ]
    ),
    max_size=6,
).map(b"".join)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25)
@given(content=BYTES)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes):
    place = tmp_path_factory.mktemp("bytes")
    for other in ("queries.jsonl", "qrels.jsonl"):
        write(place / other, [])
    if name != "corpus.jsonl":
        write(place / "corpus.jsonl", [{"_id": "a", "text": "b"}])
    file = place / name
    file.parent.mkdir(exist_ok=True)
    (place / "qrels").mkdir(exist_ok=True)
    (place / "qrels/test.tsv").write_text("q1\td1\t1\n")
    file.write_bytes(content)
    read_or_refused(lambda: READERS[name](file))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"doc_id": "a", "text": "b\\ud83d"}',
            "documents.jsonl, line 2: `text` contains half a character",
        ),
        (
            '{"doc_id": "\\ud83d", "text": "b"}',
            "documents.jsonl, line 2: `doc_id` contains half a character",
        ),
        (
            '{"doc_id": "a", "text": "b", "more": ' + "[" * 5000 + "]" * 5000 + "}",
            "documents.jsonl, line 2: lists or objects are nested more than 64 levels deep",
        ),
        (
            '{"doc_id": "a", "text": "b", "more": ' + "[" * 100 + "]" * 100 + "}",
            "documents.jsonl, line 2: lists or objects are nested more than 64 levels deep",
        ),
        (
            '{"doc_id": "a", "text": "b", "more": ' + "9" * 5000 + "}",
            "documents.jsonl, line 2: a number has thousands of digits",
        ),
        ('{"doc_id": "a", "text": ["b"]}', "documents.jsonl, row 2: `text` is a list (['b'])"),
        ('{"doc_id": ["a"], "text": "b"}', "documents.jsonl, row 2: `doc_id` is a list (['a'])"),
        (
            '{"doc_id": 7.5, "text": "b"}',
            "documents.jsonl, row 2: `doc_id` is the decimal number 7.5",
        ),
    ],
)
def test_what_json_can_hold_and_a_table_cannot(tmp_path: Path, line: str, message: str):
    (tmp_path / "documents.jsonl").write_text(
        '{"doc_id": "d", "text": "e \\ud83d\\ude00"}\n' + line + "\n"
    )
    for name in ("queries", "qrels"):
        write(tmp_path / f"{name}.jsonl", [{"query_id": "q", "doc_id": "d", "text": "x"}])
    with pytest.raises(Refused) as refused:
        folder(tmp_path, None)
    assert str(refused.value).startswith(f"{tmp_path}/{message}")


def test_a_mark_of_the_encoding_is_no_part_of_the_first_name(tmp_path: Path):
    (tmp_path / "documents.csv").write_bytes(b"\xef\xbb\xbfdoc_id,text\n007,a\n")
    (tmp_path / "queries.jsonl").write_bytes(b'\xef\xbb\xbf{"query_id": "q", "text": "b"}\n')
    (tmp_path / "qrels.csv").write_bytes(b"\xef\xbb\xbfquery_id,doc_id\nq,007\n")
    assert folder(tmp_path, None).documents["doc_id"].to_list() == ["007"]
    (tmp_path / "run.trec").write_bytes(b"\xef\xbb\xbfq1 Q0 d1 1 2.0 t\n")
    assert read_run(tmp_path / "run.trec").select("query_id", "doc_id").rows() == [("q1", "d1")]
    (tmp_path / "overrides.csv").write_bytes(b"\xef\xbb\xbfquery_id,doc_id,label\nq,d,positive\n")
    assert overrides.read(tmp_path / "overrides.csv").rows() == [("q", "d", "positive")]
    (tmp_path / "people.tsv").write_bytes(b"\xef\xbb\xbfquery-id\tdoc-id\ta\tb\nq\td\t1\t0\n")
    assert read_people(tmp_path / "people.tsv").rows() == [("q", "d", True, False)]
    (tmp_path / "t.jsonl").write_bytes(b'\xef\xbb\xbf{"query": "a", "pos": ["b"]}\n')
    assert triplets(tmp_path / "t.jsonl", None).queries["text"].to_list() == ["a"]


def test_rows_with_more_fields_than_the_heading_are_named(tmp_path: Path):
    (tmp_path / "o.csv").write_text(
        "query_id,doc_id,label\nq,d,positive\nq,d,2,positive\nq,e,positive,x,y\n"
    )
    with pytest.raises(
        Refused, match=r"o\.csv, row 3: 4 fields, but the header has 3; .*o\.csv, row 4: 5 fields"
    ):
        overrides.read(tmp_path / "o.csv")


def test_of_many_faults_the_first_are_shown_and_all_counted(tmp_path: Path):
    write(tmp_path / "t.jsonl", [{"query": "a", "pos": [1, True]}] * 1_000 + [5])
    with pytest.raises(Refused) as refused:
        triplets(tmp_path / "t.jsonl", None)
    assert "the data has 1,001 errors of 2 kinds" in str(refused.value)
    assert "and 995 more" in str(refused.value)
    assert len(str(refused.value)) < 2_000


def test_scores_of_a_run_by_which_nothing_can_be_ordered(tmp_path: Path):
    (tmp_path / "run.trec").write_text(
        "q1 Q0 d1 1 inf t\nq1 Q0 d2 2 nan t\nq1 Q0 d3 3 1.0 t\nq1 d5\n"
    )
    with pytest.raises(Refused) as refused:
        read_run(tmp_path / "run.trec")
    for message in (
        "line 1: the score",
        "line 2: the score",
        "line 4: 'q1 d5' does not have six fields",
    ):
        assert message in str(refused.value)
    assert "d3" not in str(refused.value)


def test_ids_of_tables_below_inputs_meet_whatever_their_type(tmp_path: Path):
    write(tmp_path / "t.jsonl", [{"a": 7, "b": "x"}, {"a": 7.0, "b": "x"}, {"a": "7", "b": "x"}])
    pl.DataFrame({"a": [7.0, 8.0], "b": ["x", "x"]}).write_parquet(tmp_path / "t.parquet")
    assert user_tables.read(tmp_path / "t.jsonl", ("a", "b"))["a"].to_list() == ["7"] * 3
    assert user_tables.read(tmp_path / "t.parquet", ("a", "b"))["a"].to_list() == ["7", "8"]
    pl.DataFrame({"a": [7.5, 8.0], "b": ["x", "x"]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(Refused, match="row 1: `a` is the decimal number 7.5"):
        user_tables.read(tmp_path / "t.parquet", ("a", "b"))
