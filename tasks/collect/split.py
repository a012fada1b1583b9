"""Splits: train, dev or test for each query, the number of training queries, and the held-out
positives.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.tables import normalised
from hone.seeds import unit_hashes
from hone.text.near_duplicates import clusters

# Queries with this estimated Jaccard similarity of their character 4-grams share a split.
ALIKE = 0.8
CHARACTERS = 4
# Fractions are multiples of 1 / 100, or of 1 / 1,000 from 1,000 queries on. [Hone default]
STEPS = 100, 1_000
DEV_MINIMUM = 30  # dev queries that choose between rounds [Hone default]
DEV_LARGEST = 0.3  # fraction of the queries for dev [Hone default]


def by_text(queries: pl.DataFrame, dev: float, test: float) -> pl.Series:
    """A split for every query, from a hash of its text. Near-duplicates share a split.

    Args:
        queries: with `text`.
        dev: fraction of the clusters for dev.
        test: fraction of the clusters for test.

    Returns:
        "train", "dev" or "test" for each row.
    """
    return by_place(places_of(queries), dev, test)


def by_place(places: pl.Series, dev: float, test: float) -> pl.Series:
    """A split for every query, from its place in [0, 1): test below `test`, then dev, then
    train.
    """
    return (
        pl.select(
            pl.when(places < test)
            .then(pl.lit("test"))
            .when(places < test + dev)
            .then(pl.lit("dev"))
            .otherwise(pl.lit("train"))
        )
        .to_series()
        .rename("split")
    )


def smallest_fraction(places: pl.Series, count: int, start: float = 0.0) -> float:
    """The smallest fraction whose part of the queries has at least `count` of them.

    Args:
        places: the place of each query in [0, 1).
        count: number of queries wanted.
        start: the end of the part before this one.
    """
    steps = STEPS[len(places) >= STEPS[1]]
    if not count:
        return 0.0
    return next(
        (
            step / steps
            for step in range(1, steps + 1)
            if int(((places >= start) & (places < start + step / steps)).sum()) >= count
        ),
        1.0,
    )


def draw_dev(queries: pl.DataFrame, positives: pl.DataFrame, dev: float) -> pl.Series | None:
    """Train or dev for each training query of a collection without dev queries, by a hash of its
    text. Near-duplicates share a split.

    Args:
        queries: query_id, text of the training queries.
        positives: query_id of the positive labels.
        dev: fraction of the queries for dev. It is raised if fewer than DEV_MINIMUM labelled
            queries would be dev queries.

    Returns:
        "train" or "dev" for each row. Null if these would be more than DEV_LARGEST of the labelled
        queries.
    """
    labelled = queries.join(positives, on="query_id", how="semi", maintain_order="left")
    if DEV_LARGEST * len(labelled) < DEV_MINIMUM:
        return None
    places = places_of(queries)
    among = places.filter(queries["query_id"].is_in(labelled["query_id"].implode()))
    fraction = max(dev, smallest_fraction(among, DEV_MINIMUM))
    return by_place(places, fraction, 0.0)


def places_of(queries: pl.DataFrame) -> pl.Series:
    """A place in [0, 1) for every query, from a hash of its text. Near-duplicates share a place.

    The smallest hash of a cluster determines its place. A query thus keeps its split when others
    are added or removed. The exception is a near-duplicate of a new query. Queries with the same
    normalized text share a place too. The hash uses `form_drawn`, which never changes: improved
    normalization must not move a collection's queries.
    """
    texts = queries.select(form_drawn(pl.col("text")))["text"].to_list()
    places = pl.DataFrame(
        {"cluster": clusters(texts, ALIKE, characters=CHARACTERS), "place": unit_hashes(texts)}
    )
    places = places.with_columns(same=queries.select(normalised(pl.col("text")))["text"])
    smallest = places["place"]
    # until each cluster and text has one position: a text may join clusters, which then join others
    while True:
        before = smallest
        places = places.with_columns(pl.col("place").min().over("cluster")).with_columns(
            pl.col("place").min().over("same")
        )
        smallest = places["place"]
        if smallest.equals(before):
            return smallest


def form_drawn(text: pl.Expr) -> pl.Expr:
    """The form of a query's text for the split hash: lower case, single spaces, no outer
    punctuation.
    """
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" .,;:!?\"'()[]")


def in_training_order(queries: pl.DataFrame, positives: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Training queries, those with several positives first, each part shuffled by a hash of the
    text.
    """
    several = positives.group_by("query_id").len("positives")
    return (
        queries.join(several, on="query_id", how="left", maintain_order="left")
        .with_columns(
            several=pl.col("positives").fill_null(0) > 1,
            place=pl.Series(unit_hashes(queries["text"].to_list(), seed)),
        )
        .sort("several", "place", "query_id", descending=[True, False, False])
        .drop("several", "place", "positives")
    )


def hidden(
    positives: pl.DataFrame, share: float, seed: int, weights: np.ndarray | None = None
) -> pl.Series:
    """Which positives are held out: the fraction `share`, but each query keeps at least one.

    The pairs are drawn in a seeded order over all queries. The last pair of each query in that
    order remains.

    Args:
        positives: query_id, doc_id of training queries.
        share: fraction of all these pairs to hold out. The last positive of a query always stays.
        seed: seed of the draw.
        weights: weight of each pair, above 0. Twice the weight doubles the chance (Efraimidis and
            Spirakis 2006). Null: equal weights.

    Returns:
        True for every held-out pair.
    """
    keys = (positives["query_id"] + "\t" + positives["doc_id"]).to_list()
    places = unit_hashes(keys, seed)
    if weights is not None:  # arrival times with these rates: the smallest come first
        places = -np.log1p(-places) / weights
    drawn = positives.select("query_id", place=pl.Series(places)).with_row_index("row")
    hideable = drawn.filter(
        pl.col("place").rank("ordinal").over("query_id") < pl.len().over("query_id")
    )
    count = min(round(share * len(positives)), len(hideable))
    chosen = hideable.sort("place", "row").head(count)["row"]
    return pl.Series("hidden", np.isin(np.arange(len(positives)), chosen.to_numpy()))
