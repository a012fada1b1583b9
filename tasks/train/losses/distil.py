"""distil: learns a teacher's ranking of a query's own documents (ART, arXiv 2206.10658)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch

# The stage `train` passes a teacher's scores to such losses, and refuses to start without them.
LEARNS_FROM_GRADES = True
# It uses only grades, so queries need no labelled positive.
NEEDS_NO_POSITIVE = True


def distil(
    batch: Batch,
    *,
    temperature: Annotated[float, Field(gt=0)] = 0.05,
    teacher_temperature: Annotated[float, Field(gt=0)] = 1.0,
) -> torch.Tensor:
    """KL(softmax(grade / teacher_temperature) || softmax(s / temperature)) over the graded
    documents, one value per query.

    Labelled positives and documents of other queries play no part. A query with fewer than two
    graded documents in the batch has a loss of 0.

    Args:
        batch: scores [B, D] in the model's space. teacher [B, D]: grades, ignored if not finite.
        temperature: temperature of the student. 0.05 is that of infonce, for cosines. The authors'
            code divides inner products of 768-dimensional vectors by the square root of 768. [Hone
            default]
        teacher_temperature: 1 in the authors' code, whose grade is the mean log-probability of the
            query's tokens. [authors' code]

    Returns:
        [B], 0 or more.
    """
    graded = batch.teacher.isfinite()
    graded = graded & (graded.sum(1, keepdim=True) >= 2)

    def log_shares(values: torch.Tensor) -> torch.Tensor:
        # The second mask sets NaN to 0, with a gradient of 0, for queries without grades.
        return values.masked_fill(~graded, float("-inf")).log_softmax(1).masked_fill(~graded, 0.0)

    wanted = log_shares(batch.teacher / teacher_temperature)
    given = log_shares(batch.scores / temperature)
    return (wanted.exp() * (wanted - given)).sum(1)
