"""siblings: the known answer's group, or what has the same parent in a taxonomy."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.config import methods
from hone.errors import Refused
from hone.graph import taxonomy
from tasks.retrieve.siblings import siblings
from tests.retrieve import around

TEXTS = {
    "a1": "red cat",
    "a2": "red dog",
    "a3": "small cat",
    "b1": "hot fire",
    "b2": "cold water",
    "c1": "old tree",
    "none": "big stone",
}
PATHS = {
    "a1": "life > pets > cats",
    "a2": "life > pets > dogs",
    "a3": "life > pets > cats",
    "b1": "life > plants > moss",
    "b2": "matter > wet",
}


def rows(column: str, values: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(doc, column, value) for doc, value in values.items()]


def found(
    tmp_path: Path,
    known=(("q", "a1"),),
    queries=None,
    values=PATHS,
    models=None,
    seed: int = 1,
    round: str = "r1",
    **settings,
):
    settings = {"column": "path", "order": "random"} | settings
    return siblings(
        queries if queries is not None else around.queries(q="red cat"),
        around.documents(tmp_path, TEXTS),
        around.labels(*known),
        around.metadata(tmp_path, *rows("path", values)),
        models,
        round,
        seed=seed,
        **settings,
    )


def test_groups_of_paths_by_hand():
    values = pl.DataFrame({"doc_id": ["x", "y", "z"], "value": ["a > b > c", "a>d", "a"]})
    assert taxonomy.groups(values, ">", None).rows() == [("x", "a>b", "a>b>c"), ("y", "a", "a>d")]
    assert taxonomy.groups(values, ">", 1)["group"].to_list() == ["a", "a", "a"]
    assert taxonomy.groups(values, ">", 2)["group"].to_list() == ["a>b", "a>d", "a"]
    assert taxonomy.groups(values, None, None)["group"].to_list() == ["a > b > c", "a>d", "a"]


def test_the_same_value_the_same_parent_and_the_same_root(tmp_path: Path):
    """Of a1: the same path has a3; the same parent has a2 too; the same root has b1 too. The
    answer itself is never one.
    """
    assert set(found(tmp_path)["doc_id"]) == {"a3"}
    assert set(found(tmp_path, separator=">")["doc_id"]) == {"a2", "a3"}
    assert set(found(tmp_path, separator=">", level=1)["doc_id"]) == {"a2", "a3", "b1"}


def test_without_the_answers_own_leaf(tmp_path: Path):
    assert set(found(tmp_path, separator=">", own_leaf=False)["doc_id"]) == {"a2"}
    both = found(tmp_path, known=(("q", "a1"), ("q", "a2")), separator=">", level=1, own_leaf=False)
    assert set(both["doc_id"]) == {"b1"}  # a3 has the leaf of the other answer


@pytest.mark.parametrize("order", ["near", "far"])
def test_nearest_or_farthest_first(tmp_path: Path, order: str):
    models = around.models(tmp_path)
    group = {doc: "one" for doc in TEXTS if doc != "none"}
    made = found(tmp_path, values=group, models=models, order=order, depth=3)
    (row,) = around.cosines(models, ["red cat"], [TEXTS[doc] for doc in TEXTS])
    by_hand = sorted(
        (doc for doc in group if doc != "a1"),
        key=lambda doc: row[list(TEXTS).index(doc)],
        reverse=order == "near",
    )
    assert made["doc_id"].to_list() == by_hand[:3]
    assert made["rank"].to_list() == [1, 2, 3]
    assert made["score"].to_list() == pytest.approx(
        [row[list(TEXTS).index(doc)] for doc in made["doc_id"]], abs=1e-5
    )


def test_draws_follow_from_seed_and_round(tmp_path: Path):
    group = dict.fromkeys(TEXTS, "one")
    drawn = [
        found(tmp_path, values=group, seed=seed, round=round, depth=3).rows()
        for seed, round in ((1, "r1"), (1, "r1"), (2, "r1"), (1, "r2"))
    ]
    assert drawn[0] == drawn[1]
    assert len({str(rows) for rows in drawn}) > 1


def test_queries_without_a_group_are_counted(tmp_path: Path, capsys):
    queries = around.queries(q="red cat", p="big stone")
    assert set(
        found(tmp_path, known=(("q", "a1"), ("p", "none")), queries=queries)["query_id"]
    ) == {"q"}
    assert "1 of 2 queries have no labelled positive with 'path'" in capsys.readouterr().err
    with pytest.raises(
        Refused, match="no labelled positive of a training query has 'path' in the metadata"
    ):
        found(tmp_path, known=(("p", "none"),), queries=queries)


def test_several_groups_of_a_document_are_all_its_groups(tmp_path: Path):
    metadata = around.metadata(
        tmp_path,
        ("a1", "path", "x"),
        ("a1", "path", "y"),
        ("a2", "path", "x"),
        ("b1", "path", "y"),
        ("b2", "path", "z"),
    )
    made = siblings(
        around.queries(q="red cat"),
        around.documents(tmp_path, TEXTS),
        around.labels(("q", "a1")),
        metadata,
        None,
        "r1",
        seed=1,
        column="path",
        order="random",
    )
    assert set(made["doc_id"]) == {"a2", "b1"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({}, "'column' is missing"),
        ({"column": "path", "level": 2}, "Set `separator`"),
        ({"column": "path", "own_leaf": False}, "would exclude all documents"),
    ],
)
def test_settings_that_cannot_be_meant(line: dict, message: str):
    with pytest.raises(Refused, match=message):
        methods.checked("retrieve", {"siblings": line}, "here")
