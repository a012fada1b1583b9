"""likelihood: how much a candidate raises a small language model's likelihood of the query.

ART (Sachan et al., arXiv 2206.10658) trains a retriever with the likelihood of the question given
the passage. Here the likelihood of the question alone is subtracted, so that grades of different
queries are comparable [Hone default].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.judging import verdicts
from hone.llm import query_likelihood
from tasks.relabel.judges.cross_encoder import against_positives

if TYPE_CHECKING:
    from hone.judging.context import Desk


MODEL_ROUTE = "prompt"


def likelihood(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    model: str,
    revision: str | None = None,
    margin: Annotated[float, Field(ge=0)] = 0.0,
    max_length: Annotated[int, Field(ge=32)] | None = None,
) -> pl.DataFrame:
    """A verdict on every pair: grade = (log P(query | candidate) - log P(query)) / tokens of the
    query, in nats.

    Args:
        questions: one block.
        desk: judgment log and budget. Likelihoods are recorded by the model's weights and the
            texts.
        fingerprint: of this judge.
        model: a causal language model: a folder below inputs/, or a Hub id with the commit as
            `revision`.
        revision: of a Hub id. [Hone default]
        margin: a candidate is positive if it reaches the lowest grade of the query's other labelled
            positives less this. [Hone default]
        max_length: tokens of passage and query together; null: 512. [Hone default]

    Returns:
        Verdicts without probability: a likelihood ratio is not a probability until it is
            calibrated.

    Raises:
        Refused: the model cannot be used.
    """
    from hone.judging.cross_encoder_ledger import Scorer

    if questions.pairs.is_empty():
        return verdicts.empty()
    scorer = Scorer(model, revision, max_length, desk, query_likelihood, "likelihoods")
    return against_positives(questions, scorer, margin, desk, fingerprint)


def identity(parameters: dict) -> dict:
    """What else determines its answers: the model's weights and the prompt. Raises Refused if
    the model cannot be used.
    """
    return {"weights": query_likelihood.identity_of(parameters["model"], parameters["revision"])}
