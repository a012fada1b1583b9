"""What is known of documents beside their texts: nothing of it is lost, and it is part of what
training is admitted with.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hone.data import tables, training_set
from hone.data.metadata import Metadata
from hone.errors import Refused
from tasks.collect.beir import beir
from tasks.collect.metadata import of_columns, of_records
from tasks.collect.python_api import python_api
from tasks.collect.see_also import names_in, resolved
from tests.prepared import collected, pairs, prepare, write_params, write_rows

QUERIES = [
    {"query_id": "q1", "text": "one to train on", "split": "train"},
    {"query_id": "q2", "text": "another", "split": "test"},
]
DOCUMENTS = [
    {
        "doc_id": "d1",
        "text": "a",
        "group": "x",
        "tags": ["red", "blue", None, ""],
        "metadata": {"year": 1999},
    },
    {"doc_id": "d2", "text": "b", "group": ["x", "y"], "author": {"name": "Ada"}, "open": True},
    {"doc_id": "d3", "text": "c", "group": "  ", "year": None},
]
METADATA = [
    ("d1", "group", "x"),
    ("d1", "tags", "red"),
    ("d1", "tags", "blue"),
    ("d1", "year", "1999"),
    ("d2", "group", "x"),
    ("d2", "group", "y"),
    ("d2", "author.name", "Ada"),
    ("d2", "open", "true"),
]


def written(**options) -> pl.DataFrame:
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, pairs(("q1", "d1"), ("q2", "d2")))
    write_params(
        collections={"ours": {"source": "folder", "path": "inputs/ours", "options": options}}
    )
    collected()
    return tables.read("metadata", Path("data/ours/metadata.parquet"))


def test_further_keys_of_a_folder_whatever_their_kinds(workspace: Path):
    assert written().rows() == METADATA
    assert len(tables.read("documents", Path("data/ours/documents.parquet"))) == 3
    assert json.loads(Path("data/ours/about.json").read_text())["metadata"] == [
        "group",
        "tags",
        "year",
        "author.name",
        "open",
    ]


def test_only_the_columns_that_are_wanted(workspace: Path):
    assert set(written(metadata=["group"])["name"]) == {"group"}
    with pytest.raises(Refused, match="no metadata column 'gruop'; did you mean 'group'"):
        written(metadata=["gruop"])


def test_columns_of_a_table_are_what_keys_of_records_are():
    frame = pl.DataFrame(
        {
            "doc_id": ["a", "b"],
            "n": [1, None],
            "s": [" x ", ""],
            "many": [["p", "q"], []],
            "one": [{"k": 2}, None],
        }
    )
    assert sorted(of_columns(frame).rows()) == sorted(
        of_records((row.pop("doc_id"), row) for row in frame.to_dicts()).rows()
    )
    assert sorted(of_columns(frame).rows()) == [
        ("a", "many", "p"),
        ("a", "many", "q"),
        ("a", "n", "1"),
        ("a", "one.k", "2"),
        ("a", "s", "x"),
    ]


def test_beirs_object_metadata(tmp_path: Path):
    (tmp_path / "qrels").mkdir()
    lines = [
        {"_id": "1", "title": "", "text": "a", "metadata": {"url": "u", "group": "g"}},
        {"_id": "2", "title": "", "text": "b", "extra": 3},
    ]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "what"}\n')
    (tmp_path / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t1\t1\n")
    assert beir(tmp_path, None).metadata.rows() == [
        ("1", "url", "u"),
        ("1", "group", "g"),
        ("2", "extra", "3"),
    ]


def test_functions_have_module_package_name_and_links():
    metadata = python_api(packages=["networkx"]).metadata
    of_one = metadata.filter(
        pl.col("doc_id") == "networkx.algorithms.shortest_paths.weighted.bellman_ford_path"
    )
    assert ("package", "networkx") in of_one.select("name", "value").rows()
    assert ("module", "networkx.algorithms.shortest_paths.weighted") in of_one.select(
        "name", "value"
    ).rows()
    assert ("name", "bellman_ford_path") in of_one.select("name", "value").rows()
    assert (
        "see_also",
        "networkx.algorithms.shortest_paths.weighted.dijkstra_path",
    ) in of_one.select("name", "value").rows()
    assert set(metadata.filter(pl.col("name") == "see_also")["value"]) <= set(metadata["doc_id"])


def test_a_see_also_section_by_hand():
    references = (
        "Sum.\n\nSee Also\n--------\nnumpy.prod : The product.\n    Over all, as mean "
        "does.\ncumsum, :func:`diff`\n\nNotes\n-----\nx, y\n"
    )
    assert names_in(references) == ["numpy.prod", "cumsum", "diff"]
    assert names_in("Sum.") == []


def test_a_name_that_several_functions_have_is_no_link():
    """`b` is one function of m1 and one of m2: from m1 its own is meant; from m3 neither; `c`
    stands once in the package.
    """
    documents = pl.DataFrame(
        [
            ("p.m1.a", "p", "m1", "a"),
            ("p.m1.b", "p", "m1", "b"),
            ("p.m2.b", "p", "m2", "b"),
            ("p.m3.c", "p", "m3", "c"),
        ],
        schema=["doc_id", "package", "module", "name"],
        orient="row",
    )
    references = pl.DataFrame(
        {
            "doc_id": ["p.m1.a", "p.m1.a", "p.m3.c", "p.m3.c", "p.m3.c"],
            "target": ["b", "x.c", "b", "c", "p.m2.b"],
        }
    )
    assert resolved(references, documents).rows() == [
        ("p.m1.a", "p.m1.b"),
        ("p.m1.a", "p.m3.c"),
        ("p.m3.c", "p.m2.b"),
    ]


def test_training_is_admitted_with_its_metadata(workspace: Path):
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, pairs(("q1", "d1"), ("q2", "d2")))
    prepare()
    (collection,) = training_set.read()
    assert collection.metadata.of("group").rows() == [("d1", "x"), ("d2", "x"), ("d2", "y")]
    tables.write("metadata", tables.empty("metadata"), Path("data/ours/metadata.parquet"))
    with pytest.raises(
        Refused, match=r"metadata\.parquet is missing or has changed since `start` admitted it"
    ):
        training_set.read()


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path):
    file = tmp_path / "metadata.parquet"
    tables.write(
        "metadata", pl.DataFrame(METADATA, schema=tables.SCHEMAS["metadata"], orient="row"), file
    )
    with pytest.raises(
        Refused,
        match="siblings needs the metadata column 'groups', but the collection ours lacks it .* "
        "did you mean 'group'",
    ):
        Metadata(file, "ours").need("groups", "siblings")
    assert Metadata(file, "ours", "ours/").of("year").rows() == [("ours/d1", "1999")]
    tables.write("metadata", tables.empty("metadata"), file)
    with pytest.raises(Refused, match="its documents have no metadata"):
        Metadata(file, "ours").need("group", "siblings")
