"""Pairs of parents become pairs of chunks."""

from __future__ import annotations

import polars as pl

from hone.data.chunks import of_chunks

PARENTS = pl.DataFrame({"doc_id": ["p/1", "p/2", "s", "lone"], "parent_id": ["p", "p", "s", None]})


def spread(*pairs: tuple[str, str, int]) -> list[tuple]:
    return of_chunks(
        pl.DataFrame(pairs, schema=["query_id", "doc_id", "grade"], orient="row"), PARENTS
    ).rows()


def test_a_parent_is_its_chunks_and_a_document_is_itself():
    assert spread(("q", "p", 2), ("q", "lone", 1), ("r", "p/2", 3)) == [
        ("q", "lone", 1),
        ("r", "p/2", 3),
        ("q", "p/1", 2),
        ("q", "p/2", 2),
    ]


def test_a_pair_is_there_once_as_its_document_has_it():
    """What is said of a chunk itself comes before what is said of its parent; `s` is its own
    chunk.
    """
    assert spread(("q", "p", 2), ("q", "p/1", 1), ("q", "s", 1)) == [
        ("q", "p/1", 1),
        ("q", "p/2", 2),
        ("q", "s", 1),
    ]
