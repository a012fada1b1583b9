"""Dev checks: nDCG@10 of the current weights at a few steps of training, on a small pool of dev
queries and documents.

They detect a training that was better before its end [Hone default]. A check changes no weight and
draws no random number. The weights of the last step are saved in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hone.data.training_set import TrainingCollection, TrainingSet
from hone.encoders.encoder import refuse_no_numbers
from hone.encoders.model_folder import Route
from hone.encoders.search import as_table
from hone.ir.measures import per_query
from hone.ir.ranking import RankingPart, aggregated, units
from hone.ir.split_names import name_dev_queries
from hone.lots import lots, query_keys
from hone.stats.paired_tests import LEVEL, t_test

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MEASURE = "ndcg_at_10"
MOST_QUERIES = 40
# documents per query by the starting model; also the maximum number of its positives, best grades
# first
NEAREST = 10
MOST_TEXTS = 1_000  # maximum texts of a collection's pool, because a document may have many chunks
TEXTS_PER_BATCH = 32

Encode = Callable[[list[str], Route], np.ndarray]  # texts and their route -> vectors [n, d]


@dataclass(frozen=True)
class Part:
    """The pool of one collection.

    Attributes:
        queries: query_id, text.
        texts: doc_id, full_text of every document, or chunk, of the pool.
        unit: doc_id and the document that is ranked for it. Null if each is ranked for itself.
        qrels: of these queries.
        min_relevance: the lowest relevance grade of a positive.
        ranking_part: which part of a ranking counts.
    """

    queries: pl.DataFrame
    texts: pl.DataFrame
    unit: pl.DataFrame | None
    qrels: pl.DataFrame
    min_relevance: int
    ranking_part: RankingPart

    @property
    def documents(self) -> int:
        """The number of ranked documents. Chunks of one document count once."""
        return (
            len(self.texts)
            if self.unit is None
            else self.texts.join(self.unit, on="doc_id")["unit"].n_unique()
        )

    def scores(self, encode: Encode) -> list[float]:
        """nDCG@10 of each query within the pool, in the order of `queries`."""
        scores = (
            encode(self.queries["text"].to_list(), "query")
            @ encode(self.texts["full_text"].to_list(), "document").T
        )
        rows = np.argsort(-scores, axis=1, kind="stable")
        found = as_table(
            self.queries["query_id"],
            self.texts["doc_id"],
            np.take_along_axis(scores, rows, axis=1),
            rows,
        )
        values = per_query(
            aggregated(found, self.unit, self.ranking_part), self.qrels, self.min_relevance
        )
        return self.queries.join(values, on="query_id", how="left", maintain_order="left")[
            MEASURE
        ].to_list()


@dataclass
class Checks:
    """The dev checks of one training.

    Attributes:
        parts: the pool, by collection. Empty: no checks.
        count: number of checks, the last at the end of training. Fewer if the training has fewer
            steps.
        seen: nDCG@10 of each query, by step.
        queries_name: the dev queries for readers, which are named if they are generated.
    """

    parts: list[Part]
    count: int
    seen: dict[int, list[float]] = field(default_factory=dict)
    queries_name: str = "dev queries"

    @property
    def queries(self) -> int:
        return sum(len(part.queries) for part in self.parts)

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.parts)

    def due(self, step: int, last: int) -> bool:
        """Whether a step is checked in a training that ends with step `last`."""
        return bool(self.parts) and step in {
            -(-place * last // self.count) for place in range(1, self.count + 1)
        }

    def measure(self, step: int, encode: Encode) -> float:
        """Check the weights after a step. Returns the mean over the queries."""
        self.seen[step] = [value for part in self.parts for value in part.scores(encode)]
        return float(np.mean(self.seen[step]))

    def record(self) -> dict:
        """The stored record: `queries`, `queries_name`, `documents`, `checks` (each `step` and mean
        nDCG@10) and `better_before`, the warning of that name, or null.
        """
        checks = [
            {"step": step, MEASURE: float(np.mean(self.seen[step]))} for step in sorted(self.seen)
        ]
        return {
            "queries": self.queries,
            "queries_name": self.queries_name,
            "documents": self.documents,
            "checks": checks,
            "better_before": better_before(self.seen, self.documents, self.queries_name),
        }


def checks_of(
    training: TrainingSet, runs: dict[str, pl.DataFrame], count: int, seed: int
) -> Checks:
    """The dev checks of a training.

    The pool has at most 40 dev queries with a positive from all collections. They are the same in
    every round with the same seed. Its documents are their positives and the 10 nearest documents
    of each query.

    Args:
        training: the training set.
        runs: by collection, the ranking of its dev queries by the starting model: query_id, doc_id,
            score. Collections without one are not checked.
        count: number of checks. 0: none.
        seed: from params.yaml.
    """
    collections = [collection for collection in training if collection.name in runs and count]
    known = [
        one.qrels("dev")
        .filter(pl.col("relevance") >= one.min_relevance)
        .join(one.queries("dev"), on="query_id", how="semi")["query_id"]
        for one in collections
    ]
    ids = pl.concat([pl.Series("query_id", [], dtype=pl.String), *known]).unique(
        maintain_order=True
    )
    drawn = ids.gather(
        np.argsort(lots(query_keys(ids), seed, "dev checks"), kind="stable")[:MOST_QUERIES]
    )
    parts = [part_of(collection, runs[collection.name], drawn) for collection in collections]
    generated = {
        one.name: one.has_generated_dev()
        for one, part in zip(collections, parts, strict=True)
        if len(part.queries)
    }
    return Checks(
        [part for part in parts if len(part.queries) and len(part.texts)],
        count,
        queries_name=name_dev_queries(generated),
    )


def part_of(collection: TrainingCollection, run: pl.DataFrame, drawn: pl.Series) -> Part:
    """A collection's part of the pool. If it has too many chunks, the queries drawn last are
    dropped.
    """
    dev, documents = collection.qrels("dev"), collection.documents
    unit = units(documents, dev)
    place = drawn.to_frame("query_id").with_row_index("place")
    answers = dev.filter(pl.col("relevance") > 0).sort(
        "relevance", "doc_id", descending=[True, False]
    )
    pairs = [
        frame.select("query_id", "doc_id").join(place, on="query_id", maintain_order="left")
        for frame in (answers, run)
    ]
    wanted = pl.concat(
        [frame.filter(pl.int_range(pl.len()).over("query_id") < NEAREST) for frame in pairs]
    )
    if unit is not None:
        wanted = wanted.rename({"doc_id": "unit"}).join(unit, on="unit")
    new = (
        wanted.group_by("doc_id").agg(pl.col("place").min()).group_by("place").len().sort("place")
    )  # texts added by each query
    too_many = new.filter(pl.col("len").cum_sum() > MOST_TEXTS)["place"].min()
    if too_many is not None:
        wanted = wanted.filter(pl.col("place") < too_many)
    queries = (
        collection.queries("dev")
        .join(wanted, on="query_id", how="semi", maintain_order="left")
        .select("query_id", "text")
    )
    texts = documents.texts(wanted["doc_id"]).select("doc_id", "full_text").sort("doc_id")
    qrels = dev.join(queries, on="query_id", how="semi", maintain_order="left")
    return Part(
        queries,
        texts,
        unit,
        qrels,
        collection.min_relevance,
        RankingPart(itself=collection.own_id == "keep"),
    )


def better_before(
    seen: dict[int, list[float]], documents: int, queries: str = "dev queries"
) -> str | None:
    """A warning if dev was significantly better at an earlier check than at the end. Otherwise
    null.

    The earlier check with the highest mean is compared with the last one by a paired t-test
    (two-sided). The p value is multiplied by the number of earlier checks (Bonferroni), because the
    best of them was selected. It must be below 0.05.

    Args:
        seen: nDCG@10 of each query, by step.
        documents: number of documents in the pool.
        queries: the dev queries for readers.
    """
    if len(seen) < 2:
        return None
    *earlier, last = sorted(seen)
    best = max(earlier, key=lambda step: (np.mean(seen[step]), -step))
    difference = np.subtract(seen[best], seen[last])
    deviation = float(difference.std(ddof=1)) if len(difference) > 1 else None
    p = t_test(float(difference.mean()), deviation, len(difference))
    if difference.mean() <= 0 or p is None or p * len(earlier) >= LEVEL:
        return None
    then, now = (f"step {step:,} ({np.mean(seen[step]):.3f})" for step in (best, last))
    return (
        f"Dev nDCG@10 was higher at {then} than at the end, {now}, on {len(difference)} {queries} "
        f"and a pool of {documents:,} documents. Train less, or lower the learning rate."
    )


def vectors_of(
    texts: list[str], route: Route, model: SentenceTransformer, prompts: dict[str, str]
) -> np.ndarray:
    """Vectors of texts by a model in training: [n, d] of fp32, normalized if it uses cosine.

    Precision and length are those of training, so a check needs no more memory than a step. The
    model stays in train mode.

    Args:
        texts: n texts.
        route: whether they are queries or documents.
        model: the model in training.
        prompts: by route.

    Raises:
        Refused: a vector contains NaN or infinity.
    """
    import torch

    trains, made = model.training, []
    order = np.argsort([-len(text) for text in texts], kind="stable")
    model.eval()
    try:
        with torch.no_grad():
            for rows in np.split(order, range(TEXTS_PER_BATCH, len(order), TEXTS_PER_BATCH)):
                features = model.preprocess(
                    [texts[row] for row in rows], prompt=prompts[route] or None, task=route
                )
                features = {
                    name: value.to(model.device) if torch.is_tensor(value) else value
                    for name, value in features.items()
                }
                made.append(model(features)["sentence_embedding"].float().cpu().numpy())
    finally:
        model.train(trains)
    vectors = np.concatenate(made)[np.argsort(order)]
    refuse_no_numbers(vectors, texts, "the model in training")
    if model.similarity_fn_name != "cosine":
        return vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
