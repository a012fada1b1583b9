"""scores: a scorer's scores from the stage `score` as grades of a judge, at no further cost.

Distillation trains on them. The scorer may be an encoder, an ensemble, the in-loop cross-encoder or
another one (RocketQA, arXiv 2010.08191; R2anker, arXiv 2206.08063). No calls are made, and
the judgment log records nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hone.data import tables
from hone.data.questions import Questions
from hone.errors import Refused, nearest
from hone.judging import verdicts
from hone.judging.verdicts import by_grade
from hone.layout import PAIR, round_table

if TYPE_CHECKING:
    from hone.judging.context import Desk

# minimum distance from 0 and 1, so that a logit is at most 13.8 [Hone default]; fp32 resolves 6e-8
CUT = 1e-6


def scores(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    scorer: str,
    logit: bool = False,
    threshold: float | None = None,
    negative: float | None = None,
) -> pl.DataFrame:
    """A grade for every pair: the scorer's score of it in this round.

    Args:
        questions: one block; candidates and positives of the round, both of which are in the table
            `scores`.
        desk: source of the round's name.
        fingerprint: of this judge.
        scorer: its name in the table: `cross-encoder`, `cross-encoder:NAME`, `encoder:NAME`,
            `ensemble`, `dense`.
        logit: grade = ln(p / (1 - p)) of a score p from 0 to 1, clipped to [1e-6, 1 - 1e-6]. This
            is the output of a cross-encoder's last layer, the scale that losses use (softmax,
            margins). Omit it for an encoder's cosines. [Hone default]
        threshold: minimum score of a positive verdict, on the scorer's own scale; null: no
            positives, only grades. [Hone default]
        negative: maximum score of a negative verdict. Scores between both thresholds are unknown,
            as in RocketQA (0.9 and 0.1). Null: every score below `threshold` is negative. [Hone
            default]

    Returns:
        Verdicts with the grade and no probability; unknown if the scorer has no score.

    Raises:
        Refused: the round has no table of scores, the scorer does not exist, or `logit` is set for
            scores that are not probabilities.
    """
    if questions.pairs.is_empty():
        return verdicts.empty()
    given = scored(round_table(desk.round, "scores"), scorer, questions.pairs)
    found = questions.pairs.select(PAIR).join(given, on=PAIR, how="left", maintain_order="left")
    if logit and len(found.filter(~pl.col("score").is_between(0, 1))):
        raise Refused(
            f"the judge scores uses the logit of '{scorer}', whose scores are not between 0 and "
            "1. Remove `logit`."
        )
    odds = pl.col("score").cast(pl.Float64).clip(CUT, 1 - CUT)
    bound = float("inf") if threshold is None else threshold
    judged = by_grade(
        found.with_columns(
            grade=pl.col("score"),
            bound=pl.lit(bound),
            reason=pl.when(pl.col("score").is_null())
            .then(pl.format("{} gave it no score", pl.lit(scorer)))
            .when(between(negative, threshold))
            .then(pl.format("between the thresholds: {}", pl.col("score").round(3))),
            fingerprint=pl.lit(fingerprint),
        )
    )
    return verdicts.verdicts(
        judged.with_columns(grade=(odds / (1 - odds)).log()) if logit else judged
    )


def between(negative: float | None, threshold: float | None) -> pl.Expr:
    """Whether a score lies between the two thresholds."""
    if negative is None:
        return pl.lit(False)
    below = pl.lit(True) if threshold is None else pl.col("score") < threshold
    return (pl.col("score") > negative) & below


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raise Refused if the thresholds are in the wrong order."""
    negative, threshold = parameters["negative"], parameters["threshold"]
    if negative is not None and threshold is not None and negative >= threshold:
        raise Refused(
            f"`negative` is {negative:g} and `threshold` is {threshold:g}: the first must be lower."
        )


def scored(file: Path, scorer: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id and score of the pairs that a scorer has scored.

    Raises:
        Refused: the table does not exist, or the scorer has no scores.
    """
    if not file.is_file():
        raise Refused(
            f"the judge scores reads {file}, which does not exist. Use this judge only in a "
            "recipe's `relabel`."
        )
    table = tables.scan("scores", file)
    by = table.filter(pl.col("scorer") == scorer).select(*PAIR, "score")
    found = by.join(pairs.lazy().select(PAIR), on=PAIR, how="semi").collect()
    if found.is_empty():
        names = table.select(pl.col("scorer").unique()).collect()["scorer"].to_list()
        if scorer not in names:
            raise Refused(
                f"the judge scores found no scores of '{scorer}' in this round: "
                f"{nearest(scorer, names)}"
            )
    return found


def changes_with_round(parameters: dict[str, Any]) -> bool:
    """Whether it uses a model of the round: the scores belong to the round, whichever model
    computed them.
    """
    return True
