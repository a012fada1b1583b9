"""Which queries train, which tune, which test; how many train; and which of their answers are hidden."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.tables import normalised
from hone.seeds import unit_hashes
from hone.text.near_duplicates import clusters

# Queries alike by so much (estimated Jaccard similarity of their runs of four characters) share a split.
ALIKE = 0.8
CHARACTERS = 4


def by_text(queries: pl.DataFrame, dev: float, test: float) -> pl.Series:
    """A split for every query, from a hash of its text, near-duplicates together.

    A cluster of near-duplicates goes where its smallest hash falls, so that a query keeps its split when others come or
    go, unless it is a near-duplicate of a newcomer. Queries with the same normalised text share a split too. The hash is of
    `form_drawn`, which never changes: a better notion of "the same text" must not move a collection's queries.

    Args:
        queries: with `text`.
        dev: share of the clusters that becomes dev.
        test: share that becomes test.

    Returns:
        "train", "dev" or "test" for each row.
    """
    texts = queries.select(form_drawn(pl.col("text")))["text"].to_list()
    places = pl.DataFrame({"cluster": clusters(texts, ALIKE, characters=CHARACTERS), "place": unit_hashes(texts)})
    places = places.with_columns(same=queries.select(normalised(pl.col("text")))["text"])
    smallest = places["place"]
    while True:  # until no cluster and no text has two places: a text may join clusters, and these others
        before = smallest
        places = places.with_columns(pl.col("place").min().over("cluster")).with_columns(pl.col("place").min().over("same"))
        smallest = places["place"]
        if smallest.equals(before):
            break
    return (
        pl.select(
            pl.when(smallest < test).then(pl.lit("test")).when(smallest < test + dev).then(pl.lit("dev"))
            .otherwise(pl.lit("train"))
        ).to_series().rename("split")
    )  # fmt: skip


def form_drawn(text: pl.Expr) -> pl.Expr:
    """The form of a query's text whose hash draws its split: lower case, single spaces, no punctuation at the ends."""
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" .,;:!?\"'()[]")


def in_training_order(queries: pl.DataFrame, positives: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Training queries, those with several known positives first, each part shuffled by a hash of the text."""
    several = positives.group_by("query_id").len("positives")
    return (
        queries.join(several, on="query_id", how="left", maintain_order="left")
        .with_columns(several=pl.col("positives").fill_null(0) > 1, place=pl.Series(unit_hashes(queries["text"].to_list(), seed)))
        .sort("several", "place", "query_id", descending=[True, False, False])
        .drop("several", "place", "positives")
    )


def hidden(positives: pl.DataFrame, share: float, seed: int, weights: np.ndarray | None = None) -> pl.Series:
    """Which known positives are kept from training: `share` of them, never a query's last.

    The pairs are drawn in a seeded order over all queries; of each query the pair that comes last in that order stays.

    Args:
        positives: query_id, doc_id of training queries.
        share: of all these pairs, how many to hide; what would leave a query without one stays.
        seed: of the draw.
        weights: of each pair, above 0: one of twice the weight is drawn twice as readily (Efraimidis and Spirakis 2006); null: all alike.

    Returns:
        True for every pair that is hidden.
    """
    keys = (positives["query_id"] + "\t" + positives["doc_id"]).to_list()
    places = unit_hashes(keys, seed)
    if weights is not None:  # times of first events of such rates: the least come first
        places = -np.log1p(-places) / weights
    drawn = positives.select("query_id", place=pl.Series(places)).with_row_index("row")
    hideable = drawn.filter(pl.col("place").rank("ordinal").over("query_id") < pl.len().over("query_id"))
    count = min(round(share * len(positives)), len(hideable))
    chosen = hideable.sort("place", "row").head(count)["row"]
    return pl.Series("hidden", np.isin(np.arange(len(positives)), chosen.to_numpy()))
