"""What judges made of a round's negatives: who was asked what, what was found, what it cost, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.data.training_set import TrainingSet
from hone.files import read_json
from hone.layout import PAIR, ROUNDS
from hone.present.number_format import truncate

BANDS = (("1", 1, 1), ("2 to 3", 2, 3), ("4 to 10", 4, 10), ("11 and more", 11, None))
SHOWN = 6
# Parts of an account that a round without a judge does not have.
NOTHING = {"control": None, "actions": {}, "promotion": {}, "over_budget": None, "unconfirmed": None}


@dataclass(frozen=True)
class Judge:
    """What one judge of a cascade said in a round, and what its answers cost there.

    Attributes:
        answers, tokens, money, seconds: of answers that this round asked for.
        before: how many answers it had from elsewhere: another round, checkout or check; they cost nothing again.
        hidden, hidden_found: pairs that are hidden right answers, and those of them that it found.
        agreed: share of pairs on which all its votes say the same; null: it has one.
        yes_bias: by how much it says yes more often than two opposite questions allow; null: it was not asked both.
    """

    judge: str
    asked: int
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
    """A pair on which two judges differ, with the texts to decide by."""

    query: str
    doc_id: str
    text: str
    positive: str | None
    said: list[dict]
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
    strata: list[dict]  # of these, by source and rank band
    disagreements: list[Disagreement]


def read_judged_rounds(
    rounds: dict[str, dict], hidden: pl.DataFrame, training: TrainingSet, evidence: dict[str, list[dict]]
) -> list[JudgedRound]:
    """Every round that a judge has read, or that should have been and was not.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        hidden: query_id, doc_id of right answers that training does not see.
        training: where texts come from.
        evidence: by round, what `hone judge check` found of its last judge.
    """
    made = []
    for name, item in rounds.items():
        account = read_json(ROUNDS / name / "relabel.json")
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
                shares=[found["share_of_false_negatives"] for found in select_own_evidence(evidence.get(name, []))],
                strata=[row for found in select_own_evidence(evidence.get(name, [])) for row in found.get("by_stratum") or []],
                disagreements=find_disagreements(rows, name, training),
                left_out=account["left_out"],
                **{part: account.get(part, nothing) for part, nothing in NOTHING.items()},
            )
        )
    return made


def select_own_evidence(evidence: list[dict]) -> list[dict]:
    """What gold verdicts on a round's own candidates, or on such as were mined alike, say of false negatives."""
    return [found for found in evidence if found.get("share_of_false_negatives") and not found["elsewhere"]]


def add_ranks(round: str, hidden: pl.DataFrame) -> pl.DataFrame:
    """The judgments of a round with each pair's rank among its query's negatives, its band, and whether it is a hidden answer."""
    folder = ROUNDS / round
    negatives = tables.read("negatives", folder / "negatives.parquet").select(*PAIR, rank=pl.int_range(1, pl.len() + 1).over("query_id"))
    band = pl.lit(BANDS[-1][0])
    for name, first, last in BANDS[:-1]:
        band = pl.when(pl.col("rank").is_between(first, last)).then(pl.lit(name)).otherwise(band)
    return (
        tables.read("judgments", folder / "judgments.parquet")
        .join(negatives, on=PAIR, how="left", maintain_order="left")
        .join(hidden.select(*PAIR, hidden=pl.lit(True)).unique(), on=PAIR, how="left", maintain_order="left")
        .with_columns(pl.col("hidden").fill_null(False), band=band)
    )


def count_judge(counted: dict, rows: pl.DataFrame, place: int, run: str | None, before: str | None = None) -> Judge:
    """One judge's part of the account, with costs and hidden answers from the judgments.

    Args:
        counted: of the account.
        rows: the round's judgments.
        place: of the judge in the cascade.
        run: how the names of the runs begin that worked for this round.
        before: the third word of such names as earlier versions gave; null: none.
    """
    own = rows.filter(pl.col("place") == place)
    paid = rows.filter((pl.col("place") == place) | ((pl.col("place") == 0) & (pl.col("judge") == counted["judge"])))
    bought = pl.col("run").str.starts_with(run or "").fill_null(False)
    if before:
        bought |= pl.col("run").str.contains(f" {before} ", literal=True).fill_null(False)
    found = pl.col("hidden") & (pl.col("verdict") == "positive")
    by_band = own.group_by("band").agg(
        pairs=pl.len(), positive=(pl.col("verdict") == "positive").sum(), hidden=pl.col("hidden").sum(), found=found.sum()
    )
    order = {name: number for number, (name, *_) in enumerate(BANDS)}
    costs = paid.select(
        answers=pl.col("answer").filter(bought).drop_nulls().n_unique(),
        tokens=(pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0)).filter(bought).sum(),
        money=pl.col("money").fill_null(0).filter(bought).sum(),
        seconds=pl.col("seconds").fill_null(0).filter(bought).sum(),
        before=pl.col("answer").filter(~bought).drop_nulls().n_unique(),
    ).row(0, named=True)
    total = own.select(hidden=pl.col("hidden").sum(), hidden_found=found.sum()).row(0, named=True) | costs
    return Judge(
        **{name: counted[name] for name in ("judge", "asked", "positive", "negative", "unknown", "unknown_because", "sent_on")},
        **total,
        **{name: counted.get(name) for name in ("agreed", "yes_bias")},
        by_band=sorted(by_band.to_dicts(), key=lambda row: order[row["band"]]),
    )


def find_disagreements(rows: pl.DataFrame, round: str, training: TrainingSet) -> list[Disagreement]:
    """Pairs that one judge finds right and another wrong, those first of which a hidden answer is known."""
    kinds = pl.col("verdict").cast(pl.String)
    split = rows.group_by(PAIR, maintain_order=True).agg(
        differs=(kinds == "positive").any() & (kinds == "negative").any(), hidden=pl.col("hidden").any()
    )
    chosen = split.filter("differs").sort("hidden", descending=True, maintain_order=True).head(SHOWN)
    if chosen.is_empty():
        return []
    labels = tables.read("labels", ROUNDS / round / "labels.parquet")
    known = labels.filter((pl.col("label") == "positive") & (pl.col("judge") == "qrels")).unique("query_id", keep="first")
    known = known.join(chosen, on="query_id", how="semi")
    texts = dict(training.texts(pl.concat([chosen["doc_id"], known["doc_id"]]).unique()).select("doc_id", "full_text").iter_rows())
    queries = dict(training.queries().join(chosen, on="query_id", how="semi").select("query_id", "text").iter_rows())
    positives = dict(known.select("query_id", "doc_id").iter_rows())
    said = rows.join(chosen, on=PAIR, how="semi", maintain_order="left").select(
        *PAIR, "judge", kinds.alias("verdict"), "grade", "probability", "reason", "raw"
    )
    by_pair = said.partition_by(PAIR, as_dict=True)
    return [
        Disagreement(
            queries.get(query_id, query_id), doc_id, truncate(texts.get(doc_id, "")),
            truncate(texts.get(positives.get(query_id), "")) or None, by_pair[(query_id, doc_id)].to_dicts(), hidden,
        )
        for query_id, doc_id, hidden in chosen.select(*PAIR, "hidden").iter_rows()
    ]  # fmt: skip
