"""guide: removes candidates that a second encoder ranks above the labelled positive (GISTEmbed,
arXiv 2402.16829).

GISTEmbed masks such documents of a batch in its loss. Here the same rule filters mined candidates
before training.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from tasks.sample.relative_scores import compared, rounded

# The scorer name of the round's own model. All other names have a model after a colon.
OWN = ("dense", "encoder")


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if the guide is the model that mined."""
    if parameters["scorer"] in OWN and not parameters["own"]:
        raise Refused(
            f"the guide is to be another model than the round's own, and '{parameters['scorer']}' "
            "is the round's own: name one of the "
            'recipe\'s section `score`, as "encoder:NAME", or set `own: true` (then it removes '
            "what ranks above the positive)."
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
    """Pairs with s(q, d) > s(q, p) - margin by the guide, where p is the labelled positive with the
    lowest guide score.

    A candidate with the same score as the positive is kept at margin 0: the authors' code compares
    strictly. Candidates without a score are removed. GISTEmbed compares with the positive of the
    same row. The lowest of several is a conservative choice [Hone default].

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        scores: query_id, doc_id, scorer, score, in the guide's space (cosine for encoders that use
            it).
        scorer: the guide, by its name in the section `score`: `encoder:NAME`.
        margin: in the guide's space. 0 in the authors' code. Later trainers support more. [authors'
            code]
        own: allow the round's own model as the guide. [Hone default]

    Returns:
        query_id, doc_id, detail.

    Raises:
        Refused: the guide has no scores, or is the round's own model.
    """
    refuse_unfit({"scorer": scorer, "own": own})
    if pool.is_empty():
        return pool.select("query_id", "doc_id", detail=pl.lit(""))
    return (
        compared(pool, positives, scores, scorer, "guide")
        .with_columns(bound=pl.col("reference") - margin)
        .filter(~(pl.col("by") <= pl.col("bound")).fill_null(False))
        .select(
            "query_id",
            "doc_id",
            detail=pl.format("the guide scores {}, threshold {}", rounded("by"), rounded("bound")),
        )
    )
