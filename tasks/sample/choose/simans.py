"""simans: ambiguous negatives, those that score about what the known positive scores (SimANS, arXiv 2210.11773).

What scores far above it is often an answer, what scores far below teaches nothing.
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

EQUAL = 1e-6  # scores that lie closer together than fp32 tells apart are equal, and drawn alike
A = {"text": 0.5, "code": 0.5, "absolute": 3.0}


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused for a shift of a form that has none."""
    if parameters["form"] == "absolute" and parameters["b"]:
        raise Refused(f"simans: `form: absolute` has no b, and b is {parameters['b']:g}: leave it out, or take `form: text` or `code`.")


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
    """`n` candidates of every query, none twice, drawn one after the other by p, in the order drawn.

    With s a candidate's score and s+ that of its query's known positive (the lowest-scored where there are several: ours, the
    paper has one), p is proportional to

    - text: exp(-a (s - s+ - b)^2), the paper's formula;
    - code: exp(-a (s - s+ + b)^2), the sign in the authors' code; the same where b is 0;
    - absolute: exp(-a abs(s - s+)), the authors' script for MS MARCO passages, with a = 3 (read in their code).

    **The space matters.** a was set for dot products, whose gaps are several units wide. Between cosines a gap of .3 weighs
    exp(-.5 * .09) = .956 against 1 at a gap of 0, which is uniform sampling. So gaps are divided by the standard deviation of
    the query's candidate scores by default (ours: adapted), and b counts in those deviations. `raw` takes scores as they are.

    Successive draws without putting back are the n smallest of E / p, with E exponential (Efraimidis and Spirakis 2006; the
    Gumbel top-k trick), here as log E - log p. The authors draw n with putting back, keep what differs, and draw again until
    there are n: the same law, but for which of the last batch is kept.

    A candidate without a score, and all of a query whose positive has none, come after what was drawn, by rank: then it is
    `top`. (The authors' code takes the last n candidates where the positive was not retrieved; here it is scored directly.)

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score.
        draws: what is drawn for: rounds that start from the same round share it.
        seed: from params.yaml.
        form: see above. [paper]
        a: how sharply; null: .5 (authors' code; set for dot products), for `absolute` 3 (authors' code). [authors' code]
        b: where the peak lies beside s+: 0 (authors' code), 1 in the script for Natural Questions (authors' code); `absolute` has none.
            [authors' code]
        scale: what gaps are measured in: standard deviations of the query's candidate scores, or the scorer's own units. [Hone default]
        scorer: whose scores; null: the first dense source, or the round's starting model. [Hone default]
        n: negatives a query; 15 (authors' code). [authors' code]

    Returns:
        The rows of the pool that are chosen.
    """
    segments = Segments.of(pool)
    told = compared(pool, positives, scores, scorer, "simans")
    weights = log_weights(*(told[name].to_numpy() for name in ("by", "reference")), segments, form, A[form] if a is None else a, b, scale)
    drawn = -np.log1p(-unit(lots(pair_keys(pool), seed, draws, "sample.choose.simans"))).astype(np.float32)  # exponential
    return pool[segments.ordered(np.log(np.maximum(drawn, np.finfo(np.float32).tiny)) - weights, n)]


def log_weights(scores: np.ndarray, references: np.ndarray, segments: Segments, form: str, a: float, b: float, scale: str) -> np.ndarray:
    """log p of each candidate but for a constant of its query: [n]; no number where there is nothing to compare."""
    gap = scores - references
    if scale == "deviation":
        unit = segments.deviation(scores).astype(np.float32)
        gap /= segments.spread(np.where(unit > EQUAL, unit, 1))
    if form == "absolute":
        return -a * np.abs(gap)
    return -a * np.square(gap + (b if form == "code" else -b))
