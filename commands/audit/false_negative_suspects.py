"""Find suspicious negatives with an encoder. A suspicion is not a verdict, because encoders make
errors in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from commands.audit.candidates import vectors_of
from commands.audit.dataset import Subject
from hone.seeds import generator
from hone.stats.bootstrap import Interval

if TYPE_CHECKING:
    from hone.encoders.encoder import Encoder

# Least cosine similarity to a positive of a suspicious negative; the threshold of the judge
# `encoder`.
LIKE_POSITIVE = 0.8
KINDS = ("like-answer", "above-answer", "rest")
DRAWS = 2_000
LEVEL = 0.95


def score_pairs(subject: Subject, pairs: pl.DataFrame, encoder: Encoder | None) -> pl.DataFrame:
    """Add `kind`, the strongest suspicion against each pair.

    like-answer: similarity to a positive of LIKE_POSITIVE or more (the reference encoder of
    `recipes/guide.yaml`; only for models with cosine similarity). above-answer: nearer to the query
    than the farthest positive. rest: neither.

    Args:
        subject: the data, with texts and positives.
        pairs: query, document, row, rank.
        encoder: the encoder; null: every pair is "rest".

    Returns:
        The pairs with to_positive (largest similarity to a positive), to_query, lowest (score of
        the query's positives) and kind.
    """
    if encoder is None or pairs.is_empty():
        nothing = pl.lit(None, dtype=pl.Float32)
        return pairs.with_columns(
            to_positive=nothing, to_query=nothing, lowest=nothing, kind=pl.lit("rest")
        )
    from hone.encoders.search import pair_scores

    known = subject.positives.join(
        pairs.select("query").unique(), on="query", how="semi", maintain_order="left"
    )
    known = known.select("query", "document").unique(maintain_order=True)
    documents = number_rows(subject.documents, "document", [pairs["document"], known["document"]])
    queries = number_rows(subject.queries, "query", [pairs["query"]])
    of_documents = vectors_of(encoder, documents["text"])
    of_queries = encoder.queries(queries["text"].to_list())
    place = {
        frame.columns[0]: frame.select(frame.columns[0], "place") for frame in (documents, queries)
    }

    def numbers(rows: pl.DataFrame, left: str, right: str) -> np.ndarray:
        columns = [
            rows.select(pl.col(name).alias(kind))
            .join(place[kind], on=kind, how="left", maintain_order="left")["place"]
            .to_numpy()
            for name, kind in (
                (left, "query" if left == "query" else "document"),
                (right, "document"),
            )
        ]
        return np.stack(columns, axis=1).astype(np.int64)

    of_known = known.with_columns(
        score=pl.Series(pair_scores(of_queries, of_documents, numbers(known, "query", "document")))
    )
    against = pairs.select("query", "document").unique(maintain_order=True)
    against = against.join(
        known.rename({"document": "answer"}), on="query", how="inner", maintain_order="left"
    )
    alike = against.with_columns(
        to_positive=pl.Series(
            pair_scores(of_documents, of_documents, numbers(against, "answer", "document"))
        )
    )
    found = (
        pairs.with_columns(
            to_query=pl.Series(
                pair_scores(of_queries, of_documents, numbers(pairs, "query", "document"))
            )
        )
        .join(
            of_known.group_by("query").agg(lowest=pl.col("score").min()),
            on="query",
            how="left",
            maintain_order="left",
        )
        .join(
            alike.group_by("query", "document").agg(pl.col("to_positive").max()),
            on=["query", "document"],
            how="left",
            maintain_order="left",
        )
    )
    like = (pl.col("to_positive") >= LIKE_POSITIVE) & pl.lit(encoder.similarity == "cosine")
    above = (pl.col("to_query") >= pl.col("lowest")).fill_null(False)
    return found.with_columns(
        kind=pl.when(like.fill_null(False))
        .then(pl.lit(KINDS[0]))
        .when(above)
        .then(pl.lit(KINDS[1]))
        .otherwise(pl.lit(KINDS[2]))
    )


def number_rows(frame: pl.DataFrame, number: str, wanted: list[pl.Series]) -> pl.DataFrame:
    """The rows of `frame` whose numbers are in `wanted`, with their position `place`."""
    used = pl.concat(wanted).unique().alias(number).to_frame()
    return frame.join(used, on=number, how="semi", maintain_order="left").select(
        number, "text", place=pl.int_range(pl.len())
    )


def estimate_suspicion(pairs: pl.DataFrame, seed: int) -> dict[str, Interval]:
    """The fraction of suspicious pairs with its bootstrap interval over queries.

    Args:
        pairs: query, kind.
        seed: seed of the bootstrap.

    Returns:
        "narrow": like-answer only; "wide": like-answer or above-answer.
    """
    kind = pl.col("kind")
    by_query = pairs.group_by("query", maintain_order=True).agg(
        narrow=(kind == KINDS[0]).sum(), wide=(kind != KINDS[2]).sum(), pairs=pl.len()
    )
    values = by_query.select("narrow", "wide", "pairs").to_numpy().astype(np.float64)
    draw = generator(seed, "audit", "bootstrap")
    sums = np.stack(
        [values[draw.integers(len(values), size=len(values))].sum(0) for _ in range(DRAWS)]
    )
    shares = sums[:, :2] / sums[:, 2:]
    low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = values[:, :2].sum(0) / values[:, 2].sum()
    return {
        name: Interval(float(found[place]), float(low[place]), float(high[place]))
        for place, name in enumerate(("narrow", "wide"))
    }
