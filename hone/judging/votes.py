"""Combine several answers to one question: votes, two orders, inverted prompt. Disagreement
gives the verdict unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data.unknown_reasons import PASSING, kinds
from hone.judging.answers import CERTAIN
from hone.layout import PAIR

SPLIT = r"^\d+ of \d+ votes$|^the votes are tied: "  # a reason that means that not all votes agree
ORDER = r"^(\S+ \S+ \S+) "  # of a run's name: the part that all runs of one stage share
PAID = ["raw", "tokens_in", "tokens_out", "money", "seconds"]  # of an answer
YES, NO, UNKNOWN = (pl.col("verdict") == word for word in ("positive", "negative", "unknown"))


@dataclass
class Tally:
    """Agreement of a judge's answers to the same questions, over all blocks of a stage.

    Attributes:
        votes: pairs with at least one vote that is not unknown.
        unanimous: of these, pairs whose votes all agree.
        sides: pairs with a probability for both the question and its inversion.
        bias: sum over these of the question's probability minus the mean of both; positive for a
            judge biased towards yes.
    """

    votes: int = 0
    unanimous: int = 0
    sides: int = 0
    bias: float = 0.0

    def figures(self) -> dict[str, float]:
        """`agreed`: fraction of pairs whose votes all agree; `yes_bias`: mean bias. A figure
        that was not measured is missing.
        """
        made = {"agreed": self.unanimous / self.votes} if self.votes else {}
        return made | ({"yes_bias": self.bias / self.sides} if self.sides else {})


def together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One row per pair: counts of verdicts, mean grade and probability, all texts, and the cost in
    its newest run.

    Answers of an earlier run cost nothing again. The answer's number is the first of the newest
    run.
    """
    ordered = pl.concat(
        [frame.with_row_index("row") for frame in frames], how="vertical_relaxed"
    ).with_columns(order=pl.col("run").str.extract(ORDER, 1).fill_null(pl.col("run")))
    newest = (
        ordered.sort("asked_at", nulls_last=False, maintain_order=True)
        .group_by("row")
        .agg(newest=pl.col("order").last())
    )
    here = pl.col("order").eq_missing(pl.col("newest"))
    failed = UNKNOWN & kinds().is_in(PASSING)
    return (
        ordered.join(newest, on="row", how="left", maintain_order="left")
        .group_by("row", *PAIR, maintain_order=True)
        .agg(
            pl.col("grade", "probability").mean(),
            pl.col("reason").drop_nulls().first(),
            pl.col("answer", "asked_at", "run").filter(here).drop_nulls().first(),
            pl.col("model").drop_nulls().first(),
            pl.col("raw").drop_nulls().str.join("\n\n"),
            *(
                pl.when(pl.col(name).filter(here).count() > 0)
                .then(pl.col(name).filter(here).sum())
                .alias(name)
                for name in PAID
                if name != "raw"
            ),
            failed=pl.col("reason").filter(failed).first(),
            failures=failed.sum(),
            first=pl.col("probability").first(),
            last=pl.col("probability").last(),
            sure=pl.col("probability").count(),
            yes=YES.sum(),
            no=NO.sum(),
            lacking=UNKNOWN.sum(),
        )
        .with_columns(raw=pl.when(pl.col("raw") != "").then(pl.col("raw")))
    )


def voted(frames: list[pl.DataFrame], tally: Tally) -> pl.DataFrame:
    """The majority verdict. Unknown answers do not count. A tie is unknown, and so is a majority
    that a failed vote could reverse.

    The probability is the mean over the answers that have one; otherwise the fraction of positive
    votes.
    """
    combined = together(frames)
    votes, most = pl.col("yes") + pl.col("no"), pl.max_horizontal("yes", "no")
    counted = combined.filter(votes > 0)
    tally.votes += len(counted)
    tally.unanimous += len(counted.filter(most == votes))
    turnable = (pl.col("yes") - pl.col("no")).abs() <= pl.col("failures")
    combined = combined.with_columns(
        turnable=(pl.col("failures") > 0) & turnable,
        yes=pl.col("yes").cast(pl.Int64),
        no=pl.col("no").cast(pl.Int64),
    )
    return combined.with_columns(
        verdict=pl.when("turnable")
        .then(pl.lit("unknown"))
        .when(pl.col("yes") > pl.col("no"))
        .then(pl.lit("positive"))
        .when(pl.col("no") > pl.col("yes"))
        .then(pl.lit("negative"))
        .otherwise(pl.lit("unknown")),
        probability=pl.coalesce("probability", pl.when(votes > 0).then(pl.col("yes") / votes)),
        reason=pl.when("turnable")
        .then(pl.col("failed"))
        .when(votes == 0)
        .then(pl.col("reason"))
        .when(pl.col("yes") == pl.col("no"))
        .then(pl.format("the votes are tied: {} to {}", "yes", "no"))
        .when(most < len(frames))
        .then(pl.format("{} of {} votes", most, pl.lit(len(frames)))),
    )


def agreed(frames: list[pl.DataFrame], reason: str) -> pl.DataFrame:
    """The verdict on which all answers agree; unknown, with `reason`, if they differ."""
    return together(frames).with_columns(
        verdict=pl.when(pl.col("yes") == len(frames))
        .then(pl.lit("positive"))
        .when(pl.col("no") == len(frames))
        .then(pl.lit("negative"))
        .otherwise(pl.lit("unknown")),
        reason=pl.when((pl.col("yes") > 0) & (pl.col("no") > 0))
        .then(pl.lit(reason))
        .otherwise(pl.coalesce("failed", "reason")),
    )


def averaged(frames: list[pl.DataFrame], tally: Tally) -> pl.DataFrame:
    """The mean probability of a question and its inversion, which a bias towards yes or no does not
    change.

    If one of them has no probability, both verdicts must agree.
    """
    combined = agreed(frames, "the two polarities disagree")
    both = combined.filter(pl.col("sure") == len(frames))
    tally.sides += len(both)
    tally.bias += both.select((pl.col("first") - pl.col("last")).sum()).item() / 2
    certain = pl.col("sure") == len(frames)
    return combined.with_columns(
        verdict=pl.when(certain & (pl.col("probability") >= CERTAIN))
        .then(pl.lit("positive"))
        .when(certain)
        .then(pl.lit("negative"))
        .otherwise("verdict"),
        probability=pl.when(certain).then("probability"),
        reason=pl.when(~certain).then("reason"),
    )
