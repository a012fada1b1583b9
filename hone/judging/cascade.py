"""The cascade: each judge reads the pairs that the judge before it escalated, cheapest first
(RLHN, arXiv 2505.16967).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from hone.config import methods
from hone.data.pair_lookup import within
from hone.data.questions import Questions, in_blocks
from hone.data.training_set import TrainingSet
from hone.judging import verdicts
from hone.layout import PAIR
from hone.lots import lots, pair_keys, unit
from hone.stage import say
from hone.stats.calibration import apply

if TYPE_CHECKING:
    from hone.judging.context import Desk

# Columns of every verdict that stay in memory; the whole table `judgments` is yielded block by
# block.
SLIM = [*PAIR, "verdict", "grade", "probability", "reason"]

Ask = Callable[[dict, Questions, "Desk"], pl.DataFrame]


@dataclass
class Cascade:
    """Judges that read pairs one after the other, and their verdicts.

    Attributes:
        lines: of the cascade, resolved: name, method, parameters, fingerprint, escalate, evidence.
        answers: per judge: query_id, doc_id, collection, rank, verdict, grade, probability
            (calibrated if `hone judge check` fitted a calibration), stated (uncalibrated), reason.
            A rule under `escalate` reads them as `said`.
        sent: per judge, the number of pairs that its rule escalated, without the control.
        control: pairs that went to the last judge at random and that no rule escalated.
        unsent: number of pairs that no rule escalated to the last judge, including the control.
    """

    lines: list[dict]
    answers: list[pl.DataFrame] = field(default_factory=list, init=False)
    sent: list[int] = field(default_factory=list, init=False)
    control: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String)), init=False
    )
    unsent: int = field(default=0, init=False)

    @property
    def names(self) -> list[str]:
        """Names of the judges."""
        return [line["name"] for line in self.lines]

    def run(
        self,
        negatives: pl.DataFrame,
        labels: pl.DataFrame,
        training: TrainingSet,
        control: float,
        desk: Desk,
        ask: Ask,
    ) -> Iterator[pl.DataFrame]:
        """Query one judge after the other. Only the rows of one block and the columns `SLIM` of all
        pairs are in memory.

        Args:
            negatives: of the round, those to be judged; the rows of a query are adjacent and in
                their order.
            labels: of the parent round.
            training: source of the texts.
            control: fraction of all pairs that go to the last judge whatever the rules decide.
            desk: ledger, budget, encoders.
            ask: queries the judge of a line.

        Yields:
            The table `judgments` of each block, as soon as its judge has answered it.
        """
        pairs = negatives.select(
            *PAIR, rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
        )
        if pairs["query_id"].rle_id().n_unique() != pairs["query_id"].n_unique():
            raise AssertionError(
                "the negatives of a query are not adjacent"
            )  # verdicts of a block would be assigned to other pairs
        collections = training.queries().select(
            "query_id", pl.col("collection").cast(pl.Categorical)
        )
        collection = pairs.select("query_id").join(
            collections, on="query_id", how="left", maintain_order="left"
        )["collection"]
        pairs = pairs.with_columns(collection)
        drawn = pairs.filter(
            pl.Series(
                unit(lots(pair_keys(pairs), desk.seed, desk.draws, "relabel.control")) < control
            )
        )
        remaining = pairs
        for place, line in enumerate(self.lines):
            blocks = [no_verdicts().drop(PAIR)]
            for questions in in_blocks(remaining, labels, training):
                answered = ask(line, questions, desk)
                yield answered.with_columns(
                    place=pl.lit(place + 1, dtype=pl.Int32), judge=pl.lit(line["name"])
                )
                blocks.append(in_order(questions.pairs, answered))
            judged = pl.concat(blocks)
            self.answers.append(calibrated(remaining.hstack(judged), line["evidence"]))
            counts = dict(judged["verdict"].value_counts().rows())
            summary = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
            say(
                f"relabel {desk.round}: {line['name']}: {len(judged):,} pairs: "
                f"{summary or 'none to judge'}"
            )
            if place + 1 == len(self.lines):
                break
            sent = escalated(self.answers, line)
            self.sent.append(len(sent))
            if place + 2 == len(self.lines):
                self.control = drawn.filter(~within(drawn, sent)).select(PAIR)
                self.unsent = len(pairs) - len(sent)
                sent = pl.concat([sent, self.control])
            remaining = pairs.filter(within(pairs, sent))

    def final(self, agreed: bool = False) -> pl.DataFrame:
        """One row per pair: the verdict of the last judge that read it, with that judge's name and
        its place in the cascade, from 1.

        Args:
            agreed: a pair is positive only if every judge that read it returned positive.
        """
        if len(self.answers) < len(self.lines):
            raise AssertionError("the cascade has not been run to its end")
        judges = pl.Enum(list(dict.fromkeys(self.names)))
        parts: list[pl.DataFrame] = []
        for place in reversed(
            range(len(self.answers))
        ):  # not all of them in one table: a million pairs are to fit
            own = self.answers[place]
            for later in self.answers[place + 1 :]:
                own = own.filter(~within(own, later))
            parts.append(
                own.with_columns(
                    judge=pl.lit(self.names[place], dtype=judges),
                    place=pl.lit(place + 1, dtype=pl.Int8),
                )
            )
        last = pl.concat(parts[::-1])
        if not agreed:
            return last
        denied = pl.repeat(False, len(last), eager=True)
        for frame in self.answers:
            denied |= within(last, frame.filter(pl.col("verdict") == "negative"))
        verdict = pl.col("verdict").cast(pl.String)
        return last.with_columns(
            verdict=pl.when(denied & (verdict == "positive"))
            .then(pl.lit("negative"))
            .otherwise(verdict)
            .cast(last["verdict"].dtype),
            probability=pl.when(denied).then(None).otherwise(pl.col("probability")),
        )


def in_order(pairs: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """The columns `SLIM` of the verdicts on pairs, in the pairs' order and without the ids."""
    return (
        pairs.select(PAIR)
        .join(answered.select(SLIM), on=PAIR, how="left", maintain_order="left")
        .drop(PAIR)
    )


def escalated(answers: list[pl.DataFrame], line: dict) -> pl.DataFrame:
    """query_id, doc_id of the pairs that a line's rule escalates to the next judge.

    Args:
        answers: verdicts of the earlier judges and, last, of the line's own.
        line: of the cascade.
    """
    rule = line["escalate"]
    chosen = methods.find("relabel.escalate", rule["method"])(
        rule["parameters"], said=answers[-1], earlier=answers[:-1], evidence=line["evidence"]
    )
    return chosen.select(PAIR)


def no_verdicts() -> pl.DataFrame:
    """Verdicts of a judge without pairs."""
    return verdicts.empty().select(SLIM)


def calibrated(answers: pl.DataFrame, evidence: list[dict]) -> pl.DataFrame:
    """`answers` with calibrated probabilities; `stated` holds the uncalibrated ones.

    Args:
        answers: collection, probability and more, of one judge.
        evidence: measurements of the judge per collection. Without a calibration, or with another
            judge's, probabilities are unchanged.
    """
    maps = {
        found["collection"]: found["calibration"]
        for found in evidence
        if found.get("calibration") and not found["another"]
    }
    values = answers["probability"].to_numpy().copy()
    for collection, found in maps.items():
        own = (answers["collection"] == collection).to_numpy()
        values[own] = apply(found, values[own])
    return answers.with_columns(
        stated="probability", probability=pl.Series(values, dtype=pl.Float32, nan_to_null=True)
    )
