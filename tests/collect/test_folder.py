"""Collections from folders: what is read, and what is refused before any stage works."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hone.config.params import Collection
from hone.data import tables
from hone.errors import Refused
from tasks.collect.collection import prepared
from tasks.collect.refusals import Examined
from tasks.collect.settings import CollectSettings
from tests.prepared import collected, pairs, write_params, write_rows

DOCUMENTS = [{"doc_id": f"d{number}", "text": f"text number {number}"} for number in range(1, 7)]
QUERIES = [
    {"query_id": "q1", "text": "the first one", "split": "train"},
    {"query_id": "q2", "text": "what comes second", "split": "train"},
    {"query_id": "q3", "text": "a third question", "split": "test"},
    {"query_id": "q4", "text": "tune by this", "split": "dev"},
]
QRELS = pairs(("q1", "d1"), ("q1", "d2"), ("q2", "d3"), ("q3", "d4"), ("q4", "d5"))


@pytest.fixture
def folder(workspace: Path) -> Path:
    write_params()
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, QRELS)
    return Path("inputs/ours")


def refusal(folder: Path, documents=DOCUMENTS, queries=QUERIES, qrels=QRELS, **sections) -> str:
    write_params(**sections)
    write_rows(folder, documents, queries, qrels)
    with pytest.raises(Refused) as refused:
        collected()
    assert not Path("data/ours").exists()
    return str(refused.value)


def test_what_is_written(folder: Path):
    collected()
    assert tables.read("queries", Path("data/ours/train/queries.parquet"))[
        "query_id"
    ].sort().to_list() == ["q1", "q2"]
    assert tables.read("qrels", Path("data/ours/test/qrels.parquet")).select(
        "query_id", "doc_id", "relevance"
    ).rows() == [("q3", "d4", 1)]
    assert len(tables.read("documents", Path("data/ours/documents.parquet"))) == 6
    assert tables.read("hidden", Path("data/ours/hidden.parquet")).is_empty()


def test_queries_with_several_answers_train_first_and_the_rest_has_a_row(folder: Path):
    write_params(
        collections={"ours": {"source": "folder", "path": "inputs/ours", "train_queries": 1}}
    )
    collected()
    assert tables.read("queries", Path("data/ours/train/queries.parquet"))[
        "query_id"
    ].to_list() == ["q1"]
    removed = tables.read("removed", Path("data/ours/removed.parquet"))
    assert removed.select("query_id", "rule").rows() == [("q2", "train-queries")]


def test_hidden_answers_leave_training_and_never_a_querys_last(folder: Path):
    write_params(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "hide": {"share": 1.0, "seed": 1}}
        }
    )
    collected()
    hidden = tables.read("hidden", Path("data/ours/hidden.parquet")).select("query_id", "doc_id")
    training_labels = tables.read("qrels", Path("data/ours/train/qrels.parquet")).select(
        "query_id", "doc_id"
    )
    assert hidden["query_id"].to_list() == ["q1"]
    assert sorted(pl.concat([hidden, training_labels]).rows()) == [
        ("q1", "d1"),
        ("q1", "d2"),
        ("q2", "d3"),
    ]
    assert sorted(training_labels["query_id"]) == ["q1", "q2"]


def test_an_id_twice(folder: Path):
    message = refusal(folder, documents=[*DOCUMENTS, {"doc_id": "d1", "text": "again"}])
    assert "the document id is duplicated" in message
    assert "documents.jsonl, row 1: 'd1'" in message
    assert "documents.jsonl, row 7: 'd1'" in message


def test_a_label_for_what_is_not_there(folder: Path):
    message = refusal(folder, qrels=[*QRELS, {"query_id": "q1", "doc_id": "d99"}])
    assert "a label names a document that does not exist" in message
    assert "qrels.jsonl, row 6: 'd99'" in message
    assert "absent_labels: ignore" in message


def test_labels_for_what_is_not_there_can_be_left_out_and_are_counted(folder: Path):
    write_rows(
        folder,
        DOCUMENTS,
        QUERIES,
        [*QRELS, {"query_id": "q1", "doc_id": "d99"}, {"query_id": "q9", "doc_id": "d1"}],
    )
    write_params(
        collections={"ours": {"source": "folder", "path": "inputs/ours", "absent_labels": "ignore"}}
    )
    collected()
    removed = tables.read("removed", Path("data/ours/removed.parquet")).filter(
        pl.col("rule") == "absent"
    )
    assert removed.select("query_id", "doc_id").rows() == [("q1", "d99"), ("q9", "d1")]


def test_an_empty_text(folder: Path):
    message = refusal(
        folder, queries=[*QUERIES, {"query_id": "q5", "text": "  ", "split": "train"}]
    )
    assert "the query has no text" in message
    assert "row 5: 'q5'" in message


def test_a_column_that_is_missing(folder: Path):
    message = refusal(folder, documents=[{"docid": "d1", "text": "text"}])
    assert "the column 'doc_id' is missing" in message
    assert "did you mean 'docid'?" in message


def test_another_encoding(folder: Path):
    write_params()
    (folder / "queries.jsonl").write_bytes('{"query_id": "q1", "text": "für"}\n'.encode("latin-1"))
    with pytest.raises(Refused, match=r"queries\.jsonl, line 1"):
        collected()


def test_a_line_that_is_no_json(folder: Path):
    (folder / "qrels.jsonl").write_text('{"query_id": "q1", "doc_id": "d1"}\n{"query_id": \n')
    with pytest.raises(Refused, match=r"qrels\.jsonl, line 2: not JSON"):
        collected()


def test_no_training_query_with_an_answer(folder: Path):
    assert "has no training query with a positive" in refusal(
        folder, qrels=pairs(("q3", "d4"), ("q4", "d5"))
    )


def test_a_query_in_two_splits(folder: Path):
    """By its text, for it may have two ids."""
    message = refusal(
        folder, queries=[*QUERIES, {"query_id": "q5", "text": "The first  one.", "split": "test"}]
    )
    assert "occur in two splits" in message
    assert "'q1' in train" in message
    assert "'q5' in test" in message


def test_a_query_in_two_splits_can_be_left_out_of_training_and_has_a_row(folder: Path):
    write_rows(
        folder,
        DOCUMENTS,
        [*QUERIES, {"query_id": "q5", "text": "The first  one.", "split": "test"}],
        [*QRELS, *pairs(("q5", "d6"))],
    )
    write_params(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "repeated_queries": "leave-out"}
        }
    )
    collected()
    assert tables.read("queries", Path("data/ours/train/queries.parquet"))[
        "query_id"
    ].to_list() == ["q2"]
    assert tables.read("queries", Path("data/ours/test/queries.parquet"))[
        "query_id"
    ].sort().to_list() == ["q3", "q5"]
    removed = tables.read("removed", Path("data/ours/removed.parquet"))
    assert removed.select("query_id", "rule", "detail").rows() == [
        ("q1", "repeated", "the same text is in test")
    ]


def test_a_split_that_is_none(folder: Path):
    message = refusal(folder, queries=[QUERIES[0] | {"split": "training"}, *QUERIES[1:]])
    assert "did you mean 'train'?" in message


def test_a_missing_file(folder: Path):
    (folder / "qrels.jsonl").unlink()
    with pytest.raises(Refused, match="has no qrels file"):
        collected()


def test_a_relevance_that_is_no_whole_number(folder: Path):
    message = refusal(
        folder,
        qrels=[row | {"relevance": "high" if row["doc_id"] == "d5" else "1"} for row in QRELS],
    )
    assert "row 5" in message
    assert "whole number" in message


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_other_formats_give_the_same(folder: Path, ending: str):
    collected()
    before = {file: file.read_bytes() for file in Path("data/ours").rglob("*.parquet")}
    for file in list(folder.glob("*.jsonl")):
        frame = pl.read_ndjson(file)
        target = file.with_suffix(f".{ending}")
        frame.write_csv(target) if ending == "csv" else frame.write_parquet(target)
        file.unlink()
    collected()
    assert {file: file.read_bytes() for file in Path("data/ours").rglob("*.parquet")} == before


def test_an_empty_file(folder: Path):
    message = refusal(folder, documents=[])
    assert "documents" in message


def test_dates_are_kept_where_there_are_some(folder: Path):
    collected()
    assert tables.read("dates", Path("data/ours/dates.parquet")).is_empty()
    dates = ["2021", "2021-03", "2021-03-04", "", None, "2021-03-04T12:00:00"]
    write_rows(
        folder,
        [row | {"date": date} for row, date in zip(DOCUMENTS, dates, strict=True)],
        QUERIES,
        QRELS,
    )
    collected()
    dates_table = tables.read("dates", Path("data/ours/dates.parquet"))
    assert dates_table.rows() == [
        (f"d{place}", "calendar", dates[place - 1]) for place in (1, 2, 3, 6)
    ]


def test_a_date_that_is_none(folder: Path):
    message = refusal(
        folder, documents=[*DOCUMENTS[:2], DOCUMENTS[2] | {"date": "4.3.2021"}, *DOCUMENTS[3:]]
    )
    assert (
        "documents.jsonl, row 3: the date '4.3.2021' is not a year, month or day, year first"
        in message
    )


def read(folder: Path, **settings: object) -> Examined:
    """What `collect` keeps of the files, or what it refuses, without the stages before it."""
    given = dict(Collection(source="folder", path=str(folder))) | {
        "method": "folder",
        "parameters": {},
        "what": None,
        "train": True,
    }
    return prepared("ours", CollectSettings.model_construct(**given | settings))


def refused(
    folder: Path, documents=DOCUMENTS, queries=QUERIES, qrels=QRELS, **settings: object
) -> str:
    write_rows(folder, documents, queries, qrels)
    with pytest.raises(Refused) as refusal:
        read(folder, **settings)
    return str(refusal.value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_rows(tmp_path, DOCUMENTS, QUERIES, QRELS)
    return tmp_path


def test_missing_titles_are_missing_and_counted(place: Path):
    """NaN is what `json.dumps` and pandas write for a title that is not there."""
    titled = [
        row | {"title": title}
        for row, title in zip(DOCUMENTS, [float("nan"), None, "nan", "T", "", "U"], strict=True)
    ]
    write_rows(place, titled, QUERIES, QRELS)
    found = read(place)
    assert found.source.documents["title"].to_list() == [None, None, "nan", "T", "", "U"]
    assert found.counts["missing_titles"] == 2
    pl.DataFrame(DOCUMENTS).with_columns(title=pl.lit(float("nan"))).write_parquet(
        place / "documents.parquet"
    )
    (place / "documents.jsonl").unlink()
    assert (
        read(place).source.documents["title"].null_count()
        == read(place).counts["missing_titles"]
        == 6
    )


def test_a_text_that_is_not_a_number_is_no_text(place: Path):
    message = refused(place, documents=[*DOCUMENTS, {"doc_id": "d7", "text": float("nan")}])
    assert f"the document has no text ({place}/documents.jsonl, row 7: 'd7')" in message


def test_numbers_are_ids_whatever_file_they_stand_in(place: Path):
    documents = [
        row | {"doc_id": number}
        for row, number in zip(DOCUMENTS, [7, 8.0, "9", "007", 2**70, "x"], strict=True)
    ]
    write_rows(
        place,
        documents,
        QUERIES,
        pairs(("q1", 7.0), ("q1", "8"), ("q2", 9), ("q3", "007"), ("q4", str(2**70))),
    )
    found = read(place).source
    assert found.documents["doc_id"].to_list() == ["7", "8", "9", "007", str(2**70), "x"]
    assert found.qrels["doc_id"].to_list() == ["7", "8", "9", "007", str(2**70)]


def test_ids_of_a_column_of_decimals(place: Path):
    """pandas makes floats of whole numbers where a column has a gap."""
    (place / "documents.jsonl").unlink()
    pl.DataFrame({"doc_id": [1.0, 2.0], "text": ["a", "b"]}).write_parquet(
        place / "documents.parquet"
    )
    (place / "qrels.jsonl").unlink()
    (place / "qrels.csv").write_text("query_id,doc_id\nq1,1.0\nq2,2.0\n")
    for absent in ("refuse", "ignore"):
        with pytest.raises(
            Refused,
            match="doc_id contains decimal numbers in the labels but whole numbers in documents",
        ):
            read(place, absent_labels=absent)
    (place / "qrels.csv").write_text("query_id,doc_id\nq1,1\nq2,2\n")
    assert read(place).source.qrels["doc_id"].to_list() == ["1", "2"]
    pl.DataFrame({"doc_id": [1.5, 2.0], "text": ["a", "b"]}).write_parquet(
        place / "documents.parquet"
    )
    with pytest.raises(
        Refused, match=r"documents\.parquet, row 1: `doc_id` is the decimal number 1\.5"
    ):
        read(place)


def test_a_label_that_stands_there_again_is_kept_once_and_counted(place: Path):
    write_rows(place, DOCUMENTS, QUERIES, [*QRELS, QRELS[0], QRELS[0]])
    found = read(place)
    assert found.counts["repeated_labels"] == 2
    assert found.source.qrels.select("query_id", "doc_id").rows() == [
        (row["query_id"], row["doc_id"]) for row in QRELS
    ]


def test_two_grades_of_one_pair(place: Path):
    graded = [row | {"relevance": 1} for row in QRELS]
    message = refused(place, qrels=[*graded, QRELS[0] | {"relevance": 2.0}])
    assert "a pair is labelled twice, with different grades" in message
    assert f"row 1: 'q1 d1: 1'; {place}/qrels.jsonl, row 6: 'q1 d1: 2'" in message


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        (0.5, "is 0.5, which is not a whole number"),
        (3000000000, "exceeds 2,147,483,647"),
        (float("inf"), "exceeds"),
        ([1], "not a whole number"),
    ],
)
def test_grades_that_a_table_cannot_hold(place: Path, grade: object, expected: str):
    message = refused(
        place, qrels=[row | {"relevance": grade if row["doc_id"] == "d5" else 1.0} for row in QRELS]
    )
    assert "qrels.jsonl, row 5: `relevance`" in message
    assert expected in message


def test_documents_without_text_can_be_left_out_and_are_counted(folder: Path):
    documents, qrels = [*DOCUMENTS, {"doc_id": "d7", "text": " "}], [*QRELS, *pairs(("q1", "d7"))]
    assert "empty_documents: leave-out" in refused(folder, documents, qrels=qrels)
    write_params(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "empty_documents": "leave-out"}
        }
    )
    collected()
    assert len(tables.read("documents", Path("data/ours/documents.parquet"))) == 6
    about = json.loads(Path("data/ours/about.json").read_text())
    assert (
        about["empty_documents"],
        about["absent_labels"],
        about["repeated_labels"],
        about["missing_titles"],
    ) == (1, 1, 0, 0)
    removed = tables.read("removed", Path("data/ours/removed.parquet"))
    assert removed.select("query_id", "doc_id", "rule", "detail").rows() == [
        ("q1", "d7", "absent", "the document has no text")
    ]


def test_all_faults_are_reported_at_once(place: Path):
    write_rows(
        place,
        [*DOCUMENTS, DOCUMENTS[0], {"doc_id": "d8", "text": ""}],
        [
            *QUERIES,
            QUERIES[0] | {"query_id": "q5", "split": "test"},
            {"query_id": "q6", "text": "z", "split": "tset"},
        ],
        [row | {"relevance": 1} for row in [*QRELS, *pairs(("q1", "d99"))]]
        + [{"query_id": "q1", "doc_id": "d3", "relevance": 0.5}],
    )
    with (place / "qrels.jsonl").open("a") as file:
        file.write("[]\n{\n")
    with pytest.raises(Refused) as refusal:
        read(place)
    first, *messages = str(refusal.value).split("\n")
    assert first == "the collection ours has 9 errors of 8 kinds:"
    for one, expected in zip(
        messages,
        (
            "row 7: `relevance` is 0.5, which is not a whole number",
            "qrels.jsonl, line 8: expected a JSON object, found",
            "qrels.jsonl, line 9: not JSON",
            "the document id is duplicated",
            "the document has no text",
            "did you mean 'test'?",
            "a label names a document that does not exist",
            "queries occur in two splits (1 texts)",
        ),
        strict=True,
    ):
        assert expected in one


def test_unreadable_files_are_all_reported(place: Path):
    (place / "queries.jsonl").unlink()
    (place / "qrels.jsonl").unlink()
    (place / "qrels.csv").write_text("query,doc_id\n")
    with pytest.raises(Refused) as refusal:
        read(place)
    assert "has no queries file" in str(refusal.value)
    assert "qrels.csv: the column 'query_id' is missing" in str(refusal.value)


def test_labels_are_not_blamed_for_documents_that_could_not_be_read(place: Path):
    message = refused(place, documents=[{"doc_id": "d1", "text": ["x"]}, *DOCUMENTS[1:]])
    assert "`text` is a list" in message
    assert "not there" not in message


def test_metadata_that_is_not_a_number_is_none(place: Path):
    more = [
        row | {"group": group}
        for row, group in zip(DOCUMENTS, [float("nan"), 7.0, 7, "7", None, "nan"], strict=True)
    ]
    write_rows(place, more, QUERIES, QRELS)
    rows = read(place).source.metadata.rows()
    assert rows == [
        ("d2", "group", "7"),
        ("d3", "group", "7"),
        ("d4", "group", "7"),
        ("d6", "group", "nan"),
    ]
    (place / "documents.jsonl").unlink()
    groups = pl.Series([7.0, None, float("nan"), 0.5, 1e300, None])
    pl.DataFrame(DOCUMENTS).with_columns(group=groups).write_parquet(place / "documents.parquet")
    rows = read(place).source.metadata.rows()
    assert rows == [("d1", "group", "7"), ("d4", "group", "0.5"), ("d5", "group", "1e+300")]
