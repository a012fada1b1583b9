"""simans: ambiguous negatives, whose scores are near that of the labelled positive (SimANS, arXiv
2210.11773).

Documents that score far above it are often relevant, and documents that score far below are too
easy.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.errors import Refused
from hone.lots import lots, pair_keys, unit
from tasks.sample.relative_scores import compared

EQUAL = 1e-6  # scores closer than fp32 resolution count as equal
A = {"text": 0.5, "code": 0.5, "absolute": 3.0}


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if a form without shift gets one."""
    if parameters["form"] == "absolute" and parameters["b"]:
        raise Refused(
            f"simans: `form: absolute` has no b, but b is {parameters['b']:g}. Remove b, or use "
            "`form: text` or `code`."
        )


def simans(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    draws: str,
    *,
    seed: int,
    form: Literal["text", "code", "absolute"] = "text",
    a: Annotated[float, Field(ge=0)] | None = None,
    b: float = 0.0,
    scale: Literal["deviation", "raw"] = "deviation",
    scorer: str | None = None,
    n: Annotated[int, Field(ge=1)] = 15,
) -> pl.DataFrame:
    """`n` candidates of every query, sampled by p without replacement, in draw order.

    With s a candidate's score and s+ that of its query's labelled positive (the lowest-scored one
    of several [Hone default]; the paper has one), p is proportional to

    - text: exp(-a (s - s+ - b)^2), the paper's formula;
    - code: exp(-a (s - s+ + b)^2), the sign in the authors' code, identical for b = 0;
    - absolute: exp(-a abs(s - s+)), the authors' script for MS MARCO passages, with a = 3 (from
      their code).

    **The score space matters.** a was chosen for dot products, whose gaps span several units.
    Between cosines, a gap of 0.3 has weight exp(-0.5 * 0.09) = 0.956, and a gap of 0 has weight 1.
    This is nearly uniform. By default, gaps are therefore divided by the standard deviation of the
    query's candidate scores [Hone default]. b uses the same unit. `raw` uses scores unchanged.

    Sampling without replacement selects the n smallest values of E / p, with E exponential
    (Efraimidis and Spirakis 2006; the Gumbel top-k trick), here as log E - log p. The authors draw
    n with replacement, keep the distinct ones, and repeat until they have n. The distribution is
    the same except for the selection within the last batch.

    Candidates without a score, and all candidates of a query whose positive has none, come after
    the sampled ones, by rank, as with `top`. (The authors' code uses the last n candidates if the
    positive was not retrieved. Here it is scored directly.)

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        form: the formula, see above. [paper]
        a: sharpness. Null: 0.5, chosen for dot products, or 3 for `absolute` (both from the
            authors' code). [authors' code]
        b: offset of the peak from s+: 0, or 1 in the script for Natural Questions (both from the
            authors' code). `absolute` has none. [authors' code]
        scale: unit of the gaps: standard deviations of the query's candidate scores, or the
            scorer's own units. [Hone default]
        scorer: the scorer. Null: the first dense source, or the round's starting model. [Hone
            default]
        n: negatives per query. 15 in the authors' code. [authors' code]

    Returns:
        The chosen rows of the pool.
    """
    segments = Segments.of(pool)
    comparison = compared(pool, positives, scores, scorer, "simans")
    weights = log_weights(
        *(comparison[name].to_numpy() for name in ("by", "reference")),
        segments,
        form,
        A[form] if a is None else a,
        b,
        scale,
    )
    drawn = -np.log1p(-unit(lots(pair_keys(pool), seed, draws, "sample.choose.simans"))).astype(
        np.float32
    )  # exponential
    return pool[segments.ordered(np.log(np.maximum(drawn, np.finfo(np.float32).tiny)) - weights, n)]


def log_weights(
    scores: np.ndarray,
    references: np.ndarray,
    segments: Segments,
    form: str,
    a: float,
    b: float,
    scale: str,
) -> np.ndarray:
    """log p of each candidate up to a constant of its query: [n]. NaN if there is nothing to
    compare.
    """
    gap = scores - references
    if scale == "deviation":
        unit = segments.deviation(scores).astype(np.float32)
        gap /= segments.spread(np.where(unit > EQUAL, unit, 1))
    if form == "absolute":
        return -a * np.abs(gap)
    return -a * np.square(gap + (b if form == "code" else -b))
