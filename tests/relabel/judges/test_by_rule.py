"""The judges `group` and `neighbours`: answers by rule, and that they promote only what they
name.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.config import methods
from hone.data import training_set
from hone.data.questions import Questions
from hone.encoders.round_encoders import Models
from hone.errors import Refused
from hone.judging import fingerprint
from hone.judging.context import Desk
from hone.llm.ledger.ledger import Ledger
from tasks.relabel.judges.group import group
from tasks.relabel.judges.neighbours import neighbours
from tests.prepared import pairs, prepare, write_rows
from tests.retrieve.around import MACHINE, READING

DOCUMENTS = [
    {"doc_id": "a", "text": "one", "kind": "x>1", "cites": ["c", "d"]},
    {"doc_id": "b", "text": "two", "kind": "x>2"},
    {"doc_id": "c", "text": "three", "kind": ["y>1", "x>1"]},
    {"doc_id": "d", "text": "four", "kind": "y>1", "cites": ["b"]},
    {"doc_id": "e", "text": "five"},
]
QUERIES = [
    {"query_id": "q", "text": "first", "split": "train"},
    {"query_id": "p", "text": "second", "split": "train"},
    {"query_id": "t", "text": "third", "split": "test"},
]


@pytest.fixture
def desk(workspace: Path) -> Desk:
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, pairs(("q", "a"), ("p", "e"), ("t", "b")))
    prepare()
    return Desk(
        Ledger(),
        "test",
        1,
        "r1",
        models=Models(Path("models/r0"), READING, MACHINE, {}),
        training=training_set.read(),
    )


def questions(*pair_list: tuple[str, str]) -> Questions:
    schema = {"query_id": pl.String, "doc_id": pl.String}
    return Questions(
        pl.DataFrame(pair_list, schema=schema, orient="row").with_columns(
            rank=pl.lit(1, dtype=pl.Int32)
        ),
        pl.DataFrame([("q", "a"), ("p", "e")], schema=schema, orient="row"),
        pl.DataFrame([("q", "first"), ("p", "second")], schema=["query_id", "text"], orient="row"),
        pl.DataFrame(
            [(row["doc_id"], row["text"]) for row in DOCUMENTS],
            schema=["doc_id", "full_text"],
            orient="row",
        ),
    )


PAIRS = [("q", "b"), ("q", "c"), ("q", "d"), ("q", "e"), ("p", "b")]


def verdicts_by_pair(frame: pl.DataFrame) -> dict[str, str]:
    return dict(
        frame.select(
            pl.concat_str("query_id", "doc_id"), pl.col("verdict").cast(pl.String)
        ).iter_rows()
    )


def test_the_same_group_as_a_known_answer(desk: Desk):
    """a is x>1: c is too, by one of its two; b is of the same parent. e is in no group, and so
    is p's only answer.
    """
    known = {"qc": "positive", "qd": "negative", "qe": "unknown", "pb": "unknown"}
    found = group(questions(*PAIRS), desk, "f", column="kind")
    assert verdicts_by_pair(found) == {"qb": "negative"} | known
    assert found.select("query_id", "doc_id").rows() == PAIRS
    assert (
        verdicts_by_pair(group(questions(*PAIRS), desk, "f", column="kind", separator=">"))
        == {"qb": "positive"} | known
    )
    reasons = dict(
        found.filter(pl.col("reason").is_not_null()).select("doc_id", "reason").iter_rows()
    )
    assert reasons == {
        "e": "the document is in no group of 'kind'",
        "b": "every labelled positive is in no group of 'kind'",
    }


def test_a_column_that_is_not_there(desk: Desk):
    with pytest.raises(
        Refused, match="the judge group needs the metadata column 'kinds', .* did you mean 'kind'"
    ):
        group(questions(*PAIRS), desk, "f", column="kinds")


def test_near_neighbours_of_a_known_answer(desk: Desk):
    """a cites c and d; d cites b, two links from a. e, p's answer, has no link."""
    one = neighbours(
        questions(*PAIRS), desk, "f", column="cites", counted="ranks", first=1, last=5, hops=1
    )
    assert verdicts_by_pair(one) == {
        "qb": "negative",
        "qc": "positive",
        "qd": "positive",
        "qe": "negative",
        "pb": "negative",
    }
    two = neighbours(
        questions(*PAIRS), desk, "f", column="cites", counted="ranks", first=3, last=5, hops=2
    )
    assert verdicts_by_pair(two) == {
        "qb": "positive",
        "qc": "negative",
        "qd": "negative",
        "qe": "negative",
        "pb": "negative",
    }


def test_nearest_in_the_space_of_the_rounds_model(desk: Desk):
    from tests.retrieve.around import cosines

    (row,) = cosines(
        Models(Path("models/r0"), READING, MACHINE, {}), ["one"], ["two", "three", "four", "five"]
    )
    nearest = "bcde"[row.index(max(row))]
    found = neighbours(
        questions(*((("q", doc)) for doc in "bcde")), desk, "f", counted="ranks", first=1, last=1
    )
    assert verdicts_by_pair(found) == {
        f"q{doc}": "positive" if doc == nearest else "negative" for doc in "bcde"
    }


def test_who_a_judge_is_follows_from_the_graph(workspace: Path):
    Path("inputs").mkdir()
    line = methods.checked(
        "relabel.judges",
        {"neighbours": {"file": "inputs/g.csv", "counted": "ranks", "first": 1, "last": 2}},
        "here",
    )
    with pytest.raises(Refused, match=r"inputs/g\.csv"):
        fingerprint.fingerprint(line)
    prints = []
    for graph in ("doc_id,neighbour_id\na,b\n", "doc_id,neighbour_id\na,c\n"):
        Path("inputs/g.csv").write_text(graph)
        prints.append(fingerprint.fingerprint(line))
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ({"group": {"column": "kind", "level": 1}}, "Set `separator`"),
        ({"neighbours": {"first": 0.5, "last": 0.2}}, "ends at 0.2"),
    ],
)
def test_settings_that_cannot_be_meant(judge: dict, message: str):
    with pytest.raises(Refused, match=message):
        methods.checked("relabel.judges", judge, "here")
