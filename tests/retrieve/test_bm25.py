"""BM25: what it scores."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tasks import tables
from tasks.retrieve.bm25 import bm25, scores_of
from tasks.tables import Documents
from tests.tiny_model import WORDS


def test_scores_of_pairs_are_those_of_the_search(tmp_path: Path):
    texts = {f"d{number}": " ".join(WORDS[(number * step) % len(WORDS)] for step in (1, 2, 5)) for number in range(30)}
    frame = pl.DataFrame({"doc_id": list(texts), "text": list(texts.values())})
    tables.write("documents", tables.shaped("documents", frame), tmp_path / "documents.parquet")
    documents = Documents(tmp_path / "documents.parquet")
    queries = pl.DataFrame({"query_id": ["q1", "q2", "q3"], "text": [f"{WORDS[3]} {WORDS[8]}", WORDS[5], "nothing-known the"]})
    found = bm25(queries, documents, "english", depth=30).select("query_id", "doc_id", "score")
    pairs = queries.select("query_id").join(frame.select("doc_id"), how="cross").sample(fraction=0.6, shuffle=True, seed=3)
    expected = pairs.join(found, on=["query_id", "doc_id"], how="left", maintain_order="left")["score"].fill_null(0.0)
    scored = scores_of(pairs, queries, documents, "english")
    assert scored.select("query_id", "doc_id").equals(pairs)
    assert scored["score"].to_list() == pytest.approx(expected.to_list(), abs=1e-6)
    assert scored["score"].max() > 0
