"""Several answers to one question: votes, two orders, two polarities. What they disagree on is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data.unknown_reasons import PASSING, kinds
from hone.judging.answers import CERTAIN
from hone.layout import PAIR

SPLIT = r"^\d+ of \d+ votes$|^the votes are tied: "  # a reason that says that not all votes are known to say the same
ORDER = r"^(\S+ \S+ \S+) "  # of a run's name: what all runs of one stage share
PAID = ["raw", "tokens_in", "tokens_out", "money", "seconds"]  # of an answer
YES, NO, UNKNOWN = (pl.col("verdict") == word for word in ("positive", "negative", "unknown"))


@dataclass
class Tally:
    """How far a judge's answers to one question go together, over all blocks of a stage.

    Attributes:
        votes: pairs with a vote that is known.
        unanimous: of these, pairs whose votes all say the same: no majority can be surer than that share.
        sides: pairs of which a question and its opposite both have a probability.
        bias: sum over these of how far the question's probability lies above the mean of both; above 0 it likes to say yes.
    """

    votes: int = 0
    unanimous: int = 0
    sides: int = 0
    bias: float = 0.0

    def figures(self) -> dict[str, float]:
        """`agreed`: share of pairs whose votes all agree; `yes_bias`: mean bias; each only where it was measured."""
        made = {"agreed": self.unanimous / self.votes} if self.votes else {}
        return made | ({"yes_bias": self.bias / self.sides} if self.sides else {})


def together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """One row for each pair: how often it was found and not, means of what is known, all texts, and what its newest run paid.

    Answers of an earlier run cost nothing again. The number of the answer is the first of that run's.
    """
    ordered = pl.concat([frame.with_row_index("row") for frame in frames], how="vertical_relaxed").with_columns(
        order=pl.col("run").str.extract(ORDER, 1).fill_null(pl.col("run"))
    )
    newest = ordered.sort("asked_at", nulls_last=False, maintain_order=True).group_by("row").agg(newest=pl.col("order").last())
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
                pl.when(pl.col(name).filter(here).count() > 0).then(pl.col(name).filter(here).sum()).alias(name)
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
    """The majority of votes. Answers that are unknown do not vote; a tie is unknown, and so is what a vote that failed could turn.

    The probability is the mean of those that the answers give, else the share of votes that found the pair.
    """
    told = together(frames)
    votes, most = pl.col("yes") + pl.col("no"), pl.max_horizontal("yes", "no")
    counted = told.filter(votes > 0)
    tally.votes += len(counted)
    tally.unanimous += len(counted.filter(most == votes))
    turnable = (pl.col("yes") - pl.col("no")).abs() <= pl.col("failures")
    told = told.with_columns(turnable=(pl.col("failures") > 0) & turnable, yes=pl.col("yes").cast(pl.Int64), no=pl.col("no").cast(pl.Int64))
    return told.with_columns(
        verdict=pl.when("turnable").then(pl.lit("unknown")).when(pl.col("yes") > pl.col("no")).then(pl.lit("positive"))
        .when(pl.col("no") > pl.col("yes")).then(pl.lit("negative")).otherwise(pl.lit("unknown")),
        probability=pl.coalesce("probability", pl.when(votes > 0).then(pl.col("yes") / votes)),
        reason=pl.when("turnable").then(pl.col("failed")).when(votes == 0).then(pl.col("reason"))
        .when(pl.col("yes") == pl.col("no")).then(pl.format("the votes are tied: {} to {}", "yes", "no"))
        .when(most < len(frames)).then(pl.format("{} of {} votes", most, pl.lit(len(frames)))),
    )  # fmt: skip


def agreed(frames: list[pl.DataFrame], reason: str) -> pl.DataFrame:
    """What all answers say; unknown, for `reason`, where they differ."""
    return together(frames).with_columns(
        verdict=pl.when(pl.col("yes") == len(frames)).then(pl.lit("positive"))
        .when(pl.col("no") == len(frames)).then(pl.lit("negative")).otherwise(pl.lit("unknown")),
        reason=pl.when((pl.col("yes") > 0) & (pl.col("no") > 0)).then(pl.lit(reason)).otherwise(pl.coalesce("failed", "reason")),
    )  # fmt: skip


def averaged(frames: list[pl.DataFrame], tally: Tally) -> pl.DataFrame:
    """The mean of a question's and its opposite's probability, which a liking for yes or no does not change.

    Where one of them gives no probability both must say the same.
    """
    told = agreed(frames, "the two polarities disagree")
    both = told.filter(pl.col("sure") == len(frames))
    tally.sides += len(both)
    tally.bias += both.select((pl.col("first") - pl.col("last")).sum()).item() / 2
    certain = pl.col("sure") == len(frames)
    return told.with_columns(
        verdict=pl.when(certain & (pl.col("probability") >= CERTAIN)).then(pl.lit("positive"))
        .when(certain).then(pl.lit("negative")).otherwise("verdict"),
        probability=pl.when(certain).then("probability"),
        reason=pl.when(~certain).then("reason"),
    )  # fmt: skip
