"""Holes on a sheet for a person, who is the best filler: `hone judge holes people:NAME --sheet FILE`."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from commands.console import line
from commands.judge.people import put_out
from commands.judge.unjudged_pairs import Wanted, texts_of
from hone.judging.annotation.sheet import drawn
from hone.seeds import generator

N = 180  # pairs where no limit is given; as on the sheets of `hone judge sheet`


def sheet_of_holes(wanted: Wanted, who: str, out: Path, seed: int, limited: bool) -> None:
    """Write the pairs that weigh most as a sheet, shuffled, with known answers and random documents to measure the person by.

    Args:
        wanted: the pairs, the heaviest first.
        who: the person.
        out: the CSV; the page has the ending .html.
        seed: of the order and of what is mixed in.
        limited: whether `wanted` has been cut to a limit already; else the first 180 pairs are taken.

    Raises:
        Refused: a file is in the way.
    """
    collection = wanted.collection
    pairs, queries, ids = wanted.pairs if limited else wanted.pairs.head(N), collection.queries(), collection.documents.ids
    positives = wanted.shown.join(ids.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left")
    where = f"the holes of {collection.name}, {collection.split}"
    made = drawn(pairs, positives, queries, {collection.name: ids}, len(pairs), generator(seed, where, "sheet"))
    texts = texts_of(collection.documents, pl.concat([made.rows["doc_id"], made.rows["shown"].drop_nulls()]))
    put_out(made, dict(queries.select("query_id", "text").iter_rows()), dict(texts.iter_rows()), out, where, "holes", seed)
    line(f"and once it is read: hone judge holes people:{who} --on {collection.name}")
