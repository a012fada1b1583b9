"""infonce: the positive against all other documents of the batch (van den Oord et al., arXiv
1807.03748).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch


def infonce(batch: Batch, *, temperature: Annotated[float, Field(gt=0)] = 0.05) -> torch.Tensor:
    """-log( exp(s+ / t) / (exp(s+ / t) + sum over usable negatives of w exp(s- / t)) ), one value
    per query.

    Args:
        batch: scores [B, D] in the model's space (cosine for the default encoder). Each negative is
            weighted by w.
        temperature: t. 0.05 is sentence-transformers' scale of 20. RLHN's recipe uses 0.01. [Hone
            default]

    Returns:
        [B], 0 or more.
    """
    positive = batch.positive[:, None]
    logits = (
        batch.scores / temperature + batch.weights.scatter(1, positive, 1.0).log()
    )  # + 0 for weight 1
    compared = batch.usable.scatter(
        1, positive, True
    )  # a query without any usable negative has a loss of 0
    return logits.masked_fill(~compared, float("-inf")).logsumexp(1) - logits.gather(
        1, positive
    ).squeeze(1)
