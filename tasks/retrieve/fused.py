"""fused: one ranking from several sources, by reciprocal ranks (Cormack, Clarke and Buettcher,
SIGIR 2009) or by scores.

Separate sources of a recipe contribute separate candidates, each pair with its best rank. A fused
source prefers documents that several sources rank high.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.config.methods import Held
from hone.config.source_name import source_name
from hone.errors import Refused
from hone.layout import PAIR

# fused scores count as equal up to this precision, because the last digits depend on the order of
# the sources
DECIMALS = 12


def fused(
    queries: pl.DataFrame,
    ask: Callable[[dict], pl.DataFrame],
    *,
    of: Annotated[list[Any], Held("retrieve")],
    by: Literal["reciprocal-rank", "score"] = "reciprocal-rank",
    k: Annotated[float, Field(ge=0)] = 60.0,
    normalise: Literal["min-max", "z"] = "min-max",
    weights: list[Annotated[float, Field(ge=0)]] | None = None,
    depth: Annotated[int, Field(ge=1)] = 100,
) -> pl.DataFrame:
    """The `depth` documents with the highest fused score for every query.

    A document's fused score is the sum over the sources that found it of

    - reciprocal-rank: w / (k + rank);
    - score, min-max: w (s - lowest) / (highest - lowest) over the source's list for the query, so
      its best document has 1;
    - score, z: w (s - lowest) / standard deviation of the list's scores (not corrected). The order
      is that of z-scores, with a missing
    document at the lowest score.

    Sources that did not find it add nothing. If all scores of a list are equal, each document gets
    w [Hone default].

    Args:
        queries: query_id.
        ask: returns a source's candidates.
        of: the sources, as lines of a recipe. None may be `fused` itself.
        by: the values to sum. [Hone default]
        k: damping of the first ranks. 60 is the paper's value. [unverified]
        normalise: normalization of scores of different sources, only for `by: score`. [Hone
            default]
        weights: one for each source, in order. Null: all 1. [Hone default]
        depth: candidates per query. Each source has its own depth as well. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (the fused one, in no encoder's space). Ties are
        broken by the better best rank, then by the lower doc_id.

    Raises:
        Refused: `by: score`, and a source has a score that is NaN or infinite.
    """
    shares = weights or [1.0] * len(of)
    parts = [
        part_of(ask(line), weight, by, k, normalise, source_name(line)).select(
            *PAIR, "rank", "part"
        )
        for line, weight in zip(of, shares, strict=True)
    ]
    summed = (
        pl.concat(parts)
        .group_by(PAIR, maintain_order=True)
        .agg(score=pl.col("part").sum(), best=pl.col("rank").min())
        .with_columns(rounded=pl.col("score").round(DECIMALS))
    )
    places = queries.select("query_id").with_row_index("place")
    return (
        summed.join(places, on="query_id", how="inner")
        .sort("place", "rounded", "best", "doc_id", descending=[False, True, False, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.col("rank") <= depth)
        .select(*PAIR, "rank", pl.col("score").cast(pl.Float32))
    )


def part_of(
    found: pl.DataFrame, weight: float, by: str, k: float, normalise: str, source: str
) -> pl.DataFrame:
    """A source's candidates with `part`, their contribution to the document's fused score."""
    if by == "reciprocal-rank":
        return found.with_columns(part=weight / (k + pl.col("rank").cast(pl.Float64)))
    score = pl.col("score").cast(pl.Float64)
    bad = found.filter(~pl.col("score").is_finite().fill_null(False))
    if len(bad):
        raise Refused(
            f"fused: the source {source} returned NaN or infinity for {len(bad):,} scores, such "
            "as that of document "
            f"'{bad['doc_id'][0]}' for query '{bad['query_id'][0]}'. Fuse by reciprocal-rank, or "
            "remove that source."
        )
    above = score - score.min().over("query_id")
    spread = {"min-max": above.max(), "z": score.std(ddof=0)}[normalise].over("query_id")
    return found.with_columns(part=weight * pl.when(spread > 0).then(above / spread).otherwise(1.0))


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raise Refused if there are no sources, or the weights do not match them."""
    of, weights = parameters["of"], parameters["weights"]
    if not of:
        raise Refused(
            "fused: `of` is empty. Name the sources to fuse, such as `of: [dense, bm25]`."
        )
    if weights is not None and len(weights) != len(of):
        raise Refused(
            f"fused: {len(weights)} `weights` for {len(of)} sources. Set one for each, in the "
            "order of `of`."
        )
    if weights is not None and not any(weights):
        raise Refused("fused: all `weights` are 0, so no source counts. Set one above 0.")
