"""A table that is written block by block is whole or absent."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.data.parquet_writer import Spool


def block(*docs: str) -> pl.DataFrame:
    return pl.DataFrame({"query_id": "q", "doc_id": list(docs), "verdict": "negative", "place": 1})


def test_blocks_are_read_back_as_one_table(tmp_path: Path):
    with Spool("judgments", tmp_path / "judgments.parquet") as spool:
        spool.add(block("a", "b"))
        spool.add(block("c"))
    assert tables.read("judgments", tmp_path / "judgments.parquet")["doc_id"].to_list() == [
        "a",
        "b",
        "c",
    ]


def test_no_block_is_an_empty_table(tmp_path: Path):
    with Spool("judgments", tmp_path / "judgments.parquet"):
        pass
    assert tables.read("judgments", tmp_path / "judgments.parquet").is_empty()


def test_what_fails_half_way_leaves_nothing(tmp_path: Path):
    with pytest.raises(RuntimeError), Spool("judgments", tmp_path / "judgments.parquet") as spool:
        spool.add(block("a"))
        raise RuntimeError("stopped")
    assert list(tmp_path.iterdir()) == []
