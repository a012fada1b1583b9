"""disagreement: the pairs on which the judges so far differ most, as members of an ensemble (T-similarity).

"Leveraging Ensemble Diversity for Robust Self-Training in the Presence of Sample Selection Bias": how alike the members' class
probabilities are is a better measure of confidence than one member's own.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.layout import PAIR


def disagreement(said: pl.DataFrame, earlier: list[pl.DataFrame], *, pairs: Annotated[int, Field(ge=1)] = 100) -> pl.DataFrame:
    """Pairs that go on to the next judge, those with the least T-similarity first.

    With p_m the probability that member m gives, and h_m = (p_m, 1 - p_m), T = 1 / (M (M - 1)) times the sum of h_m . h_k over all ordered
    pairs of different members: 1 where all are sure of the same, 0 where two are sure of opposites.

    The members are this judge and those before it in the cascade that read the pair (`escalate: all` lets the next one read everything).
    A member without a probability counts with 1 or 0, by its verdict; one that could not say does not count.

    Args:
        said: query_id, doc_id, verdict, probability of this judge.
        earlier: the same of each judge before it.
        pairs: how many of the whole round. [Hone default]

    Returns:
        query_id, doc_id; of equals those that come first. Pairs of one member, and those on which all are sure of the same, do not go on.
    """
    verdict = pl.col("verdict").cast(pl.String)
    given = pl.when(verdict != "unknown").then(
        pl.coalesce(pl.col("probability").cast(pl.Float64), (verdict == "positive").cast(pl.Float64))
    )
    order = said.select(PAIR).with_row_index("row")
    members = pl.concat([frame.select(*PAIR, p=given) for frame in (*earlier, said)]).filter(pl.col("p").is_not_null())
    p, count = pl.col("p"), pl.len()
    # Over ordered pairs of different members: (sum p)^2 - sum p^2, and the same of 1 - p.
    products = p.sum() ** 2 - (p**2).sum() + (1 - p).sum() ** 2 - ((1 - p) ** 2).sum()
    similar = members.group_by(PAIR).agg(members=count, similarity=products / (count * (count - 1)))
    differing = order.join(similar, on=PAIR, how="inner", maintain_order="left").filter(
        (pl.col("members") > 1) & (pl.col("similarity") < 1 - 1e-9)
    )
    return differing.sort("similarity", "row").head(pairs).select(PAIR)
