"""cross-encoder: a model that reads query and candidate together, with a threshold or relative to
the labelled positives' scores.

Positive-aware mining compares with the positive's own score by a margin, with an encoder
(NV-Retriever, arXiv 2407.15831). With a cross-encoder, this comparison needs no threshold per
model.
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
    """A verdict on every pair by a cross-encoder's score. The judgment log stores scores by the
    model's weights and the texts.

    Args:
        questions: one block.
        desk: judgment log and budget. Scores are free. After the budget's minutes are used up,
            the remaining pairs are unknown.
        fingerprint: of this judge.
        model: a folder below inputs/, or a Hub id with the commit as `revision`.
        revision: of a Hub id. [Hone default]
        compare: `positives`: with the lowest score of the query's labelled positives, except the
            candidate itself; a candidate is positive if it reaches that score less `margin`.
            `query`: with `threshold`. [Hone default]
        threshold: on the model's own scale, after its own activation (usually a sigmoid). [Hone
            default]
        margin: 0: at least the lowest score of a labelled positive. [Hone default]
        max_length: tokens of query and document together; null: the model's own. [Hone default]

    Returns:
        Verdicts with the score as `grade` and no probability: a sigmoid is not a probability until
            it is calibrated.

    Raises:
        Refused: the model cannot be used, or the parameters contradict each other.
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
    return judge_scores(
        found.with_columns(bound=pl.lit(threshold), others=pl.lit(1)), desk, fingerprint
    )


def against_positives(
    questions: Questions, scorer: Scorer, margin: float, desk: Desk, fingerprint: str
) -> pl.DataFrame:
    """Verdicts by the lowest score of the query's other labelled positives, less `margin`."""
    pairs = questions.pairs.select(PAIR)
    known = questions.positives.join(
        questions.documents, on="doc_id", how="semi", maintain_order="left"
    ).select(PAIR)
    scored = scorer.scores(pl.concat([pairs, known]).unique(maintain_order=True), questions)
    found = pairs.join(scored, on=PAIR, how="left", maintain_order="left")
    return judge_scores(
        found.join(
            lowest(pairs, known, scored, margin), on=PAIR, how="left", maintain_order="left"
        ),
        desk,
        fingerprint,
    )


def judge_scores(bounded: pl.DataFrame, desk: Desk, fingerprint: str) -> pl.DataFrame:
    """Verdicts from scores and thresholds, with the reason if one is missing."""
    over = f"over budget: {desk.budget.over}" if desk.budget.over else "over budget"
    reason = (
        pl.when(pl.col("others").is_null())
        .then(pl.lit("there is no labelled positive to compare it with"))
        .when(pl.col("answer").is_null())
        .then(pl.lit(over))
        .when(pl.col("grade").is_null())
        .then("reason")
        .when(pl.col("bound").is_null())
        .then(pl.lit("a labelled positive to compare it with has no score"))
    )
    first = pl.col("answer").is_null() | pl.col("answer").is_first_distinct()
    paid = (pl.when(first).then(name).alias(name) for name in PAID)
    return verdicts.verdicts(
        by_grade(bounded.with_columns(*paid, reason=reason, fingerprint=pl.lit(fingerprint)))
    )


def lowest(
    pairs: pl.DataFrame, known: pl.DataFrame, scored: pl.DataFrame, margin: float
) -> pl.DataFrame:
    """query_id, doc_id, `others`: number of other labelled positives of the query, and `bound`: the
    lowest of their scores less `margin`; null if one of them has no score. Pairs without another
    labelled positive are excluded.
    """
    scores = known.join(scored, on=PAIR, how="left", maintain_order="left").select(
        "query_id", known="doc_id", score="grade"
    )
    others = pairs.join(scores, on="query_id", how="inner").filter(
        pl.col("known") != pl.col("doc_id")
    )
    least = pl.when(pl.col("score").null_count() == 0).then(pl.col("score").min() - margin)
    return others.group_by(PAIR).agg(bound=least, others=pl.len())


def refuse_contradictions(parameters: dict) -> None:
    """Raises Refused for parameters that contradict each other."""
    if parameters["compare"] == "query" and parameters["threshold"] is None:
        raise Refused(
            "the judge cross-encoder needs a `threshold` with `compare: query`, on the scale of "
            "its model."
        )
    if parameters["compare"] == "positives" and parameters["threshold"] is not None:
        raise Refused(
            "the judge cross-encoder compares with the labelled positives by `margin`. Remove "
            "`threshold`, or set `compare: query`."
        )


def identity(parameters: dict) -> dict:
    """What else determines its answers: the model's weights. Raises Refused if the model cannot
    be used.
    """
    from hone.encoders.cross_encoder_folder import identity_of

    refuse_contradictions(parameters)
    return {"weights": identity_of(parameters["model"], parameters["revision"])}
