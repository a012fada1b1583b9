"""The negatives to check for false negatives: the given ones, or mined candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from commands.audit.dataset import Subject, with_same
from hone.seeds import generator

if TYPE_CHECKING:
    from hone.encoders.encoder import Encoder

PAIRS = 2_000  # sampled given negatives; one or two minutes of encoding on two cores [Hone default]
QUERIES = 300  # sampled queries to mine candidates for
TOP = 10
# largest number of documents to encode; of a larger collection only BM25 candidates are encoded
WHOLE = 10_000
BY_WORDS = 30  # BM25 candidates per query, which the encoder reranks
KEY = ["query_same", "document_same"]


@dataclass(frozen=True)
class Candidates:
    """Possible false negatives.

    Attributes:
        how: "given" or "mined".
        pairs: query, document, row, rank (null for given ones), without labelled positives and
            their copies.
        total: number of such negatives (given), or of training queries (mined).
        drawn: how many of these were sampled.
        known: candidates that are labelled positives, not in `pairs`.
        seen: number of checked candidates, including labelled positives.
        found: their origin, in words.
    """

    how: str
    pairs: pl.DataFrame
    total: int
    drawn: int
    known: pl.DataFrame
    seen: int
    found: str


def sample_given(subject: Subject, kinds: pl.DataFrame, seed: int) -> Candidates:
    """A random sample of at most PAIRS given negatives whose text does not match a positive."""
    rest = kinds.filter(
        pl.col("kind").is_null()
        & pl.col("document_same").is_not_null()
        & pl.col("query_same").is_not_null()
    )
    rest = rest.join(
        subject.of_training(subject.positives).select("query").unique(),
        on="query",
        how="semi",
        maintain_order="left",
    )
    unique = rest.select("query", "document", "row").unique(
        ["query", "document"], keep="first", maintain_order=True
    )
    places = np.sort(generator(seed, "audit", "negatives").permutation(len(unique))[:PAIRS])
    pairs = unique[places].with_columns(rank=pl.lit(None, dtype=pl.Int32))
    known = kinds.filter(pl.col("kind").is_not_null())
    return Candidates(
        "given", pairs, len(unique), len(pairs), known, len(kinds), "the negatives of the file"
    )


def mine_candidates(
    subject: Subject, encoder: Encoder | None, language: str, seed: int
) -> Candidates:
    """The first TOP documents of at most QUERIES training queries. Without training queries, dev
    and test queries are used.

    Without an encoder, BM25 ranks them. Labelled positives and their exact copies are listed
    separately.
    """
    known = with_same(subject.positives, subject)
    answered = known["query"].unique()
    training = subject.training.filter(
        pl.col("query").is_in(answered.implode()) & pl.col("same").is_not_null()
    )
    queries = (
        training
        if len(training)
        else subject.evaluation_queries.filter(
            pl.col("query").is_in(answered.implode()) & pl.col("same").is_not_null()
        )
    )
    places = np.sort(generator(seed, "audit", "queries").permutation(len(queries))[:QUERIES])
    sampled_queries = queries[places]
    documents = subject.documents.filter(pl.col("same").is_not_null())
    if encoder is None:
        ranked = retrieve_bm25(sampled_queries, documents, language, TOP)
        found = f"the {TOP} documents that BM25 ranks first"
    elif len(documents) <= WHOLE:
        ranked = retrieve_dense(sampled_queries, documents, encoder)
        found = f"the {TOP} nearest documents of each query"
    else:
        ranked = rerank(
            sampled_queries,
            documents,
            retrieve_bm25(sampled_queries, documents, language, BY_WORDS),
            encoder,
        )
        found = f"the {TOP} nearest of the {BY_WORDS} documents that BM25 retrieves for each query"
    pairs = with_same(ranked.with_columns(row=pl.lit(None, dtype=pl.Int64)), subject)
    answers = pairs.join(
        known.select("query", "document_same").unique(),
        on=["query", "document_same"],
        how="semi",
        maintain_order="left",
    )
    others = pairs.join(answers, on=["query", "document"], how="anti", maintain_order="left")
    return Candidates(
        "mined",
        others.select("query", "document", "row", "rank"),
        len(queries),
        len(sampled_queries),
        answers,
        len(pairs),
        found,
    )


def retrieve_bm25(
    queries: pl.DataFrame, documents: pl.DataFrame, language: str, depth: int
) -> pl.DataFrame:
    """The BM25 results: query, document, rank."""
    from hone.text.bm25 import indexed

    index = indexed([documents["text"].to_list()], language)
    if index.found is None:
        return ranked_table(queries.clear(), documents, np.empty((0, 1)), np.empty((0, 1))).drop(
            "score"
        )
    rows, scores = index.best(index.words.of(queries["text"]), depth)
    return ranked_table(queries, documents, rows, scores).filter(pl.col("score") > 0).drop("score")


def retrieve_dense(
    queries: pl.DataFrame, documents: pl.DataFrame, encoder: Encoder
) -> pl.DataFrame:
    """The nearest documents of the whole collection: query, document, rank."""
    from hone.encoders.search import nearest

    scores, rows = nearest(
        encoder.queries(queries["text"].to_list()), vectors_of(encoder, documents["text"]), TOP
    )
    return ranked_table(queries, documents, rows, scores).drop("score")


def rerank(
    queries: pl.DataFrame, documents: pl.DataFrame, found: pl.DataFrame, encoder: Encoder
) -> pl.DataFrame:
    """The BM25 results reranked by the encoder, the first TOP: query, document, rank."""
    from hone.encoders.search import pair_scores

    used = documents.join(
        found.select("document").unique(), on="document", how="semi", maintain_order="left"
    )
    places = found.join(
        queries.select("query").with_row_index("left"),
        on="query",
        how="left",
        maintain_order="left",
    ).join(
        used.select("document").with_row_index("right"),
        on="document",
        how="left",
        maintain_order="left",
    )
    scores = pair_scores(
        encoder.queries(queries["text"].to_list()),
        vectors_of(encoder, used["text"]),
        places.select("left", "right").to_numpy().astype(np.int64),
    )
    order = found.with_columns(score=pl.Series(scores)).sort(
        ["query", "score"], descending=[False, True], maintain_order=True
    )
    return (
        order.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query"))
        .filter(pl.col("rank") <= TOP)
        .drop("score")
    )


def vectors_of(encoder: Encoder, texts: pl.Series, rows: int = 8192):
    """The documents' vectors, encoded in chunks."""
    return encoder.vectors(
        (texts[start : start + rows].to_list() for start in range(0, len(texts), rows)),
        "document",
        len(texts),
    )


def ranked_table(
    queries: pl.DataFrame, documents: pl.DataFrame, rows: np.ndarray, scores: np.ndarray
) -> pl.DataFrame:
    """A search result as a table: query, document, rank (from 1), score."""
    count, depth = rows.shape
    return pl.DataFrame(
        {
            "query": queries["query"].gather(np.repeat(np.arange(count), depth)),
            "document": documents["document"].gather(rows.ravel().astype(np.int64)),
            "rank": np.tile(np.arange(1, depth + 1, dtype=np.int32), count),
            "score": scores.ravel().astype(np.float32),
        }
    )
