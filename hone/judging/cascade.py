"""The cascade: each judge reads what the one before it passed on, cheapest first (RLHN, arXiv 2505.16967)."""

from __future__ import annotations

from collections.abc import Callable
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

# What is kept of every verdict in memory; what was answered and paid goes to disk block by block.
SLIM = [*PAIR, "verdict", "grade", "probability", "reason"]

Ask = Callable[[dict, Questions, "Desk"], pl.DataFrame]


@dataclass
class Cascade:
    """What the judges said.

    Attributes:
        said: of each judge in turn query_id, doc_id, collection, rank, verdict, grade, probability (calibrated where
            `hone judge check` found how), stated (as it came), reason.
        sent: pairs that a judge passed on by its rule; the control's are not among them.
        control: pairs that went to the last judge by lot, and no rule would have sent there.
        unsent: how many pairs no rule sent to the last judge, the control included.
    """

    names: list[str]
    said: list[pl.DataFrame] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    control: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String)))
    unsent: int = 0

    def final(self, agreed: bool = False) -> pl.DataFrame:
        """One row for each pair: the verdict of the last judge that read it, with that judge's name and its place in the cascade, from 1.

        Args:
            agreed: a pair is positive only if every judge that read it says so.
        """
        judges = pl.Enum(list(dict.fromkeys(self.names)))
        parts: list[pl.DataFrame] = []
        for place in reversed(range(len(self.said))):  # not all of them in one table: a million pairs are to fit
            own = self.said[place]
            for later in self.said[place + 1 :]:
                own = own.filter(~within(own, later))
            parts.append(own.with_columns(judge=pl.lit(self.names[place], dtype=judges), place=pl.lit(place + 1, dtype=pl.Int8)))
        last = pl.concat(parts[::-1])
        if not agreed:
            return last
        denied = pl.repeat(False, len(last), eager=True)
        for frame in self.said:
            denied |= within(last, frame.filter(pl.col("verdict") == "negative"))
        verdict = pl.col("verdict").cast(pl.String)
        return last.with_columns(
            verdict=pl.when(denied & (verdict == "positive")).then(pl.lit("negative")).otherwise(verdict).cast(last["verdict"].dtype),
            probability=pl.when(denied).then(None).otherwise(pl.col("probability")),
        )


def run_cascade(
    negatives: pl.DataFrame, labels: pl.DataFrame, training: TrainingSet, lines: list[dict], control: float, desk: Desk,
    keep: Callable[[pl.DataFrame], None], ask: Ask,
) -> Cascade:  # fmt: skip
    """Ask one judge after the other.

    Args:
        negatives: of the round, those that are to be judged, each query's together and in their order.
        labels: of the round that it starts from.
        training: where texts come from.
        lines: of the cascade, resolved: name, method, parameters, fingerprint, escalate, evidence.
        control: share of all pairs that go to the last judge whatever the rules say.
        desk: ledger, budget, encoders.
        keep: takes each block's table `judgments` as it is done.
        ask: puts questions to the judge of a line.
    """
    made = Cascade([line["name"] for line in lines])
    pairs = negatives.select(*PAIR, rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
    if pairs["query_id"].rle_id().n_unique() != pairs["query_id"].n_unique():
        raise AssertionError("the negatives of a query do not stand together")  # what is heard in blocks would be another pair's
    collections = training.queries().select("query_id", pl.col("collection").cast(pl.Categorical))
    pairs = pairs.with_columns(pairs.select("query_id").join(collections, on="query_id", how="left", maintain_order="left")["collection"])
    drawn = pairs.filter(pl.Series(unit(lots(pair_keys(pairs), desk.seed, desk.draws, "relabel.control")) < control))
    asked = pairs
    for place, line in enumerate(lines):
        said = [nothing_said().drop(PAIR)]
        for questions in in_blocks(asked, labels, training):
            answered = ask(line, questions, desk)
            keep(answered.with_columns(place=pl.lit(place + 1, dtype=pl.Int32), judge=pl.lit(line["name"])))
            said.append(in_order(questions.pairs, answered))
        heard = pl.concat(said)
        made.said.append(calibrated(asked.hstack(heard), line["evidence"]))
        counts = dict(heard["verdict"].value_counts().rows())
        told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
        say(f"relabel {desk.round}: {line['name']} on {len(heard):,} pairs: {told or 'nothing asked'}")
        if place + 1 == len(lines):
            break
        sent = sent_on(made.said, line)
        made.sent.append(len(sent))
        if place + 2 == len(lines):
            made.control = drawn.filter(~within(drawn, sent)).select(PAIR)
            made.unsent = len(pairs) - len(sent)
            sent = pl.concat([sent, made.control])
        asked = pairs.filter(within(pairs, sent))
    return made


def in_order(pairs: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """What is kept of the verdicts on some pairs, a row for each in their order, without the ids, which the table of all pairs has."""
    return pairs.select(PAIR).join(answered.select(SLIM), on=PAIR, how="left", maintain_order="left").drop(PAIR)


def sent_on(said: list[pl.DataFrame], line: dict) -> pl.DataFrame:
    """query_id, doc_id of what goes on to the next judge, by the rule of a line; `said`: of its judge last, and of those before."""
    rule = line["escalate"]
    chosen = methods.find("relabel.escalate", rule["method"])(
        rule["parameters"], said=said[-1], earlier=said[:-1], evidence=line["evidence"]
    )
    return chosen.select(PAIR)


def nothing_said() -> pl.DataFrame:
    """What a judge says that was asked nothing."""
    return verdicts.empty().select(SLIM)


def calibrated(said: pl.DataFrame, evidence: list[dict]) -> pl.DataFrame:
    """`said` with a judge's probabilities put through the map of their collection, and as they came in `stated`.

    Args:
        said: collection, probability and more, of one judge.
        evidence: what was found of it on each collection. Where there is no map, or it is of another judge, probabilities stay.
    """
    maps = {found["collection"]: found["calibration"] for found in evidence if found.get("calibration") and not found["another"]}
    values = said["probability"].to_numpy().copy()
    for collection, found in maps.items():
        own = (said["collection"] == collection).to_numpy()
        values[own] = apply(found, values[own])
    return said.with_columns(stated="probability", probability=pl.Series(values, dtype=pl.Float32, nan_to_null=True))
