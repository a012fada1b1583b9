"""The embedded collection, made from the installed packages."""

from __future__ import annotations

import polars as pl

from tasks.collect.python_api import python_api


def test_what_is_made_of_networkx():
    source = python_api(packages=["networkx"])
    documents, queries, qrels = source.documents, source.queries, source.qrels
    assert len(documents) > 500
    assert documents["doc_id"].is_unique().all()
    assert queries["query_id"].is_unique().all()
    texts = dict(documents.select("doc_id", "text").iter_rows())
    path = texts["networkx.algorithms.shortest_paths.generic.shortest_path"]
    assert path.startswith("def shortest_path(")
    assert '"""' not in path
    assert documents["text"].str.len_chars().max() <= 1500
    words = queries["text"].str.split(" ").list.len()
    assert words.min() >= 4
    assert words.max() <= 40
    assert set(qrels["doc_id"]) <= set(documents["doc_id"])
    several = qrels.group_by("query_id").len().filter(pl.col("len") > 1)
    assert len(several) > 5


def test_it_is_the_same_every_time():
    first, second = python_api(packages=["networkx"]), python_api(packages=["networkx"])
    assert first.documents.equals(second.documents)
    assert first.qrels.equals(second.qrels)
