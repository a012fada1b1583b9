"""Which negatives are looked at: the given ones, or those that mining would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from commands.audit.dataset import Subject, with_same
from hone.seeds import generator

if TYPE_CHECKING:
    from hone.encoders.encoder import Encoder

PAIRS = 2_000  # of given negatives that are drawn; ours: a minute or two of encoding on two cores
QUERIES = 300  # whose candidates are mined
TOP = 10
WHOLE = 10_000  # documents of a collection that is encoded whole; of a larger one only what BM25 finds
BY_WORDS = 30  # that BM25 finds for each query, for the encoder to order
KEY = ["query_same", "document_same"]


@dataclass(frozen=True)
class Candidates:
    """Negatives that may be answers.

    Attributes:
        how: "given" or "mined".
        pairs: query, document, row, rank (null for given ones): nobody says that they are answers, and no text does.
        total: how many such negatives there are in all (given), or how many training queries (mined).
        drawn: how many of these were drawn by lot.
        known: candidates that are known answers, and not in `pairs`.
        seen: candidates looked at, known ones included.
        found: how they were found, in words.
    """

    how: str
    pairs: pl.DataFrame
    total: int
    drawn: int
    known: pl.DataFrame
    seen: int
    found: str


def given(subject: Subject, kinds: pl.DataFrame, seed: int) -> Candidates:
    """At most PAIRS of the given negatives that no text tells of, drawn by lot."""
    rest = kinds.filter(pl.col("kind").is_null() & pl.col("document_same").is_not_null() & pl.col("query_same").is_not_null())
    rest = rest.join(subject.of_training(subject.positives).select("query").unique(), on="query", how="semi", maintain_order="left")
    unique = rest.select("query", "document", "row").unique(["query", "document"], keep="first", maintain_order=True)
    places = np.sort(generator(seed, "audit", "negatives").permutation(len(unique))[:PAIRS])
    pairs = unique[places].with_columns(rank=pl.lit(None, dtype=pl.Int32))
    known = kinds.filter(pl.col("kind").is_not_null())
    return Candidates("given", pairs, len(unique), len(pairs), known, len(kinds), "the negatives that the file brings")


def mined(subject: Subject, encoder: Encoder | None, language: str, seed: int) -> Candidates:
    """The first TOP documents of at most QUERIES training queries; of dev and test queries where none trains.

    Without an encoder BM25 orders them. Known answers among them stand apart, those of the same text included.
    """
    known = with_same(subject.positives, subject)
    answered = known["query"].unique()
    training = subject.training.filter(pl.col("query").is_in(answered.implode()) & pl.col("same").is_not_null())
    queries = training if len(training) else subject.asked.filter(pl.col("query").is_in(answered.implode()) & pl.col("same").is_not_null())
    places = np.sort(generator(seed, "audit", "queries").permutation(len(queries))[:QUERIES])
    asked = queries[places]
    documents = subject.documents.filter(pl.col("same").is_not_null())
    if encoder is None:
        ranked = by_words(asked, documents, language, TOP)
        found = f"the {TOP} documents that BM25 ranks first"
    elif len(documents) <= WHOLE:
        ranked = by_encoder(asked, documents, encoder)
        found = f"the {TOP} documents nearest to the query"
    else:
        ranked = reordered(asked, documents, by_words(asked, documents, language, BY_WORDS), encoder)
        found = f"the {TOP} documents nearest to the query among the {BY_WORDS} that BM25 finds"
    pairs = with_same(ranked.with_columns(row=pl.lit(None, dtype=pl.Int64)), subject)
    answers = pairs.join(known.select("query", "document_same").unique(), on=["query", "document_same"], how="semi", maintain_order="left")
    others = pairs.join(answers, on=["query", "document"], how="anti", maintain_order="left")
    return Candidates("mined", others.select("query", "document", "row", "rank"), len(queries), len(asked), answers, len(pairs), found)


def by_words(asked: pl.DataFrame, documents: pl.DataFrame, language: str, depth: int) -> pl.DataFrame:
    """query, document, rank of what BM25 finds."""
    from hone.text.bm25 import indexed

    index = indexed([documents["text"].to_list()], language)
    if index.found is None:
        return ranked_table(asked.clear(), documents, np.empty((0, 1)), np.empty((0, 1))).drop("score")
    rows, scores = index.best(index.words.of(asked["text"]), depth)
    return ranked_table(asked, documents, rows, scores).filter(pl.col("score") > 0).drop("score")


def by_encoder(asked: pl.DataFrame, documents: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """query, document, rank of the nearest documents of all."""
    from hone.encoders.search import nearest

    scores, rows = nearest(encoder.queries(asked["text"].to_list()), vectors_of(encoder, documents["text"]), TOP)
    return ranked_table(asked, documents, rows, scores).drop("score")


def reordered(asked: pl.DataFrame, documents: pl.DataFrame, found: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """query, document, rank: what BM25 found in the encoder's order, the first TOP."""
    from hone.encoders.search import pair_scores

    used = documents.join(found.select("document").unique(), on="document", how="semi", maintain_order="left")
    places = found.join(asked.select("query").with_row_index("left"), on="query", how="left", maintain_order="left").join(
        used.select("document").with_row_index("right"), on="document", how="left", maintain_order="left"
    )
    scores = pair_scores(
        encoder.queries(asked["text"].to_list()),
        vectors_of(encoder, used["text"]),
        places.select("left", "right").to_numpy().astype(np.int64),
    )
    order = found.with_columns(score=pl.Series(scores)).sort(["query", "score"], descending=[False, True], maintain_order=True)
    return order.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query")).filter(pl.col("rank") <= TOP).drop("score")


def vectors_of(encoder: Encoder, texts: pl.Series, rows: int = 8192):
    """The documents' vectors, encoded a part at a time."""
    return encoder.vectors((texts[start : start + rows].to_list() for start in range(0, len(texts), rows)), "document", len(texts))


def ranked_table(asked: pl.DataFrame, documents: pl.DataFrame, rows: np.ndarray, scores: np.ndarray) -> pl.DataFrame:
    """query, document, rank (from 1), score of a search's result."""
    count, depth = rows.shape
    return pl.DataFrame(
        {
            "query": asked["query"].gather(np.repeat(np.arange(count), depth)),
            "document": documents["document"].gather(rows.ravel().astype(np.int64)),
            "rank": np.tile(np.arange(1, depth + 1, dtype=np.int32), count),
            "score": scores.ravel().astype(np.float32),
        }
    )
