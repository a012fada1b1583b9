"""scores: what a scorer of the recipe has said in the stage `score`, as a judge's grades: a teacher that costs nothing more.

Distillation learns from it: from an encoder, an ensemble, or a cross-encoder, the loop's own or any other (RocketQA, arXiv
2010.08191; R2anker, arXiv 2206.08063). Nothing is asked anew and nothing is recorded in the ledger.
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

CUT = 1e-6  # from 0 and 1, so that a logit is at most 13.8; ours (scores are fp32, which tells 1 - 6e-8 from 1)


def scores(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    scorer: str,
    logit: bool = False,
    threshold: float | None = None,
) -> pl.DataFrame:
    """A grade for every pair: the scorer's score of it in this round.

    Args:
        questions: one block; candidates and positives of the round, both of which are in the table `scores`.
        desk: for the round's name.
        fingerprint: of this judge.
        scorer: by its name in the table: `cross-encoder`, `cross-encoder:NAME`, `encoder:NAME`, `ensemble`, `dense`.
        logit: grade = ln(p / (1 - p)) of a score p from 0 to 1, cut to [1e-6, 1 - 1e-6]: what a cross-encoder's last layer said, the scale
            on which losses compare (softmax, margins); for an encoder's cosines leave it out. [Hone default]
        threshold: score from which on a pair is found right, in the scorer's own space; null: nothing is found, the judge only grades.
            [Hone default]

    Returns:
        Verdicts with the grade and no probability; unknown where the scorer gave nothing.

    Raises:
        Refused: the round has no table of scores, no scorer of that name, or `logit` with scores that are not probabilities.
    """
    if questions.pairs.is_empty():
        return verdicts.empty()
    given = scored(round_table(desk.round, "scores"), scorer, questions.pairs)
    found = questions.pairs.select(PAIR).join(given, on=PAIR, how="left", maintain_order="left")
    if logit and len(found.filter(~pl.col("score").is_between(0, 1))):
        raise Refused(f"the judge scores takes the logit of '{scorer}', whose scores do not lie between 0 and 1: leave `logit` out.")
    odds = pl.col("score").cast(pl.Float64).clip(CUT, 1 - CUT)
    bound = float("inf") if threshold is None else threshold
    told = by_grade(
        found.with_columns(
            grade=pl.col("score"),
            bound=pl.lit(bound),
            reason=pl.when(pl.col("score").is_null()).then(pl.format("{} gave it no score", pl.lit(scorer))),
            fingerprint=pl.lit(fingerprint),
        )
    )
    return verdicts.verdicts(told.with_columns(grade=(odds / (1 - odds)).log()) if logit else told)


def scored(file: Path, scorer: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id and score of those of the pairs that a scorer has scored.

    Raises:
        Refused: there is no such table, or nobody of that name scored.
    """
    if not file.is_file():
        raise Refused(f"the judge scores reads {file}, which is missing: it works in a round's stage `relabel` alone.")
    table = tables.scan("scores", file)
    by = table.filter(pl.col("scorer") == scorer).select(*PAIR, "score")
    found = by.join(pairs.lazy().select(PAIR), on=PAIR, how="semi").collect()
    if found.is_empty():
        names = table.select(pl.col("scorer").unique()).collect()["scorer"].to_list()
        if scorer not in names:
            raise Refused(f"the judge scores reads what '{scorer}' scored, and it scored nothing in this round: {nearest(scorer, names)}")
    return found


def changes_with_round(parameters: dict[str, Any]) -> bool:
    """Whether it reads with a model of the round: it reads what was scored in the round, whoever did."""
    return True
