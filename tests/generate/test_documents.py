"""Which documents are chosen, and that more of them add to the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.generate.documents.all import all as all_documents
from tasks.generate.documents.clicks import clicks
from tasks.generate.documents.listed import listed
from tasks.generate.documents.random import random
from tasks.generate.documents.spread import assign_clusters

DOCUMENTS = pl.DataFrame(
    {
        "doc_id": [f"d{number}" for number in range(40)],
        "labelled": [number % 4 == 0 for number in range(40)],
        "words": 9,
    }
)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 99))
def test_more_documents_begin_with_the_same_ones(few: int, more: int, seed: int):
    few, more = sorted((few, more))
    first = random(DOCUMENTS, seed, count=few).to_list()
    assert random(DOCUMENTS, seed, count=more).to_list()[: len(first)] == first
    assert len(first) == min(few, 40)
    assert all_documents(DOCUMENTS, seed).to_list()[: len(first)] == first


def test_other_documents_do_not_change_the_draw_of_the_rest():
    whole = random(DOCUMENTS, 13, count=40).to_list()
    part = random(DOCUMENTS.head(20), 13, count=40).to_list()
    assert part == [one for one in whole if one in set(part)]


def test_labelled_and_unlabelled_documents():
    labelled = random(DOCUMENTS, 13, count=40, among="labelled")
    others = random(DOCUMENTS, 13, count=40, among="unlabelled")
    assert len(labelled) == 10
    assert set(labelled) | set(others) == set(DOCUMENTS["doc_id"])
    assert not set(labelled) & set(others)


def test_clicked_documents_come_first(workspace: Path):
    Path("inputs").mkdir()
    Path("inputs/clicks.csv").write_text("doc_id,clicks\nd7,90000\nd9,80000\nd7,5\nunknown,3\n")
    found = clicks(DOCUMENTS, 13, file="inputs/clicks.csv", count=5)
    assert set(found.head(2)) == {"d7", "d9"}
    assert len(set(found)) == 5


@pytest.mark.parametrize("value", ["-1", "many", ""])
def test_a_wrong_number_of_clicks_is_refused_with_its_row(workspace: Path, value: str):
    Path("inputs").mkdir()
    Path("inputs/clicks.csv").write_text(f"doc_id,clicks\nd7,9\nd9,{value}\n")
    with pytest.raises(Refused, match="row 2"):
        clicks(DOCUMENTS, 13, file="inputs/clicks.csv", count=5)


def test_listed_documents_keep_their_order(workspace: Path):
    Path("inputs").mkdir()
    Path("inputs/mine.csv").write_text("doc_id\nd9\nd2\nnone\nd9\nd5\n")
    assert listed(DOCUMENTS, file="inputs/mine.csv").to_list() == ["d9", "d2", "d5"]
    assert listed(DOCUMENTS, file="inputs/mine.csv", count=2).to_list() == ["d9", "d2"]
    Path("inputs/mine.csv").write_text("doc_id\nnone\n")
    with pytest.raises(Refused, match="none of them is in the collection"):
        listed(DOCUMENTS, file="inputs/mine.csv")


def test_clusters_separate_far_groups():
    draw = np.random.default_rng(0)
    groups = [draw.normal(place, 0.01, (20, 8)) for place in (-5, 0, 5)]
    found = assign_clusters(np.concatenate(groups).astype(np.float32), 3, 13)
    assert [len(set(found[start : start + 20])) for start in (0, 20, 40)] == [1, 1, 1]
    assert len(set(found)) == 3
    assert assign_clusters(np.zeros((2, 8), np.float32), 3, 13).tolist() == [0, 1]
