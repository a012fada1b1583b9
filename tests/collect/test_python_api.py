"""The embedded collection, made from the installed packages."""

from __future__ import annotations

import polars as pl
import pytest

from hone.data.source import Source
from tasks.collect.python_api import added_in, python_api


@pytest.fixture(scope="module")
def networkx() -> Source:
    return python_api(packages=["networkx"])


def test_what_is_made_of_networkx(networkx: Source):
    documents, queries, qrels = networkx.documents, networkx.queries, networkx.qrels
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


def test_it_is_the_same_every_time(networkx: Source):
    again = python_api(packages=["networkx"])
    assert networkx.documents.equals(again.documents)
    assert networkx.qrels.equals(again.qrels)


def test_a_function_is_dated_by_the_version_that_added_it():
    from importlib.metadata import version

    documents = python_api(packages=["scipy"]).documents.filter(pl.col("date").is_not_null())
    assert len(documents) > 100
    assert set(documents["clock"]) == {"scipy"}
    parts = [tuple(int(part) for part in date.split(".")) for date in documents["date"]]
    assert max(parts) <= tuple(int(part) for part in version("scipy").split(".")[:3])
    assert (
        dict(documents.select("doc_id", "date").iter_rows())[
            "scipy.signal._signaltools.choose_conv_method"
        ]
        == "0.19"
    )


def test_what_is_indented_dates_a_parameter_and_not_the_function():
    own = (
        "Sum.\n\n.. versionadded:: 1.10.2\n\nParameters\n----------\na : int\n    One.\n\n    "
        ".. versionadded:: 2.0"
    )
    assert added_in(own) == "1.10.2"
    assert added_in(own.replace(".. versionadded:: 1.10.2\n\n", "")) is None
