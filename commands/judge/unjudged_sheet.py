"""An annotation sheet of unjudged documents for a person:
`hone judge unjudged people:NAME --sheet FILE`.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from commands.annotate import put_out
from commands.console import line
from commands.judge.unjudged_pairs import Wanted, texts_of
from hone.judging.annotation.sheet import drawn
from hone.seeds import generator

N = 180  # pairs without a limit, as in `hone annotate create`


def sheet_of_holes(wanted: Wanted, who: str, out: Path, seed: int, limited: bool) -> None:
    """Write the most influential pairs as a shuffled sheet, with positives and random documents as
    controls.

    Args:
        wanted: the pairs, the most influential first.
        who: the annotator.
        out: the CSV; the page has the suffix .html.
        seed: seed of the order and of the controls.
        limited: whether `wanted` is already limited; else the first 180 pairs are used.

    Raises:
        Refused: a file already exists.
    """
    collection = wanted.collection
    pairs, queries, ids = (
        wanted.pairs if limited else wanted.pairs.head(N),
        collection.queries(),
        collection.documents.ids,
    )
    positives = wanted.prompt_positives.join(
        ids.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left"
    )
    where = f"unjudged documents of {collection.name}, {collection.split}"
    made = drawn(
        pairs,
        positives,
        queries,
        {collection.name: ids},
        len(pairs),
        generator(seed, where, "sheet"),
    )
    texts = texts_of(
        collection.documents, pl.concat([made.rows["doc_id"], made.rows["shown"].drop_nulls()])
    )
    put_out(
        made,
        dict(queries.select("query_id", "text").iter_rows()),
        dict(texts.iter_rows()),
        out,
        where,
        "holes",
        seed,
    )
    line(f"After that, run: hone judge unjudged people:{who} --collection {collection.name}")
