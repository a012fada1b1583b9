"""cross-encoder: a model that reads query and candidate together, against a threshold or against the known positives' scores.

Comparing by a margin to the known positive's own score is what positive-aware mining does with an encoder (NV-Retriever,
arXiv 2407.15831); with a cross-encoder it needs no threshold of its own for each model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.errors import Refused
from hone.judging import verdicts
from hone.judging.verdicts import by_grade
from hone.judging.votes import PAID
from hone.layout import PAIR

if TYPE_CHECKING:
    from hone.judging.context import Desk
    from hone.judging.cross_encoder_ledger import Scorer


MODEL_ROUTE = "pair"


def cross_encoder(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    model: str,
    revision: str | None = None,
    compare: Literal["positives", "query"] = "positives",
    threshold: float | None = None,
    margin: Annotated[float, Field(ge=0)] = 0.0,
    max_length: Annotated[int, Field(ge=8)] | None = None,
) -> pl.DataFrame:
    """A verdict on every pair by a cross-encoder's score, which the ledger keeps by the model's weights and the texts.

    Args:
        questions: one block.
        desk: ledger and budget. Scores cost no money; when the budget's time is over the rest is unknown.
        fingerprint: of this judge.
        model: a folder below inputs/, or a Hub id with the commit as `revision`.
        revision: of a Hub id. [Hone default]
        compare: `positives`: with the lowest score of a known positive of the query, the candidate itself left out; a candidate is positive
            if it reaches that score less `margin`. `query`: with `threshold`. [Hone default]
        threshold: in the model's own scale, after its own activation (a sigmoid for most). [Hone default]
        margin: 0: as good as the worst known positive. [Hone default]
        max_length: tokens of query and document together; null: the model's own. [Hone default]

    Returns:
        Verdicts with the score as `grade` and no probability: a sigmoid is none until it is calibrated.

    Raises:
        Refused: the model cannot be used, or the parameters do not go together.
    """
    from hone.judging.cross_encoder_ledger import Scorer

    if questions.pairs.is_empty():
        return verdicts.empty()
    refuse_contradictions({"compare": compare, "threshold": threshold})
    scorer = Scorer(model, revision, max_length, desk)
    if compare == "positives":
        return against_positives(questions, scorer, margin, desk, fingerprint)
    pairs = questions.pairs.select(PAIR)
    found = pairs.join(scorer.scores(pairs, questions), on=PAIR, how="left", maintain_order="left")
    return told(found.with_columns(bound=pl.lit(threshold), others=pl.lit(1)), desk, fingerprint)


def against_positives(questions: Questions, scorer: Scorer, margin: float, desk: Desk, fingerprint: str) -> pl.DataFrame:
    """Verdicts by the lowest score of another known positive of the query, less `margin`."""
    pairs = questions.pairs.select(PAIR)
    known = questions.positives.join(questions.documents, on="doc_id", how="semi", maintain_order="left").select(PAIR)
    scored = scorer.scores(pl.concat([pairs, known]).unique(maintain_order=True), questions)
    found = pairs.join(scored, on=PAIR, how="left", maintain_order="left")
    return told(found.join(lowest(pairs, known, scored, margin), on=PAIR, how="left", maintain_order="left"), desk, fingerprint)


def told(bounded: pl.DataFrame, desk: Desk, fingerprint: str) -> pl.DataFrame:
    """Scores with their bounds as verdicts; where one is missing, why."""
    over = f"over budget: {desk.budget.over}" if desk.budget.over else "over budget"
    reason = (
        pl.when(pl.col("others").is_null()).then(pl.lit("there is no known answer to compare it with"))
        .when(pl.col("answer").is_null()).then(pl.lit(over))
        .when(pl.col("grade").is_null()).then("reason")
        .when(pl.col("bound").is_null()).then(pl.lit("a known answer to compare it with has no score"))
    )  # fmt: skip
    first = pl.col("answer").is_null() | pl.col("answer").is_first_distinct()
    paid = (pl.when(first).then(name).alias(name) for name in PAID)
    return verdicts.verdicts(by_grade(bounded.with_columns(*paid, reason=reason, fingerprint=pl.lit(fingerprint))))


def lowest(pairs: pl.DataFrame, known: pl.DataFrame, scored: pl.DataFrame, margin: float) -> pl.DataFrame:
    """query_id, doc_id, `others`, how many other known positives the query has, and `bound`, the lowest of their scores less
    `margin`; null if one of them has none. Pairs without another are left out.
    """
    scores = known.join(scored, on=PAIR, how="left", maintain_order="left").select("query_id", known="doc_id", score="grade")
    others = pairs.join(scores, on="query_id", how="inner").filter(pl.col("known") != pl.col("doc_id"))
    least = pl.when(pl.col("score").null_count() == 0).then(pl.col("score").min() - margin)
    return others.group_by(PAIR).agg(bound=least, others=pl.len())


def refuse_contradictions(parameters: dict) -> None:
    """Raises Refused where parameters do not go together."""
    if parameters["compare"] == "query" and parameters["threshold"] is None:
        raise Refused("the judge cross-encoder compares with the query alone, so it needs a `threshold`: each model has its own scale.")
    if parameters["compare"] == "positives" and parameters["threshold"] is not None:
        raise Refused("the judge cross-encoder compares with the known positives by `margin`; a `threshold` goes with `compare: query`.")


def identity(parameters: dict) -> dict:
    """What else decides its answers: the model's weights. Refuses what cannot work before anything does."""
    from hone.encoders.cross_encoder_folder import identity_of

    refuse_contradictions(parameters)
    return {"weights": identity_of(parameters["model"], parameters["revision"])}
