"""margin-mse: learns a teacher's margin between the labelled positive and each mined negative
(Hofstätter et al., arXiv 2010.02666).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch

# The stage `train` passes a teacher's scores to such losses, and refuses to start without them.
LEARNS_FROM_GRADES = True


def margin_mse(
    batch: Batch,
    *,
    temperature: Annotated[float, Field(gt=0)] = 0.05,
    teacher_scale: Annotated[float, Field(gt=0)] = 1.0,
) -> torch.Tensor:
    """mean over a query's own graded negatives of ( (s+ - s-) / temperature - teacher_scale (t+ -
    t-) )^2, one value per query.

    The paper compares inner products of 768 dimensions directly with a cross-encoder's logits.
    Margins of cosines are at most 2, so the student's margins are first divided by a temperature.
    With 0.05 they reach 40, more than the margin of logits. A query whose positive has no grade, or
    without own graded negatives, has a loss of 0.

    Args:
        batch: scores [B, D] in the model's space. teacher [B, D]: grades, ignored if not finite.
        temperature: temperature of the student. 0.05 is that of infonce. Use 1 for a model with
            inner products (paper). [Hone default]
        teacher_scale: 1 (paper) for logits (`scores: {logit: true}`). For a teacher with cosines,
            use 1 / temperature, which gives both margins the same scale. [paper]

    Returns:
        [B], 0 or more.
    """
    positive = batch.positive[:, None]
    known = batch.teacher.gather(1, positive)
    graded = batch.own & batch.teacher.isfinite() & known.isfinite()
    # Zeros first: NaN would make the gradient NaN too, masked or not.
    wanted = (known.nan_to_num() - batch.teacher.nan_to_num()).masked_fill(
        ~graded, 0.0
    ) * teacher_scale
    given = ((batch.scores.gather(1, positive) - batch.scores) / temperature).masked_fill(
        ~graded, 0.0
    )
    return (given - wanted).square().sum(1) / graded.sum(1).clamp(min=1)
