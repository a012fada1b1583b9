"""relabel: negatives -> labels. Judges read the negatives, cheapest first, and what they find false is no longer one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from hone.config import params, stage_settings
from hone.config.methods import find
from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.data.pair_lookup import places, within
from hone.data.parquet_writer import Spool
from hone.data.questions import Questions, in_blocks
from hone.data.same_queries import share_labels
from hone.data.training_set import TrainingSet
from hone.data.unknown import is_dropped
from hone.data.unknown_reasons import kinds
from hone.encoders.round_encoders import Models
from hone.files import fingerprint, fingerprint_of_file, write_json
from hone.judging.annotation import overrides
from hone.judging.cascade import Cascade, nothing_said, run_cascade
from hone.judging.context import Desk, run_name
from hone.judging.versions import prompted, with_how
from hone.layout import PAIR, ROUNDS
from hone.llm.budget import NAMES, Budget
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.stage import run, say
from hone.training.teacher import note
from tasks.relabel import label_actions
from tasks.relabel.cascade_recall import missed
from tasks.relabel.initial_labels import joined
from tasks.relabel.promotion_gate import may_promote, only_shown


def main(round: str) -> None:
    """Write the labels that the round trains on, the answers that made them, and what left and why."""
    settings = stage_settings.of_round(round, "relabel")
    section = settings["relabel"]
    folder = ROUNDS / round
    training = training_set.read(unlabelled=settings["unlabelled"])
    known = carried_labels(settings["from"], training.queries(), settings["refreshed"])
    negatives = tables.read("negatives", folder / "negatives.parquet")
    sampled = tables.read("removed", folder / "removed" / "sample.parquet")
    labels = joined(known, negatives, sampled)
    decided = overrides.read()
    with Spool("judgments", folder / "judgments.parquet") as spool:
        if section == "none" or not section["cascade"]:
            removed, account = tables.empty("removed"), {"judges": [], "left_out": {} if section == "none" else section["left_out"]}
        else:
            retrieved = sampled.filter(pl.col("rule") == "labelled") if settings["unlabelled"] else None
            labels, removed, account = judged(labels, negatives, decided, known, training, settings, spool, retrieved)
    labels, account["overridden"] = overrides.applied(labels, decided, document_ids(training) if len(decided) else labels["doc_id"])
    tables.write("labels", share_labels(labels, training.queries(), decided), folder / "labels.parquet")
    tables.write("removed", removed, folder / "removed" / "relabel.parquet")
    write_json(folder / "relabel.json", account)
    counts = labels.select(label=pl.when(is_dropped()).then(pl.lit("dropped")).otherwise(pl.col("label").cast(pl.String)))
    counts = counts["label"].value_counts(sort=True)
    say(f"relabel {round}: {', '.join(f'{count:,} {label}' for label, count in counts.rows())}")


def judged(
    labels: pl.DataFrame, negatives: pl.DataFrame, decided: pl.DataFrame, known: pl.DataFrame, training: TrainingSet, settings: dict,
    spool: Spool, retrieved: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:  # fmt: skip
    """Labels, removed rows and an account of a round whose negatives judges have read, but for those that a person has decided.

    Args:
        retrieved: query_id, doc_id of candidates that are known answers; null: of known answers all are graded, retrieved or not.
    """
    section, round = settings["relabel"], settings["round"]
    ledger = Ledger()
    before = order_before(settings)
    if any(prompted(line) for line in section["cascade"]):
        judges_read = fingerprint_of_questions(negatives, known, training)
    else:
        judges_read = fingerprint_of_file(ROUNDS / round / "negatives.parquet")
    spending = Spending(ledger, judges_read, section["retry"], judges_of(section))
    negatives = without_decided(negatives, decided)
    here = f"{round} {spending.questions[:8]} "
    order = f"{here}{fingerprint(*spending.accounts.values())[:12]} "
    desk = Desk(
        ledger, run_name(order.rstrip()), settings["seed"], round,
        what_is_left(section["budget"], spending, before, round), section["retry"], Models.of(settings), training,
        draws=settings["draws"],
    )  # fmt: skip
    for name, reason in section["left_out"].items():
        say(f"relabel {round}: without the judge {name}: {reason}")
    asked = negatives if section["depth"] is None else negatives.filter(pl.int_range(pl.len()).over("query_id") < section["depth"])
    said = run_cascade(asked, known, training, section["cascade"], section["control"], desk, spool.add, ask)
    final = said.final(section["final"] == "all")
    decided = label_actions.actions(final, section["action"])
    unconfirmed = None
    if instead := section["unconfirmed"]:
        unconfirmed = {"pairs": len(decided.filter(label_actions.unread(section["confirmed_at"]))), "action": instead}
        decided = label_actions.unconfirmed(decided, instead, section["confirmed_at"])
        if unconfirmed["pairs"]:
            say(f"relabel {round}: {unconfirmed['pairs']:,} pairs were found and nobody confirmed them: {instead}")
    allowed, why = may_promote(section)
    if allowed and not section["force"]:
        last = section["cascade"][-1]["name"]
        proposed, decided = decided, only_shown(decided, last)
        if unshown := int((proposed["action"] != decided["action"]).sum()):
            say(f"relabel {round}: {unshown:,} pairs are dropped and not promoted: only a yes of {last} was shown to be right often enough")
    wanted = int((decided["action"] == label_actions.PROMOTE).sum())
    if not allowed and wanted:
        say(f"relabel {round}: {wanted:,} pairs are dropped and not promoted: {why}")
        decided = label_actions.without(label_actions.PROMOTE, label_actions.DROP, decided)
    made = label_actions.relabelled(labels, decided, section["most_hits"], section["grades"])
    tallies = {name: tally.figures() for name, tally in desk.tallies.items()}  # before known answers are graded, which are easier
    if section["grades"]:
        shown = made.labels if retrieved is None else of_same_text(made.labels, retrieved, training)
        made.labels = with_grades_of_positives(made.labels, shown, section["cascade"][-1], known, training, desk, spool.add)
    if desk.budget.over:
        say(f"relabel {round}: {desk.budget.over}")
    promotion = {"allowed": allowed, "why": why, "wanted": wanted}
    told = account(said, made, section, desk, tallies, (here, before), promotion)
    return made.labels, made.removed, told | {"unconfirmed": unconfirmed}


def judges_of(section: dict) -> list[str]:
    """The fingerprints of a cascade's judges, each once."""
    return list(dict.fromkeys(line["fingerprint"] for line in section["cascade"]))


def fingerprint_of_questions(negatives: pl.DataFrame, known: pl.DataFrame, training: TrainingSet) -> str:
    """A hash of what a round's judges read: every negative's query and document, and the known answers, in an order of their own.

    The same on every machine, in every folder and under every name of the round.
    """
    total = hashlib.blake2b(digest_size=16)
    for questions in in_blocks(negatives.sort(PAIR), known.sort(PAIR), training):
        pairs = questions.pairs.select(PAIR).sort(PAIR)
        for texts in (
            pairs["query_id"], pairs["doc_id"],
            questions.queries.sort("query_id")["text"], questions.documents.sort("doc_id")["full_text"],
        ):  # fmt: skip
            raw = "\0".join(texts).encode("utf-8", "surrogatepass")
            total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def order_before(settings: dict) -> str:
    """The third word of the names of runs of earlier versions that share this budget: they had no accounts in the ledger."""
    section = settings["relabel"]
    asked = [line["fingerprint"] for line in section["cascade"] if prompted(line)]
    negatives = fingerprint_of_file(ROUNDS / settings["round"] / "negatives.parquet")
    return word_before(negatives, section["retry"], asked)


def word_before(negatives: str, retry: int, judges: list[str]) -> str:
    """That word: a hash of the negatives' file, of the attempt, and of the judges that cost something."""
    return fingerprint(negatives, str(retry), *judges)[:12]


def what_is_left(limits: dict, spending: Spending, order: str, round: str) -> Budget:
    """The stage's budget, less what was spent on these questions by these judges, wherever and by whomever.

    Args:
        limits: by name; null: none.
        spending: the judges' accounts.
        order: names the runs of earlier versions, which count too.
        round: its name, to report what was spent.
    """
    budget = Budget(**limits, spending=spending)
    if any(limits[name] is not None for name in NAMES):
        before = spending.ledger.spent(order=order)
        budget.begun_with(before)
        total, open_ = spending.total(), spending.reserved()
        spent = {name: before[name] + total[name] for name in NAMES}
        if spent["pairs"]:
            told = f"{spent['pairs']:,} pairs, {spent['tokens']:,} tokens, {spent['money']:.4g} of money"
            say(f"relabel {round}: {told} of the budget are spent already, by earlier runs or by another that works now")
        if open_["tokens"] or open_["money"]:
            say(
                f"relabel {round}: of these, {open_['tokens']:,.0f} tokens and {open_['money']:.4g} of money are set aside for calls that "
                "have not ended, or whose process was killed; what those cost is not known, so they count in full"
            )
    return budget


def without_decided(negatives: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Negatives that no person has decided: a judge's word on the others would count for nothing, and cost."""
    return negatives.filter(~within(negatives, decided))


def ask(line: dict, questions: Questions, desk: Desk) -> pl.DataFrame:
    """What the judge of a cascade's line says: a row for every pair."""
    parameters = with_how(line, params.read().judges.get(line["name"]))
    desk = replace(desk, budget=desk.budget.of(line["fingerprint"]))
    made = find("relabel.judges", line["method"])(parameters, questions=questions, desk=desk, fingerprint=line["fingerprint"])
    lost = questions.pairs.join(made, on=PAIR, how="anti")
    if len(lost) or len(made) != len(questions.pairs):
        raise AssertionError(f"the judge {line['name']} gave {len(made)} rows for {len(questions.pairs)} pairs")
    return made


def of_same_text(labels: pl.DataFrame, retrieved: pl.DataFrame, training: TrainingSet) -> pl.DataFrame:
    """The labels whose document, or a copy of it, was retrieved for the query."""
    texts = training.texts(pl.concat([labels["doc_id"], retrieved["doc_id"]]).unique()).select("doc_id", "full_text")
    there = retrieved.join(texts, on="doc_id", how="inner").select("query_id", "full_text").unique()
    return labels.join(texts, on="doc_id", how="left", maintain_order="left").join(
        there, on=["query_id", "full_text"], how="semi", maintain_order="left"
    )


def with_grades_of_positives(
    labels: pl.DataFrame,
    shown: pl.DataFrame,
    line: dict,
    known: pl.DataFrame,
    training: TrainingSet,
    desk: Desk,
    keep: Callable[[pl.DataFrame], None],
) -> pl.DataFrame:
    """Labels whose known positives have the last judge's grade too, for a loss that learns from grades.

    `shown` are the labels whose known positives it grades. What it says of them is kept as answers of the place 0: they are no
    negatives, and no rule passes them on.
    """
    positives = shown.filter((pl.col("label") == "positive") & (pl.col("judge") == "qrels")).select(PAIR)
    graded = [nothing_said().select(*PAIR, "grade")]
    for questions in in_blocks(positives, known, training):
        answered = ask(line, questions, desk)
        keep(answered.with_columns(place=pl.lit(0, dtype=pl.Int32), judge=pl.lit(line["name"])))
        graded.append(answered.select(*PAIR, "grade"))
    own = pl.concat(graded)
    grade = own["grade"].gather(places(labels, own))
    return labels.with_columns(
        reason=pl.when(grade.is_not_null()).then(note(pl.lit(line["name"]))).otherwise("reason"), grade=pl.coalesce(grade, "grade")
    )


def account(
    said: Cascade, made: label_actions.Relabelled, section: dict, desk: Desk, tallies: dict[str, dict], runs: tuple[str, str],
    promotion: dict,
) -> dict:  # fmt: skip
    """What was asked, found, passed on, done and paid. `runs`: the beginning of their names, and the third word of earlier versions'."""
    return {
        "judges": [
            {
                "judge": name,
                "asked": len(frame),
                **{kind: int((frame["verdict"] == kind).sum()) for kind in ("positive", "negative", "unknown")},
                "unknown_because": dict(
                    frame.filter(pl.col("verdict") == "unknown").select(kinds())["reason"].value_counts(sort=True).rows()
                ),
                "sent_on": said.sent[place] if place < len(said.sent) else None,
                **tallies.get(section["cascade"][place]["fingerprint"], {}),
            }
            for place, (name, frame) in enumerate(zip(said.names, said.said, strict=True))
        ],
        "control": missed(said),
        "actions": made.actions,
        "promotion": promotion | {"forced": bool(section["force"] and promotion["wanted"])},
        "left_out": section["left_out"],
        "over_budget": desk.budget.over,
        "run": runs[0],
        "run_before": runs[1],
    }


def document_ids(training: TrainingSet) -> pl.Series:
    return pl.concat([collection.documents.ids for collection in training])


if __name__ == "__main__":
    run(main)
