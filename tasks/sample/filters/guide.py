"""guide: no candidate that a second encoder, the guide, finds closer to the query than the known positive (GISTEmbed, arXiv 2402.16829).

GISTEmbed masks such documents of a batch inside its loss; here the same rule is asked once, of mined candidates, before training.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from tasks.sample.relative_scores import compared, rounded

# What the round's own model is called as a scorer: every other name has a model of its own behind a colon.
OWN = ("dense", "encoder")


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where the guide is the model that mined."""
    if parameters["scorer"] in OWN and not parameters["own"]:
        raise Refused(
            f"the guide is to be another model than the round's own, and '{parameters['scorer']}' is the round's own: name one of the "
            'recipe\'s section `score`, as "encoder:NAME", or set `own: true` (then it removes what ranks above the positive).'
        )


def guide(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    scorer: str,
    margin: Annotated[float, Field(ge=0)] = 0.0,
    own: bool = False,
) -> pl.DataFrame:
    """Pairs with s(q, d) > s(q, p) - margin by the guide, where p is the known positive that the guide scores lowest.

    A candidate that the guide scores as high as the positive stays at margin 0: the authors' code compares strictly. One that
    has no score goes. GISTEmbed compares with the positive of the same row; the lowest of several is ours, and safe.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score; in the guide's space (cosine for encoders that compare so).
        scorer: the guide, as the section `score` calls it: `encoder:NAME`.
        margin: in the guide's space. 0 in the authors' code; later trainers offer more. [authors' code]
        own: let the round's own model be the guide. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the guide scored nothing, or is the round's own model.
    """
    refuse_unfit({"scorer": scorer, "own": own})
    if pool.is_empty():
        return pool.select("query_id", "doc_id", detail=pl.lit(""))
    return (
        compared(pool, positives, scores, scorer, "guide")
        .with_columns(bound=pl.col("reference") - margin)
        .filter(~(pl.col("by") <= pl.col("bound")).fill_null(False))
        .select("query_id", "doc_id", detail=pl.format("the guide gives {}, the bound is {}", rounded("by"), rounded("bound")))
    )
