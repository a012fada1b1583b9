"""Near-duplicate texts of two tables, sampled if there are too many."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.text.near_duplicates import clusters, signatures, similar

MOST = 200_000  # texts; larger sets are sampled
THRESHOLD = 0.8  # same as in the filter near-duplicate and in the split
COMPARED = 50  # texts of one cluster that each text is compared with
CHARACTERS = 4  # for shingles of queries, same as in the split


def clustered(texts: pl.DataFrame, *, characters: int | None = None) -> pl.DataFrame:
    """`same` and `cluster`. Texts of one cluster are similar, directly or through other texts.

    Args:
        texts: same, text. One row for each `same`.
        characters: as for `signatures`.
    """
    found = clusters(texts["text"].to_list(), THRESHOLD, characters=characters)
    return texts.select("same", cluster=pl.Series(np.asarray(found, dtype=np.int64)))


def drawn(
    texts: pl.DataFrame, first: pl.Series, draw: np.random.Generator, most: int = MOST
) -> pl.DataFrame:
    """One row for each different text, at most `most` rows: those in `first`, then a random sample
    of the others.

    Args:
        texts: same, text.
        first: `same` of texts, in order of priority.
        draw: for sampling the others.
    """
    unique = texts.filter(pl.col("same").is_not_null()).unique(
        "same", keep="first", maintain_order=True
    )
    if len(unique) <= most:
        return unique
    wanted = first.drop_nulls().unique(maintain_order=True).head(most).to_frame("same")
    chosen = wanted.join(unique, on="same", how="inner", maintain_order="left").select(
        unique.columns
    )
    rest = unique.join(wanted, on="same", how="anti", maintain_order="left")
    places = draw.permutation(len(rest))[: most - len(chosen)]
    return pl.concat([chosen, rest[places]])


def resemble(left: pl.Series, right: pl.Series, *, characters: int | None = None) -> np.ndarray:
    """Whether texts are near-duplicates of each other, row by row."""
    texts = pl.concat([left, right]).unique(maintain_order=True)
    number = pl.DataFrame({"text": texts}).with_row_index("number")
    rows = [
        side.to_frame("text")
        .join(number, on="text", how="left", maintain_order="left")["number"]
        .to_numpy()
        for side in (left, right)
    ]
    near, _ = similar(signatures(texts.to_list(), characters=characters), *rows, THRESHOLD)
    found = np.zeros(len(left), dtype=bool)
    found[near] = True
    return found


def near_queries(
    training: pl.DataFrame,
    evaluation_queries: pl.DataFrame,
    draw: np.random.Generator,
    most: int = MOST,
) -> tuple[pl.DataFrame, str]:
    """Training queries that are near-duplicates of an evaluation query, and a note on what was not
    searched.

    Args:
        training: same, text, name, ...
        evaluation_queries: same, text, name, split of the evaluation queries.
        draw: for sampling the training queries if there are too many.
        most: maximum number of queries to search, of both kinds.

    Returns:
        Rows of `training` with other, other_name, other_split of the first similar query, and a
        note.
    """
    searched = evaluation_queries.head(max(1, most // 2))
    seen = by_lot(training, most - len(searched), draw)
    left = seen.with_row_index("place")
    right = searched.select(
        "same", "text", other="text", other_name="name", other_split="split"
    ).with_row_index("other_place")
    found = (
        near_pairs(left, right)
        .join(right.drop("same", "text"), on="other_place", how="left", maintain_order="left")
        .drop("other_place")
    )
    alike = left.join(found, on="place", how="inner", maintain_order="left")
    note = (
        f"Searched {len(seen):,} of {len(training):,} training queries, sampled at random."
        if len(seen) < len(training)
        else ""
    )
    return alike.unique("place", keep="first", maintain_order=True), note


def by_lot(rows: pl.DataFrame, most: int, draw: np.random.Generator) -> pl.DataFrame:
    """At most this number of rows, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(draw.permutation(len(rows))[:most])]


def near_pairs(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Pairs of identical or near-duplicate texts of two tables.

    Each text is compared with the first 50 texts of the other table in its cluster. Large groups of
    texts from one template therefore stay cheap, but their remaining texts are not compared.

    Args:
        left: place (row number), same, text.
        right: other_place, same, text.

    Returns:
        place, other_place: each pair once, in the order of `left`.
    """
    texts = pl.concat([side.select("same", "text") for side in (left, right)]).unique(
        "same", keep="first", maintain_order=True
    )
    found = clustered(texts, characters=CHARACTERS)
    own = (
        left.select("place", "text", "same")
        .join(found, on="same", how="inner", maintain_order="left")
        .drop("same")
    )
    others = (
        right.select("other_place", "same", other="text")
        .join(found, on="same", how="inner", maintain_order="left")
        .drop("same")
    )
    pairs = pl.concat(
        [
            own.join(first_of_cluster(others), on="cluster", how="inner", maintain_order="left"),
            first_of_cluster(own).join(others, on="cluster", how="inner", maintain_order="left"),
        ]
    ).unique(["place", "other_place"], keep="first", maintain_order=True)
    alike = pl.Series(
        resemble(pairs["text"], pairs["other"], characters=CHARACTERS), dtype=pl.Boolean
    )
    return pairs.filter(alike).select("place", "other_place").sort("place", "other_place")


def first_of_cluster(texts: pl.DataFrame) -> pl.DataFrame:
    return texts.filter(pl.int_range(pl.len()).over("cluster") < COMPARED)
