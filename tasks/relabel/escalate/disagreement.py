"""disagreement: the pairs on which the judges so far differ most, as members of an ensemble
(T-similarity).

"Leveraging Ensemble Diversity for Robust Self-Training in the Presence of Sample Selection Bias":
the similarity of the members' class probabilities is a better confidence measure than one member's
own.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.layout import PAIR


def disagreement(
    said: pl.DataFrame, earlier: list[pl.DataFrame], *, pairs: Annotated[int, Field(ge=1)] = 100
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge, those with the lowest T-similarity first.

    With p_m the probability of member m, and h_m = (p_m, 1 - p_m), T = 1 / (M (M - 1)) times the
    sum of h_m . h_k over all ordered pairs of different members. T is 1 if all members are certain
    of the same class, and 0 if two are certain of opposite classes.

    The members are this judge and earlier judges of the cascade that read the pair (`escalate: all`
    lets the next one read all pairs). A member without a probability counts as 1 or 0, by its
    verdict. A member with an unknown verdict does not count.

    Args:
        said: query_id, doc_id, verdict, probability of this judge.
        earlier: the same columns, per earlier judge.
        pairs: maximum number in the whole round. [Hone default]

    Returns:
        query_id, doc_id; ties keep their order. Pairs with one member, or with T = 1, are not
        escalated.
    """
    verdict = pl.col("verdict").cast(pl.String)
    given = pl.when(verdict != "unknown").then(
        pl.coalesce(
            pl.col("probability").cast(pl.Float64), (verdict == "positive").cast(pl.Float64)
        )
    )
    order = said.select(PAIR).with_row_index("row")
    members = pl.concat([frame.select(*PAIR, p=given) for frame in (*earlier, said)]).filter(
        pl.col("p").is_not_null()
    )
    p, count = pl.col("p"), pl.len()
    # Over ordered pairs of different members: (sum p)^2 - sum p^2, and the same of 1 - p.
    products = p.sum() ** 2 - (p**2).sum() + (1 - p).sum() ** 2 - ((1 - p) ** 2).sum()
    similar = members.group_by(PAIR).agg(members=count, similarity=products / (count * (count - 1)))
    differing = order.join(similar, on=PAIR, how="inner", maintain_order="left").filter(
        (pl.col("members") > 1) & (pl.col("similarity") < 1 - 1e-9)
    )
    return differing.sort("similarity", "row").head(pairs).select(PAIR)
