"""An annotation sheet: shuffled pairs of a round, drawn by rank band, with labelled positives
and random documents as controls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hone.judging.rank_bands import SHEET_BANDS, band_of
from hone.layout import PAIR

MIXED_IN = (
    0.1  # ratio of labelled positives, and of random documents, to drawn pairs [Hone default]
)
ROW = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "kind": pl.String,
    "band": pl.String,
    "shown": pl.String,
}


@dataclass(frozen=True)
class Sheet:
    """The content of a sheet.

    Attributes:
        rows: query_id, doc_id, kind (drawn, known, random), band (of drawn pairs), shown: doc_id of
            the labelled positive beside it; in sheet order.
        bands: per band, the number of pairs and the number drawn.
    """

    rows: pl.DataFrame
    bands: dict[str, dict[str, int]]


def drawn(
    pairs: pl.DataFrame,
    positives: pl.DataFrame,
    queries: pl.DataFrame,
    ids: dict[str, pl.Series],
    n: int,
    random: np.random.Generator,
) -> Sheet:
    """Draw a sheet of `n` pairs. A tenth of that number of labelled positives and a tenth of random
    documents are added.

    A labelled positive is shown beside another one of the same query. If the query has no other,
    none is shown. The same number of random and drawn rows then show none, so that an empty field
    reveals nothing.

    Args:
        pairs: query_id, doc_id, rank: the pairs to draw from, in equal numbers per rank band as far
            as possible.
        positives: query_id, doc_id of labelled positives.
        queries: query_id, collection.
        ids: document ids of each collection.
        n: number of pairs to judge; fewer if there are not enough.
        random: generator for all draws.
    """
    chosen, bands = by_band(pairs, n, random)
    extra = round(n * MIXED_IN)
    known = known_pairs(
        positives.join(queries, on="query_id", how="semi", maintain_order="left"), extra, random
    )
    others = random_pairs(pairs, positives, queries, ids, extra, random)
    alone = int(known["shown"].is_null().sum())
    first = positives.group_by("query_id", maintain_order=True).agg(shown=pl.col("doc_id").first())
    parts = [known]
    for frame, kind in ((others, "random"), (chosen, "drawn")):
        beside = frame.join(first, on="query_id", how="left", maintain_order="left")
        hide = pl.Series(random.permutation(len(frame)) < alone, dtype=pl.Boolean)
        parts.append(
            beside.with_columns(
                kind=pl.lit(kind), shown=pl.when(hide).then(None).otherwise("shown")
            )
        )
    rows = pl.concat(
        [frame.select(pl.col(name).cast(kind) for name, kind in ROW.items()) for frame in parts]
    )
    return Sheet(rows.gather(random.permutation(len(rows))), bands)


def by_band(
    pairs: pl.DataFrame, n: int, random: np.random.Generator
) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """query_id, doc_id, band of `n` drawn pairs; and per band the number of pairs and the number
    drawn.
    """
    banded = pairs.with_columns(
        band=band_of(pl.col("rank"), SHEET_BANDS),
        place=pl.Series(random.permutation(len(pairs)), dtype=pl.Int64),
    )
    counted = dict(banded["band"].value_counts().iter_rows())
    sizes = {name: counted.get(name, 0) for name, _ in SHEET_BANDS}
    take = shares(sizes, n)
    wanted = pl.DataFrame(
        {"band": list(take), "take": list(take.values())},
        schema={"band": pl.String, "take": pl.Int64},
    )
    chosen = banded.sort("place").join(wanted, on="band", how="left", maintain_order="left")
    chosen = chosen.filter(pl.int_range(pl.len()).over("band") < pl.col("take"))
    return chosen.select(*PAIR, "band"), {
        name: {"pairs": sizes[name], "drawn": take[name]} for name in sizes
    }


def shares(sizes: dict[str, int], n: int) -> dict[str, int]:
    """How many to draw per band: one of each band in turn until there are `n`; exhausted bands
    are skipped.
    """
    taken = dict.fromkeys(sizes, 0)
    for _ in range(min(n, sum(sizes.values()))):
        taken[
            min((name for name in sizes if taken[name] < sizes[name]), key=taken.__getitem__)
        ] += 1
    return taken


def known_pairs(positives: pl.DataFrame, n: int, random: np.random.Generator) -> pl.DataFrame:
    """`n` labelled positives with another of the same query as `shown`; queries that have
    another come first.
    """
    second = positives.group_by("query_id", maintain_order=True).agg(
        first=pl.col("doc_id").first(), second=pl.col("doc_id").get(1, null_on_oob=True)
    )
    place = pl.Series(random.permutation(len(positives)), dtype=pl.Int64)
    return (
        positives.select(PAIR)
        .with_columns(place=place)
        .join(second, on="query_id", how="left", maintain_order="left")
        .with_columns(
            shown=pl.when(pl.col("doc_id") == pl.col("first")).then("second").otherwise("first")
        )
        .sort(pl.col("shown").is_null(), "place")
        .head(n)
        .select(*PAIR, "shown", kind=pl.lit("known"), band=pl.lit(None, dtype=pl.String))
    )


def random_pairs(
    pairs: pl.DataFrame,
    positives: pl.DataFrame,
    queries: pl.DataFrame,
    ids: dict[str, pl.Series],
    n: int,
    random: np.random.Generator,
) -> pl.DataFrame:
    """`n` documents of the query's collection that were not retrieved for the query and are not
    labelled positives of it.
    """
    judged_queries = (
        pairs.select("query_id")
        .unique(maintain_order=True)
        .join(queries, on="query_id", how="inner", maintain_order="left")
    )
    if not len(judged_queries) or not n:
        return pairs.select(PAIR).clear().with_columns(band=pl.lit(None, dtype=pl.String))
    # Draw twice as many as needed, because some are excluded.
    tried = judged_queries.gather(random.integers(len(judged_queries), size=2 * n))
    doc_ids = [
        ids[name][int(share * len(ids[name]))]
        for name, share in zip(tried["collection"], random.random(2 * n), strict=True)
    ]
    taken = pl.concat([pairs.select(PAIR), positives.select(PAIR)])
    return (
        tried.select("query_id", doc_id=pl.Series(doc_ids, dtype=pl.String))
        .unique(maintain_order=True)
        .join(taken, on=PAIR, how="anti", maintain_order="left")
        .head(n)
        .with_columns(band=pl.lit(None, dtype=pl.String))
    )
