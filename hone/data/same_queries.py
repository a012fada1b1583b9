"""Queries with the same text under several ids: what is known of one is no negative of the others."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.data.tables import normalised
from hone.data.unknown import DROPPED, is_dropped
from hone.data.unknown_reasons import PASSING, kinds
from hone.layout import PAIR

JUDGE = "same-query"
PERSON = "person"


def share_labels(labels: pl.DataFrame, queries: pl.DataFrame, decided: pl.DataFrame | None = None) -> pl.DataFrame:
    """Labels in which a document that is positive or unknown for a query is not a negative of another with the same text.

    For the others it becomes unknown: it is neither mined nor trained as their negative, and their batches mask it; a dropped one is
    dropped for the others too. It does not become positive, so that a wrong label stays with the query that has it. Queries are the
    same where their normalised texts are, within one collection; in batches `Examples` compares across collections. What was shared
    before is found anew. What a person has decided about a pair stands.

    Args:
        labels: a table of labels.
        queries: query_id, text, collection of all training queries.
        decided: query_id, doc_id of pairs that a person has decided, also where the label agrees and is another's; null: only those of
            labels by a person.

    Returns:
        `labels` with such rows after the others; where every text stands once, without what was shared before.
    """
    labels = labels.filter((pl.col("judge") != JUDGE).fill_null(True))
    alike = queries.select("query_id", "collection", same=normalised(pl.col("text"))).filter(
        (pl.col("same") != "") & pl.struct("collection", "same").is_duplicated()
    )
    if alike.is_empty():
        return labels
    passes = pl.col("judge").is_not_null() & kinds().is_in(PASSING)  # a fault of one round, which does not outlast it
    known = labels.filter((pl.col("label") != "negative") & ~passes.fill_null(False))
    by_person = labels.filter(pl.col("judge") == PERSON).select(PAIR)
    stands = [labels.filter(pl.col("label") != "negative").select(PAIR), by_person, *([] if decided is None else [decided.select(PAIR)])]
    shared = (
        known.join(alike, on="query_id", how="inner", maintain_order="left")
        .select("collection", "same", "doc_id", known_to="query_id", label=pl.col("label").cast(pl.String), dropped=is_dropped())
        .join(alike, on=["collection", "same"], how="inner", maintain_order="left_right")
        .filter(pl.col("query_id") != pl.col("known_to"))
        .sort("dropped", maintain_order=True)  # where it is both, it is masked
        .unique(PAIR, keep="first", maintain_order=True)
        .join(pl.concat(stands), on=PAIR, how="anti", maintain_order="left")
        .select(
            *PAIR,
            said=pl.when("dropped")
            .then(pl.lit(DROPPED))
            .otherwise(pl.format("{} for the query {}, which has the same text", "label", "known_to")),
        )
    )
    marked = labels.join(shared, on=PAIR, how="left", maintain_order="left")
    is_shared = pl.col("said").is_not_null()
    changed = marked.with_columns(
        label=pl.when(is_shared).then(pl.lit("unknown")).otherwise(pl.col("label").cast(pl.String)),
        judge=pl.when(is_shared).then(pl.lit(JUDGE)).otherwise("judge"),
        reason=pl.when(is_shared).then(pl.col("said")).otherwise("reason"),
        rank=pl.when(is_shared).then(None).otherwise("rank"),
    ).with_columns(rank=pl.when(pl.col("rank").is_not_null()).then(pl.col("rank").rank("ordinal").over("query_id")).otherwise(None))
    new = shared.join(labels, on=PAIR, how="anti", maintain_order="left").select(
        *PAIR, label=pl.lit("unknown"), weight=pl.lit(1.0), judge=pl.lit(JUDGE), reason=pl.col("said")
    )
    return pl.concat([tables.shaped("labels", changed), tables.shaped("labels", new)])
