"""`hone judge check`: measure the accuracy of a judge on a collection, and whether it may add
positives there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from commands.judge.inputs import (
    OfSplit,
    candidates_of,
    collection_of,
    gold_judge,
    hidden_of,
    judge_line,
    round_of,
)
from commands.judge.table import show
from hone.config import params, stage_settings
from hone.config.params import Params
from hone.data import questions, training_set
from hone.data.qrels_labels import known_labels
from hone.data.questions import Questions, in_blocks
from hone.data.training_set import TrainingSet
from hone.encoders.round_encoders import Models
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.judging import settings as judges
from hone.judging import verdicts
from hone.judging.context import Desk, run_name
from hone.judging.rank_bands import with_band
from hone.judging.reliability.annotators import agreements, read_people
from hone.judging.reliability.by_stratum import sizes_of
from hone.judging.reliability.coverage import ceiling_of_votes
from hone.judging.reliability.evidence import Candidates, evidence_of
from hone.judging.reliability.false_negative_share import gold_sample
from hone.judging.reliability.gate import gate
from hone.judging.reliability.probe_pairs import PairSets, in_order, pair_sets
from hone.judging.run_judge import ask
from hone.judging.transfers import judge_transfers
from hone.layout import MODELS, PAIR, TRAINING_LIST
from hone.llm.ledger.ledger import Ledger
from hone.seeds import seed_of
from hone.stage import say
from hone.transfer import announce
from tasks.relabel.settings import RelabelSettings
from tasks.retrieve.settings import RetrieveSettings

CANDIDATES_PER_GOLD = (
    4  # candidates that the judge reads per reference label, without a limit [Hone default]
)
SETS = 4
JUDGED = [*PAIR, "source", "rank", "verdict", "grade", "probability"]


@dataclass(frozen=True)
class Gold:
    """The source of reference labels: a judge or a person, or the held-out positives if `line`
    is null.
    """

    line: dict | None
    hidden: pl.DataFrame

    @property
    def people(self) -> bool:
        return self.line is not None and self.line["method"] == "people"


def check(
    name: str,
    on: str,
    round: str | None = None,
    gold: str | None = None,
    pairs: int = 150,
    limit: int | None = None,
    split: str | None = None,
    people: Path | None = None,
    precision: float = 0.8,
) -> dict:
    """Measure a judge, print the results, write them for the promotion gate, and return them.

    Args:
        name: an entry of params.yaml's `judges`, or a judge with its defaults.
        on: a collection of params.yaml.
        round: the round whose negatives are the candidates and whose starting model an encoder
            judge uses; null: the last one with negatives.
        gold: source of reference labels: "hidden", "judge:NAME" or "people:NAME"; null: none.
        pairs: pairs per set, and number of reference labels.
        limit: largest number of pairs for the judge; null: four sets of `pairs`, and with gold four
            times `pairs` candidates.
        split: the split of the queries; null: the first of train, dev, test with positives.
        people: a table with the labels of several annotators.
        precision: the required lower bound of the precision.

    Raises:
        Refused: the judge, collection, round or gold does not exist; there are no labels; or the
            judge returned no verdict.
    """
    given = params.read()
    judge = judge_line(given, name)
    collection = collection_of(given, on, split)
    if pairs < 1 or (limit is not None and limit < SETS):
        raise Refused(
            f"--sample is {pairs} and --limit is {limit}. Use --sample of 1 or more, and --limit "
            f"of {SETS} or more."
        )
    round = round_of(given, round, needed=gold is not None)
    gold_line = gold_judge(given, gold, judge)
    training = training_set.read() if TRAINING_LIST.exists() else None
    if gold is not None:
        negatives, labels = candidates_of(given, round, collection, training)
    people_verdicts = read_people(people, collection.prefix) if people else None
    hidden = hidden_of(collection)
    if gold == "hidden" and hidden.is_empty():
        raise Refused(
            f"--gold hidden: {on} has no held-out positives. Set `hide` in params.yaml, or use "
            "judge:NAME or people:NAME."
        )
    for_sets = limit // 2 if limit is not None and gold is not None else limit
    most = pairs if for_sets is None else max(1, min(pairs, for_sets // SETS))
    sets = pair_sets(
        known_labels(collection),
        hidden,
        collection.documents.ids,
        most,
        seed_of(given.seed, "judge.check", on),
        None if people_verdicts is None else people_verdicts.select(PAIR),
    )
    refuse_empty(sets, on, collection.split)
    left = CANDIDATES_PER_GOLD * pairs if limit is None else max(1, limit - len(sets.pairs))
    called = [line for line in (judge, gold_line) if line]
    desk = desk_of(given, round, called, training)
    limit_text = f"at most {len(sets.pairs) + (left if gold else 0):,} pairs"
    sent = judge_transfers(called, given.judges, [on], limit_text, collection.split)
    announce(sent, "judge check")

    say(f"judge check: {name} on {on}, split {collection.split}: {len(sets.pairs):,} pairs")
    rows = sets.pairs.join(
        ask(judge, questions_of(sets, collection), desk),
        on=PAIR,
        how="inner",
        maintain_order="left",
    )
    refuse_silent(name, rows)
    at_work = None
    if gold is not None:
        known = Gold(gold_line, hidden)
        at_work = on_candidates(
            given.seed, judge, known, negatives, labels, training, desk, pairs, left
        )
    evidence = {
        "judge": name,
        "fingerprint": judge["fingerprint"],
        "collection": on,
        "split": collection.split,
        "round": round,
        "from": given.rounds[round].start if round in given.rounds else None,
        "mined_as": None if gold is None else RelabelSettings.read(round=round).mined_as,
        "gold": gold,
        "made": time.strftime("%Y-%m-%d"),
        "left_out": sets.left_out,
        **evidence_of(rows, at_work, gold, given.seed),
        "votes": ceiling_of_votes(rows, judge["parameters"].get("votes", 1)),
        **({"people": agreements(people_verdicts, rows)} if people_verdicts is not None else {}),
    }
    file = judges.fitness_file(name, on)
    if gold is None and file.exists() and (before := read_json(file).get("gold")):
        say(
            f"judge check: this run replaces {file}, which used gold {before}. `--gold {before}` "
            "restores it from the judgment log"
        )
    write_json(file, evidence)
    show(evidence, gate(evidence, precision)[1], file)
    return evidence


def on_candidates(
    seed: int,
    judge: dict,
    gold: Gold,
    negatives: pl.DataFrame,
    labels: pl.DataFrame,
    training: TrainingSet,
    desk: Desk,
    pairs: int,
    most: int,
) -> Candidates:
    """Query the judge with all negatives of some queries, and get reference labels for some of
    these pairs.

    A reference judge labels a sample of the pairs. Annotation sheets and held-out positives cost
    nothing, so all of their labels are used.

    Args:
        seed: the seed of params.yaml.
        judge: the judge to measure.
        gold: the source of reference labels.
        negatives: the round's negatives of the collection, in their order.
        labels: the labels of the round that it starts from.
        training: the training set, with the texts.
        desk: judgment log and encoders.
        pairs: number of reference labels.
        most: largest number of candidates for the judge.
    """
    ranked = negatives.select(
        *PAIR, "source", rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
    )
    known = (
        gold_of_people(gold.line, in_blocks(negatives, labels, training), desk)
        if gold.people
        else None
    )
    queries = ranked.group_by("query_id", maintain_order=True).len("pairs")
    order = in_order(
        queries.with_columns(doc_id=pl.lit("")), seed_of(seed, "judge.check", "candidates")
    ).sort("hash")
    drawn = order.filter(
        (pl.col("pairs").cum_sum() <= most - (0 if known is None else len(known)))
        | (pl.int_range(pl.len()) == 0)
    )
    candidate_pairs = ranked.join(drawn, on="query_id", how="semi", maintain_order="left")
    say(
        f"judge check: {judge['name']} on candidates: {len(candidate_pairs):,} pairs of "
        f"{len(drawn):,} of {len(queries):,} queries"
    )
    judged = (
        judge_pairs(judge, candidate_pairs, negatives, labels, training, desk)
        .join(ranked, on=PAIR, how="inner", maintain_order="left")
        .select(JUDGED)
    )
    if gold.line is None:
        hidden_pairs = gold.hidden.select(*PAIR, gold=pl.lit(True)).unique()
        sure = judged.join(hidden_pairs, on=PAIR, how="left", maintain_order="left").with_columns(
            pl.col("gold").fill_null(False)
        )
    elif gold.people:
        more = judge_pairs(
            judge,
            known.join(judged, on=PAIR, how="anti", maintain_order="left"),
            negatives,
            labels,
            training,
            desk,
        )
        more = more.join(ranked, on=PAIR, how="inner", maintain_order="left").select(JUDGED)
        sure = pl.concat([judged, more]).join(known, on=PAIR, how="inner", maintain_order="left")
    else:
        places = in_order(judged.select(PAIR), seed_of(seed, "judge.check", "gold")).select(
            *PAIR, "hash"
        )
        wanted = gold_sample(
            judged, pairs, judged.join(places, on=PAIR, maintain_order="left")["hash"].to_numpy()
        )
        say(f"judge check: {gold.line['name']} labels {len(wanted):,} of them as reference")
        answered = with_gold(judge_pairs(gold.line, wanted, negatives, labels, training, desk))
        sure = judged.join(answered, on=PAIR, how="inner", maintain_order="left")
    return Candidates(
        judged,
        sure,
        dict(with_band(ranked)["band"].value_counts().rows()),
        len(drawn) / len(queries),
        sizes_of(ranked),
    )


def judge_pairs(
    judge: dict,
    pairs: pl.DataFrame,
    negatives: pl.DataFrame,
    labels: pl.DataFrame,
    training: TrainingSet,
    desk: Desk,
) -> pl.DataFrame:
    """A judge's verdicts on some of the negatives, queried as in the stage: with their ranks and
    all positives.
    """
    needed = negatives.join(pairs, on="query_id", how="semi", maintain_order="left")
    blocks = (block.only(pairs) for block in in_blocks(needed, labels, training))
    return pl.concat(
        [verdicts.empty(), *(ask(judge, block, desk) for block in blocks if len(block))]
    )


def gold_of_people(line: dict, blocks: Iterator[Questions], desk: Desk) -> pl.DataFrame:
    """The negatives that a person has labelled: query_id, doc_id, gold.

    Raises:
        Refused: the person has labelled none.
    """
    answered = with_gold(
        pl.concat([verdicts.empty(), *(ask(line, block, desk) for block in blocks)])
    ).filter(pl.col("gold").is_not_null())
    if answered.is_empty():
        raise Refused(
            f"{line['name']} has not labelled any negative of this round. Create a sheet with "
            "`hone annotate create`, and import it with "
            "`hone annotate import`."
        )
    return answered


def with_gold(answered: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id, gold (null if the verdict is unknown)."""
    kind = pl.col("verdict").cast(pl.String)
    return answered.select(*PAIR, gold=pl.when(kind != "unknown").then(kind == "positive"))


def questions_of(sets: PairSets, collection: OfSplit) -> Questions:
    """The judge's questions about labelled pairs."""
    ranked = sets.pairs.with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
    )
    wanted = sets.shown_positives.join(ranked, on="query_id", how="semi")
    texts = collection.documents.texts(pl.concat([ranked["doc_id"], wanted["doc_id"]]).unique())
    return questions.of(ranked, sets.shown_positives, collection.queries(), texts)


def desk_of(given: Params, round: str, lines: list[dict], training: TrainingSet | None) -> Desk:
    """The judgment log, and the round's encoders if it is resolved."""
    models = None
    if RetrieveSettings.file(round=round).exists():
        settings = RetrieveSettings.read(round=round)
        models = Models(
            MODELS / settings.parent,
            settings.model,
            stage_settings.machine(),
            judges.teachers(lines),
        )
    return Desk(
        Ledger(), run_name("judge check"), given.seed, round, models=models, training=training
    )


def refuse_empty(sets: PairSets, collection: str, split: str) -> None:
    """Raises Refused if the pairs lack positives or negatives."""
    truth = sets.pairs["truth"].to_numpy()
    if truth.any() and not truth.all():
        return
    missing = "non-relevant documents" if truth.any() else "positives"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sets.left_out.items() if count)
    raise Refused(
        f"Split {split} of {collection} has no usable {missing} ({reasons or 'it is empty'}). A "
        "positive is usable if its query has "
        "another positive to show. `hide` in params.yaml holds positives out for this purpose."
    )


def refuse_silent(name: str, rows: pl.DataFrame) -> None:
    """Raises Refused if every verdict of the judge is unknown."""
    if (rows["verdict"].cast(pl.String) != "unknown").any():
        return
    reasons = rows["reason"].fill_null("no reason").value_counts(sort=True).head(3).rows()
    reason_counts = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
    raise Refused(
        f"Judge {name} returned no verdict on any of {len(rows):,} pairs: {reason_counts}. "
        "Nothing was written."
    )
