"""Which hidden answers a study looks for among negatives."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import polars as pl

from commands.study.collect_trial import hidden_pairs
from hone.data import tables
from hone.layout import PAIR
from tests.report.made_up import HIDDEN, write_collection


def test_a_hidden_document_is_looked_for_by_its_chunks_in_each_collection(workspace: Path):
    for name in ("one", "other"):
        write_collection(name)
    file, hidden = Path("data/one/documents.parquet"), Path("data/one/hidden.parquet")
    parent = pl.when(pl.col("doc_id") == "d4").then(pl.lit("whole"))
    tables.write(
        "documents",
        tables.read("documents", file).with_columns(parent_id=parent.cast(pl.String)),
        file,
    )
    tables.write(
        "hidden",
        tables.read("hidden", hidden).with_columns(pl.col("doc_id").replace("d4", "whole")),
        hidden,
    )
    trial = SimpleNamespace(params=SimpleNamespace(train_on={"one": None, "other": None}))
    found = hidden_pairs(Path(), trial)
    assert found.columns == PAIR
    assert sorted(found.rows()) == sorted(
        (f"{name}/{query}", f"{name}/{doc}") for name in ("one", "other") for query, doc in HIDDEN
    )
