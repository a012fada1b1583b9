"""Judges of a round's negatives: verdicts, cost and disagreements."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.data.training_set import TrainingSet
from hone.files import read_json
from hone.layout import PAIR, ROUNDS, round_account, round_table
from hone.present.number_format import truncate

BANDS = (("1", 1, 1), ("2 to 3", 2, 3), ("4 to 10", 4, 10), ("11 and more", 11, None))
MAX_PAIRS = 6
# Parts of relabel.json that a round without a judge does not have.
NOTHING = {
    "control": None,
    "actions": {},
    "promotion": {},
    "over_budget": None,
    "unconfirmed": None,
}


@dataclass(frozen=True)
class Judge:
    """The verdicts of one judge of a cascade in a round, and their cost.

    Attributes:
        answers, tokens, money, seconds: of the judge calls of this round.
        before: number of cached answers from another round, checkout or check, which cost nothing.
        hidden, hidden_found: number of held-out positives among the pairs, and of those judged
            positive.
        agreed: fraction of pairs on which all its votes agree; null if it has one vote.
        yes_bias: excess probability of yes over the inverted prompt; null without an inverted
            prompt.
    """

    judge: str
    pairs: int
    positive: int
    negative: int
    unknown: int
    unknown_because: dict[str, int]
    sent_on: int | None
    answers: int
    tokens: int
    money: float
    seconds: float
    before: int
    hidden: int
    hidden_found: int
    by_band: list[dict]
    agreed: float | None = None
    yes_bias: float | None = None


@dataclass(frozen=True)
class Disagreement:
    """A pair on which two judges disagree, with its texts."""

    query: str
    doc_id: str
    text: str
    positive: str | None
    verdicts: list[dict]
    hidden: bool


@dataclass(frozen=True)
class JudgedRound:
    """One round whose negatives were judged."""

    round: str
    recipe: str
    judges: list[Judge]
    control: dict | None
    actions: dict[str, int]
    promotion: dict
    left_out: dict[str, str]
    over_budget: str | None
    unconfirmed: dict | None
    shares: list[dict]
    strata: list[dict]  # false-negative rates by source and rank band
    disagreements: list[Disagreement]


def read_judged_rounds(
    rounds: dict[str, dict],
    hidden: pl.DataFrame,
    training: TrainingSet,
    evidence: dict[str, list[dict]],
) -> list[JudgedRound]:
    """Every round with a judge, or whose judge was skipped.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        hidden: query_id, doc_id of the held-out positives.
        training: source of the texts.
        evidence: by round, the findings of `hone judge check` on its last judge.
    """
    made = []
    for name, item in rounds.items():
        account = read_json(round_account(name, "relabel"))
        if not account["judges"] and not account["left_out"]:
            continue
        rows = add_ranks(name, hidden)
        made.append(
            JudgedRound(
                round=name,
                recipe=item["recipe"],
                judges=[
                    count_judge(one, rows, place, account.get("run"), account.get("run_before"))
                    for place, one in enumerate(account["judges"], start=1)
                ],
                shares=[
                    found["share_of_false_negatives"]
                    for found in select_own_evidence(evidence.get(name, []))
                ],
                strata=[
                    row
                    for found in select_own_evidence(evidence.get(name, []))
                    for row in found.get("by_stratum") or []
                ],
                disagreements=find_disagreements(rows, name, training),
                left_out=account["left_out"],
                **{part: account.get(part, nothing) for part, nothing in NOTHING.items()},
            )
        )
    return made


def select_own_evidence(evidence: list[dict]) -> list[dict]:
    """Gold verdicts on false negatives among the round's own candidates, or among candidates
    mined in the same way.
    """
    return [
        found
        for found in evidence
        if found.get("share_of_false_negatives") and not found["elsewhere"]
    ]


def add_ranks(round: str, hidden: pl.DataFrame) -> pl.DataFrame:
    """The judgments of a round. Added: rank among the query's negatives, rank band, and whether the
    pair is a held-out positive.
    """
    folder = ROUNDS / round
    negatives = tables.read("negatives", folder / "negatives.parquet").select(
        *PAIR, rank=pl.int_range(1, pl.len() + 1).over("query_id")
    )
    band = pl.lit(BANDS[-1][0])
    for name, first, last in BANDS[:-1]:
        band = pl.when(pl.col("rank").is_between(first, last)).then(pl.lit(name)).otherwise(band)
    return (
        tables.read("judgments", folder / "judgments.parquet")
        .join(negatives, on=PAIR, how="left", maintain_order="left")
        .join(
            hidden.select(*PAIR, hidden=pl.lit(True)).unique(),
            on=PAIR,
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("hidden").fill_null(False), band=band)
    )


def count_judge(
    counted: dict, rows: pl.DataFrame, place: int, run: str | None, before: str | None = None
) -> Judge:
    """One judge's counts, with cost and held-out positives from the judgments.

    Args:
        counted: the judge's part of relabel.json.
        rows: the round's judgments.
        place: position of the judge in the cascade, from 1.
        run: prefix of the names of this round's runs.
        before: third word of run names of earlier versions; null if there are none.
    """
    own = rows.filter(pl.col("place") == place)
    paid = rows.filter(
        (pl.col("place") == place)
        | ((pl.col("place") == 0) & (pl.col("judge") == counted["judge"]))
    )
    bought = pl.col("run").str.starts_with(run or "").fill_null(False)
    if before:
        bought |= pl.col("run").str.contains(f" {before} ", literal=True).fill_null(False)
    found = pl.col("hidden") & (pl.col("verdict") == "positive")
    by_band = own.group_by("band").agg(
        pairs=pl.len(),
        positive=(pl.col("verdict") == "positive").sum(),
        hidden=pl.col("hidden").sum(),
        found=found.sum(),
    )
    order = {name: number for number, (name, *_) in enumerate(BANDS)}
    costs = paid.select(
        answers=pl.col("answer").filter(bought).drop_nulls().n_unique(),
        tokens=(pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0))
        .filter(bought)
        .sum(),
        money=pl.col("money").fill_null(0).filter(bought).sum(),
        seconds=pl.col("seconds").fill_null(0).filter(bought).sum(),
        before=pl.col("answer").filter(~bought).drop_nulls().n_unique(),
    ).row(0, named=True)
    total = (
        own.select(hidden=pl.col("hidden").sum(), hidden_found=found.sum()).row(0, named=True)
        | costs
    )
    return Judge(
        pairs=counted["asked"],
        **{
            name: counted[name]
            for name in (
                "judge",
                "positive",
                "negative",
                "unknown",
                "unknown_because",
                "sent_on",
            )
        },
        **total,
        **{name: counted.get(name) for name in ("agreed", "yes_bias")},
        by_band=sorted(by_band.to_dicts(), key=lambda row: order[row["band"]]),
    )


def find_disagreements(rows: pl.DataFrame, round: str, training: TrainingSet) -> list[Disagreement]:
    """Pairs that one judge calls positive and another negative, held-out positives first."""
    kinds = pl.col("verdict").cast(pl.String)
    split = rows.group_by(PAIR, maintain_order=True).agg(
        differs=(kinds == "positive").any() & (kinds == "negative").any(),
        hidden=pl.col("hidden").any(),
    )
    chosen = (
        split.filter("differs").sort("hidden", descending=True, maintain_order=True).head(MAX_PAIRS)
    )
    if chosen.is_empty():
        return []
    labels = tables.read("labels", round_table(round, "labels"))
    known = labels.filter((pl.col("label") == "positive") & (pl.col("judge") == "qrels")).unique(
        "query_id", keep="first"
    )
    known = known.join(chosen, on="query_id", how="semi")
    texts = dict(
        training.texts(pl.concat([chosen["doc_id"], known["doc_id"]]).unique())
        .select("doc_id", "full_text")
        .iter_rows()
    )
    queries = dict(
        training.queries()
        .join(chosen, on="query_id", how="semi")
        .select("query_id", "text")
        .iter_rows()
    )
    positives = dict(known.select("query_id", "doc_id").iter_rows())
    pair_verdicts = rows.join(chosen, on=PAIR, how="semi", maintain_order="left").select(
        *PAIR, "judge", kinds.alias("verdict"), "grade", "probability", "reason", "raw"
    )
    by_pair = pair_verdicts.partition_by(PAIR, as_dict=True)
    return [
        Disagreement(
            queries.get(query_id, query_id),
            doc_id,
            truncate(texts.get(doc_id, "")),
            truncate(texts.get(positives.get(query_id), "")) or None,
            by_pair[(query_id, doc_id)].to_dicts(),
            hidden,
        )
        for query_id, doc_id, hidden in chosen.select(*PAIR, "hidden").iter_rows()
    ]
