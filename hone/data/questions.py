"""Input of a judge: candidates of queries with their labelled positives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from hone.data.labels import labelled_positives
from hone.data.training_set import TrainingSet

QUERIES_PER_BLOCK = 1024


@dataclass(frozen=True)
class Questions:
    """Candidates to judge, with all texts that a judge may show.

    Attributes:
        pairs: query_id, doc_id, rank: each query's candidates together, in their order, without
            duplicates.
        positives: query_id, doc_id: labelled positives of these queries, in label order. Promoted
            positives are excluded: the input of a judge must not depend on earlier verdicts of
            another judge.
        queries: query_id, text.
        documents: doc_id, full_text of every candidate and labelled positive.
    """

    pairs: pl.DataFrame
    positives: pl.DataFrame
    queries: pl.DataFrame
    documents: pl.DataFrame

    def __len__(self) -> int:
        return len(self.pairs)

    def only(self, pairs: pl.DataFrame) -> Questions:
        """The subset for some of the pairs (query_id, doc_id), in their order here."""
        remaining = self.pairs.join(
            pairs, on=["query_id", "doc_id"], how="semi", maintain_order="left"
        )
        return of(remaining, self.positives, self.queries, self.documents)

    @property
    def query_texts(self) -> dict[str, str]:
        return dict(self.queries.select("query_id", "text").iter_rows())

    @property
    def document_texts(self) -> dict[str, str]:
        return dict(self.documents.select("doc_id", "full_text").iter_rows())

    @property
    def positives_of(self) -> dict[str, list[str]]:
        """doc_ids of each query's labelled positives."""
        return dict(
            self.positives.group_by("query_id", maintain_order=True).agg("doc_id").iter_rows()
        )


def of(
    pairs: pl.DataFrame, positives: pl.DataFrame, queries: pl.DataFrame, documents: pl.DataFrame
) -> Questions:
    """The questions for `pairs`, without data of other queries."""
    query_ids = pairs.select("query_id").unique()
    known = positives.join(query_ids, on="query_id", how="semi", maintain_order="left").select(
        "query_id", "doc_id"
    )
    doc_ids = pl.concat([pairs["doc_id"], known["doc_id"]]).unique()
    return Questions(
        pairs.select("query_id", "doc_id", "rank"),
        known,
        queries.join(query_ids, on="query_id", how="semi", maintain_order="left").select(
            "query_id", "text"
        ),
        documents.filter(pl.col("doc_id").is_in(doc_ids.implode())).select("doc_id", "full_text"),
    )


def in_blocks(
    negatives: pl.DataFrame,
    labels: pl.DataFrame,
    training: TrainingSet,
    size: int = QUERIES_PER_BLOCK,
) -> Iterator[Questions]:
    """Questions for a round's negatives, `size` queries at a time, so the texts need not fit in
    memory.

    Args:
        negatives: of a round, each query's in order.
        labels: of its start round.
        training: the source of the texts.
        size: queries in a block.
    """
    ranked = negatives.with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
    )
    known = labelled_positives(labels)
    queries = training.queries()
    query_ids = ranked["query_id"].unique(maintain_order=True)
    for start in range(0, len(query_ids), size):
        part = query_ids[start : start + size].to_frame()
        pairs = ranked.join(part, on="query_id", how="semi", maintain_order="left")
        positives = known.join(part, on="query_id", how="semi", maintain_order="left")
        texts = training.texts(pl.concat([pairs["doc_id"], positives["doc_id"]]).unique())
        yield of(pairs, positives, queries, texts)
