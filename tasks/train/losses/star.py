"""star: the positive against each document of the batch alone, hard and random ones averaged (STAR, arXiv 2104.08051)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch


def star(
    batch: Batch, *, temperature: Annotated[float, Field(gt=0)] = 0.05, hard: Annotated[float, Field(ge=0, le=1)] | None = None
) -> torch.Tensor:
    """Mean over usable negatives of log(1 + exp((s- - s+) / t)), one value a query.

    Each negative is held against the positive by itself (RankNet), so that a hard one is not drowned by the many random
    ones as it would be in one softmax. What is known to be relevant is no negative (`usable`), as in the authors' code.

    Args:
        batch: scores [B, D] in the model's space; a negative counts as often as its weight says. Mined for the query:
            hard. Other queries' positives and mined documents: random.
        temperature: t. .05 is for cosines; the authors' code compares by inner product, and has 1. [Hone default]
        hard: null: one mean over all pairs, as in the authors' code, where a query's own hard negative is one of some twice the batch. A
            number: the mean over the hard ones counts so much and the mean over the random ones the rest (the paper's text weighs the two
            parts, with a weight that is not known here). A query that lacks one of the two parts has the other's mean, unless that part
            counts for nothing: with 1 a query without a hard negative has a loss of 0. [authors' code]

    Returns:
        [B], 0 or more; 0 without any usable negative. The code takes one mean over all pairs of the batch, this one over
        each query's: they differ where queries have unlike numbers of relevant documents in the batch.
    """
    from torch.nn.functional import softplus

    positive = batch.scores.gather(1, batch.positive[:, None])
    losses = softplus((batch.scores - positive) / temperature)
    counts = batch.weights * batch.usable
    if hard is None:
        return weighted(losses, counts)
    own, others = counts * batch.own, counts * ~batch.own
    of_own, of_others = hard * (own.sum(1) > 0), (1 - hard) * (others.sum(1) > 0)
    return (of_own * weighted(losses, own) + of_others * weighted(losses, others)) / (of_own + of_others).clamp(min=1e-9)


def weighted(losses: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """The mean of [B, D] losses over D, each as often as `counts` says; 0 where all are 0."""
    total = counts.sum(1)
    return (losses * counts).sum(1) / total.where(total > 0, 1.0)
