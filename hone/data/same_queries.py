"""Queries with the same text but different ids: a positive of one is not a negative of the
others.
"""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.data.tables import normalised
from hone.data.unknown import DROPPED, is_dropped
from hone.data.unknown_reasons import PASSING, kinds
from hone.layout import PAIR

JUDGE = "same-query"
PERSON = "person"


def share_labels(
    labels: pl.DataFrame, queries: pl.DataFrame, decided: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Labels without contradictions between queries with the same text. A positive or unknown
    document of one is never a negative of another.

    For the other queries it becomes unknown: it is not mined or used as a negative, and their
    batches mask it. A dropped pair is dropped for the others too. It does not become positive, so a
    wrong label stays with its query. Queries are the same if their normalized texts are equal
    within one collection. (In batches, `Examples` compares across collections.) Labels shared
    earlier are recomputed. Human decisions about a pair stay.

    Args:
        labels: a table of labels.
        queries: query_id, text, collection of all training queries.
        decided: query_id, doc_id of pairs with a human decision, even if the label agrees and comes
            from another source. Null: only pairs labelled by a person.

    Returns:
        `labels` followed by such rows. If every text is unique, `labels` without the rows shared
        earlier.
    """
    labels = labels.filter((pl.col("judge") != JUDGE).fill_null(True))
    alike = queries.select("query_id", "collection", same=normalised(pl.col("text"))).filter(
        (pl.col("same") != "") & pl.struct("collection", "same").is_duplicated()
    )
    if alike.is_empty():
        return labels
    passes = pl.col("judge").is_not_null() & kinds().is_in(
        PASSING
    )  # an error of one round, which does not outlast it
    known = labels.filter((pl.col("label") != "negative") & ~passes.fill_null(False))
    by_person = labels.filter(pl.col("judge") == PERSON).select(PAIR)
    stands = [
        labels.filter(pl.col("label") != "negative").select(PAIR),
        by_person,
        *([] if decided is None else [decided.select(PAIR)]),
    ]
    shared = (
        known.join(alike, on="query_id", how="inner", maintain_order="left")
        .select(
            "collection",
            "same",
            "doc_id",
            known_to="query_id",
            label=pl.col("label").cast(pl.String),
            dropped=is_dropped(),
        )
        .join(alike, on=["collection", "same"], how="inner", maintain_order="left_right")
        .filter(pl.col("query_id") != pl.col("known_to"))
        .sort("dropped", maintain_order=True)  # a pair that is both is masked
        .unique(PAIR, keep="first", maintain_order=True)
        .join(pl.concat(stands), on=PAIR, how="anti", maintain_order="left")
        .select(
            *PAIR,
            why=pl.when("dropped")
            .then(pl.lit(DROPPED))
            .otherwise(
                pl.format("{} for the query {}, which has the same text", "label", "known_to")
            ),
        )
    )
    marked = labels.join(shared, on=PAIR, how="left", maintain_order="left")
    is_shared = pl.col("why").is_not_null()
    changed = marked.with_columns(
        label=pl.when(is_shared).then(pl.lit("unknown")).otherwise(pl.col("label").cast(pl.String)),
        judge=pl.when(is_shared).then(pl.lit(JUDGE)).otherwise("judge"),
        reason=pl.when(is_shared).then(pl.col("why")).otherwise("reason"),
        rank=pl.when(is_shared).then(None).otherwise("rank"),
    ).with_columns(
        rank=pl.when(pl.col("rank").is_not_null())
        .then(pl.col("rank").rank("ordinal").over("query_id"))
        .otherwise(None)
    )
    new = shared.join(labels, on=PAIR, how="anti", maintain_order="left").select(
        *PAIR,
        label=pl.lit("unknown"),
        weight=pl.lit(1.0),
        judge=pl.lit(JUDGE),
        reason=pl.col("why"),
    )
    return pl.concat([tables.shaped("labels", changed), tables.shaped("labels", new)])
