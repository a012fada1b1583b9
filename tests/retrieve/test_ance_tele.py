"""The recipe ance-tele in a workspace: what it mines that top-k does not, and what the next
round has of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.layout import PAIR
from tests.prepared import pairs, prepare, write_rows
from tests.stages import retrieve, sample, score
from tests.tiny_model import WORDS, tiny_model

DEPTH = 4
SHALLOW = {
    "retrieve": [{"dense": {"depth": DEPTH}}, {"positive-neighbours": {"depth": DEPTH}}, "previous"]
}


@pytest.fixture
def mined(workspace: Path) -> Path:
    """40 documents of four words; r1 mines by ance-tele, k by top-k, both from r0; r2 is to
    start from r1.
    """
    documents = [
        {
            "doc_id": f"d{place}",
            "text": " ".join(WORDS[(place * step + step) % len(WORDS)] for step in (1, 3, 7, 11)),
        }
        for place in range(40)
    ]
    queries = [
        {"query_id": f"q{place}", "text": f"{WORDS[place]} {WORDS[-place]}", "split": "train"}
        for place in range(1, 7)
    ]
    queries += [
        {"query_id": "t", "text": "hot fire", "split": "test"},
        {"query_id": "v", "text": "cold water", "split": "dev"},
    ]
    known = [(f"q{place}", f"d{place * 5}") for place in range(1, 7)]
    write_rows(Path("inputs/ours"), documents, queries, pairs(*known, ("t", "d1"), ("v", "d2")))
    tiny_model(Path("inputs/tiny"))
    rounds = {
        "r1": {"from": "r0", "recipe": "ance-tele", **SHALLOW},
        "k": {"from": "r0", "recipe": "top-k", "retrieve": [{"dense": {"depth": DEPTH}}]},
        "r2": {"from": "r1", "recipe": "ance-tele", **SHALLOW},
    }
    prepare(model={"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}, rounds=rounds)
    for name in ("r1", "k"):
        mine(name)
    return workspace


def mine(name: str) -> None:
    for stage in (retrieve, score, sample):
        stage(name)


def rows(table: str, round: str) -> pl.DataFrame:
    return tables.read(table, Path(f"rounds/{round}/{table}.parquet"))


def test_neighbours_of_positives_that_the_query_does_not_find(mined: Path):
    """The paper's look-ahead: negatives near the answer that the newest model does not bring to
    the query.
    """
    chosen, nearest = rows("negatives", "r1"), rows("candidates", "k")
    ahead = chosen.join(nearest, on=PAIR, how="anti")
    assert set(ahead["source"]) == {"positive-neighbours"}
    assert ahead["query_id"].n_unique() == 6
    top = rows("negatives", "k")
    assert top.join(nearest, on=PAIR, how="anti").is_empty()
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    assert chosen.join(labels, on=PAIR, how="semi").is_empty()


def test_the_first_round_says_that_none_was_before_it(mined: Path, capsys: pytest.CaptureFixture):
    retrieve("r1")
    output = "".join(capsys.readouterr())
    assert "previous: 6 of 6 queries have no negatives" in output
    assert "(dense 24, positive-neighbours 24, previous 0)" in output


def test_the_next_round_meets_all_negatives_of_the_last(mined: Path):
    """Whatever the model of r1 makes of them; here it is that of r0, for what matters is the
    table that the stage reads.
    """
    shutil.copytree("models/r0", "models/r1")
    shutil.copyfile("rounds/r0/labels.parquet", "rounds/r1/labels.parquet")
    tables.write("trained", tables.empty("trained"), Path("rounds/r1/trained.parquet"))
    mine("r2")
    last, found = rows("negatives", "r1"), rows("candidates", "r2")
    before = found.filter(pl.col("source") == "previous")
    assert before.select(PAIR).rows() == last.select(PAIR).rows()
    assert before.filter(pl.col("query_id") == "q1")["rank"].to_list() == list(
        range(1, len(last.filter(pl.col("query_id") == "q1")) + 1)
    )
