"""evaluate-reference: what rounds are held against (the base model r0, BM25) -> the same metrics."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from tasks import resolved
from tasks.encode.encoder import encoder_for
from tasks.evaluate.geometry import geometry
from tasks.evaluate.measures import DEPTH
from tasks.evaluate.ranking import aggregated, by_encoder, units
from tasks.evaluate.results import evaluate
from tasks.retrieve.bm25 import bm25
from tasks.stage import run
from tasks.tables import Documents


def main(reference: str, collection: str) -> None:
    """Evaluate a reference on one collection."""
    settings = resolved.of_stage(f"reference/{collection}")
    if reference == "bm25":
        rank, lie = partial(by_words, language=settings["language"]), None
    else:
        encoder = encoder_for(Path("models") / reference, settings["model"], resolved.machine(), user=reference)
        rank, lie = partial(by_encoder, encoder), partial(geometry, encoder)
    evaluate(reference, collection, rank, settings["min_relevance"], lie)


def by_words(queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame, language: str) -> pl.DataFrame:
    """BM25's ranking, chunks standing for their parents as in `by_encoder`."""
    unit = units(documents, qrels)
    depth = DEPTH + 1 if unit is None else 10 * DEPTH
    return aggregated(bm25(queries, documents, language, depth=depth), unit)


if __name__ == "__main__":
    run(main)
