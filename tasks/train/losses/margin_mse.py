"""margin-mse: the teacher's margin between the known answer and each mined negative (Hofstätter et al., arXiv 2010.02666)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch

    from tasks.train.objective import Batch

# The stage `train` hands a teacher's scores to losses that say so, and refuses to start without them.
LEARNS_FROM_GRADES = True


def margin_mse(
    batch: Batch,
    *,
    temperature: Annotated[float, Field(gt=0)] = 0.05,
    teacher_scale: Annotated[float, Field(gt=0)] = 1.0,
) -> torch.Tensor:
    """mean over a query's own graded negatives of ( (s+ - s-) / temperature - teacher_scale (t+ - t-) )^2, one value a query.

    The paper compares inner products of 768 dimensions with a cross-encoder's logits as they are. Margins of cosines end at 2, so
    the student's are divided by a temperature first: with .05 they end at 40, beyond what a logit's margin reaches. A query whose
    known answer has no grade, or without a graded negative of its own, has a loss of 0.

    Args:
        batch: scores [B, D] in the model's space; teacher [B, D], what is not finite is no grade.
        temperature: of the student. .05 is that of infonce; 1 for a model that compares by inner products (the paper). [Hone default]
        teacher_scale: 1 (paper) for logits (`scores: {logit: true}`). A teacher that gives cosines takes 1 / temperature, which makes its
            margins the student's. [paper]

    Returns:
        [B], 0 or more.
    """
    positive = batch.positive[:, None]
    known = batch.teacher.gather(1, positive)
    graded = batch.own & batch.teacher.isfinite() & known.isfinite()
    # Zeros first: what is no number would make the gradient none either, masked or not.
    wanted = (known.nan_to_num() - batch.teacher.nan_to_num()).masked_fill(~graded, 0.0) * teacher_scale
    given = ((batch.scores.gather(1, positive) - batch.scores) / temperature).masked_fill(~graded, 0.0)
    return (given - wanted).square().sum(1) / graded.sum(1).clamp(min=1)
