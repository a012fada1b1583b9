"""star: the positive against each document of the batch separately, averaged over hard and
random ones (STAR, arXiv 2104.08051).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch


def star(
    batch: Batch,
    *,
    temperature: Annotated[float, Field(gt=0)] = 0.05,
    hard: Annotated[float, Field(ge=0, le=1)] | None = None,
) -> torch.Tensor:
    """Mean over usable negatives of log(1 + exp((s- - s+) / t)), one value per query.

    Each negative is compared with the positive separately (RankNet). Many random negatives thus
    cannot dominate a hard one as in a single softmax. Known relevant documents are not negatives
    (`usable`), as in the authors' code.

    Args:
        batch: scores [B, D] in the model's space, with weighted negatives. Hard negatives are mined
            for the query. Random ones are other queries' positives and mined documents.
        temperature: t. 0.05 is for cosines. The authors' code uses inner products and 1. [Hone
            default]
        hard: null: one mean over all pairs, as in the authors' code, where a query's own hard
            negative is one of about twice the batch size. A number: the weight of the mean over
            hard negatives, with the rest for the random ones. The paper's text weighs the two parts
            with a weight that is unknown here. A query without one of the two parts has the other's
            mean, unless that part has weight 0: with 1, a query without hard negatives has a loss
            of 0. [authors' code]

    Returns:
        [B], 0 or more. 0 without any usable negative. The authors' code averages over all pairs of
        the batch, and this loss over each query's pairs. Both differ if queries have different
        numbers of relevant documents in the batch.
    """
    from torch.nn.functional import softplus

    positive = batch.scores.gather(1, batch.positive[:, None])
    losses = softplus((batch.scores - positive) / temperature)
    counts = batch.weights * batch.usable
    if hard is None:
        return weighted(losses, counts)
    own, others = counts * batch.own, counts * ~batch.own
    of_own, of_others = hard * (own.sum(1) > 0), (1 - hard) * (others.sum(1) > 0)
    return (of_own * weighted(losses, own) + of_others * weighted(losses, others)) / (
        of_own + of_others
    ).clamp(min=1e-9)


def weighted(losses: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The weighted mean of [B, D] losses over D, with weights `counts`. 0 if all are 0."""
    total = counts.sum(1)
    return (losses * counts).sum(1) / total.where(total > 0, 1.0)
