"""The labels of a round after its cascade of judges has read the negatives."""

from __future__ import annotations

import polars as pl

from hone.config import params
from hone.data.pair_lookup import within
from hone.data.parquet_writer import Spool
from hone.data.training_set import TrainingSet
from hone.data.unknown_reasons import kinds
from hone.encoders.round_encoders import Models
from hone.files import fingerprint, fingerprint_of_file
from hone.judging.cascade import Cascade, no_verdicts
from hone.judging.context import Desk, run_name
from hone.judging.resolved_relabel import ResolvedRelabel
from hone.judging.run_judge import ask
from hone.judging.transfers import format_limits, judge_transfers
from hone.judging.versions import prompted
from hone.layout import PAIR, round_table
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.stage import say
from hone.transfer import announce
from tasks.relabel import label_actions
from tasks.relabel.budget import fingerprint_of_questions, judges_of, order_before, what_is_left
from tasks.relabel.cascade_recall import missed
from tasks.relabel.positive_grades import grade_positives, of_same_text, with_grades
from tasks.relabel.promotion_gate import may_promote, require_last_verdict
from tasks.relabel.settings import RelabelSettings


def judged(
    labels: pl.DataFrame,
    negatives: pl.DataFrame,
    decided: pl.DataFrame,
    known: pl.DataFrame,
    training: TrainingSet,
    settings: RelabelSettings,
    spool: Spool,
    retrieved: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    """Labels, removed rows and an account of a round after judges have read its negatives. Pairs
    decided by a person are not read.

    Args:
        labels: positives and negatives of the round, before any judge.
        negatives: of the round.
        decided: decisions of people.
        known: labels of the parent round.
        training: source of the texts.
        settings: of the stage.
        spool: writes the table `judgments`, block by block.
        retrieved: query_id, doc_id of candidates that are labelled positives; null: all labelled
            positives are graded.
    """
    section, round = settings.relabel, settings.round
    ledger = Ledger()
    before = order_before(settings)
    if any(prompted(line) for line in section.cascade):
        judges_read = fingerprint_of_questions(negatives, known, training)
    else:
        judges_read = fingerprint_of_file(round_table(round, "negatives"))
    spending = Spending(ledger, judges_read, section.retry, judges_of(section))
    negatives = without_decided(negatives, decided)
    here = f"{round} {spending.questions[:8]} "
    order = f"{here}{fingerprint(*spending.accounts.values())[:12]} "
    desk = Desk(
        ledger,
        run_name(order.rstrip()),
        settings.seed,
        round,
        what_is_left(section.budget.model_dump(), spending, before, round),
        section.retry,
        Models.of(settings),
        training,
        draws=settings.draws,
    )
    for name, reason in section.left_out.items():
        say(f"relabel {round}: judge {name} is left out: {reason}")
    pairs = (
        negatives
        if section.depth is None
        else negatives.filter(pl.int_range(pl.len()).over("query_id") < section.depth)
    )
    limits = format_limits(section.budget)
    sent = judge_transfers(section.cascade, params.read().judges, section.train_on, limits)
    announce(sent, f"relabel {round}")
    cascade = Cascade(section.cascade)
    for block in cascade.run(pairs, known, training, section.control, desk, ask):
        spool.add(block)
    final = cascade.final(section.final == "all")
    decided = label_actions.actions(final, section.action)
    unconfirmed = None
    if instead := section.unconfirmed:
        unconfirmed = {
            "pairs": len(decided.filter(label_actions.unread(section.confirmed_at))),
            "action": instead,
        }
        decided = label_actions.unconfirmed(decided, instead, section.confirmed_at)
        if unconfirmed["pairs"]:
            say(
                f"relabel {round}: {unconfirmed['pairs']:,} pairs are positive and no later judge "
                f"confirmed them: {instead}"
            )
    allowed, why = may_promote(section)
    if allowed and not section.force:
        last = section.cascade[-1]["name"]
        proposed, decided = decided, require_last_verdict(decided, last)
        if unshown := int((proposed["action"] != decided["action"]).sum()):
            say(
                f"relabel {round}: {unshown:,} pairs are dropped, not promoted: the precision was "
                f"measured only for positives of {last}"
            )
    wanted = int((decided["action"] == label_actions.PROMOTE).sum())
    if not allowed and wanted:
        say(f"relabel {round}: {wanted:,} pairs are dropped, not promoted: {why}")
        decided = label_actions.without(label_actions.PROMOTE, label_actions.DROP, decided)
    made = label_actions.relabelled(labels, decided, section.most_hits, section.grades)
    tallies = {
        name: tally.figures() for name, tally in desk.tallies.items()
    }  # before positives are graded, which are easier
    if section.grades:
        labels_to_grade = (
            made.labels if retrieved is None else of_same_text(made.labels, retrieved, training)
        )
        graded, last = [no_verdicts().select(*PAIR, "grade")], section.cascade[-1]
        for block in grade_positives(labels_to_grade, last, known, training, desk):
            spool.add(block)
            graded.append(block.select(*PAIR, "grade"))
        made.labels = with_grades(made.labels, pl.concat(graded), last["name"])
    if desk.budget.over:
        say(f"relabel {round}: {desk.budget.over}")
    promotion = {"allowed": allowed, "why": why, "wanted": wanted}
    counts = account(cascade, made, section, desk, tallies, (here, before), promotion)
    return made.labels, made.removed, counts | {"unconfirmed": unconfirmed}


def without_decided(negatives: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Negatives that no person has decided: a judge's verdict on the others would cost something
    and not be used.
    """
    return negatives.filter(~within(negatives, decided))


def account(
    cascade: Cascade,
    made: label_actions.Relabelled,
    section: ResolvedRelabel,
    desk: Desk,
    tallies: dict[str, dict],
    runs: tuple[str, str],
    promotion: dict,
) -> dict:
    """Counts of what was judged, found, escalated, changed and paid.

    Args:
        cascade: after its run.
        made: labels and actions.
        section: settings.
        desk: budget.
        tallies: agreement of judges with several answers per question, by fingerprint.
        runs: the beginning of the runs' names, and the third word of those of earlier versions.
        promotion: whether positives may be promoted, and why not.
    """
    return {
        "judges": [
            {
                "judge": name,
                "asked": len(frame),
                **{
                    kind: int((frame["verdict"] == kind).sum())
                    for kind in ("positive", "negative", "unknown")
                },
                "unknown_because": dict(
                    frame.filter(pl.col("verdict") == "unknown")
                    .select(kinds())["reason"]
                    .value_counts(sort=True)
                    .rows()
                ),
                "sent_on": cascade.sent[place] if place < len(cascade.sent) else None,
                **tallies.get(section.cascade[place]["fingerprint"], {}),
            }
            for place, (name, frame) in enumerate(zip(cascade.names, cascade.answers, strict=True))
        ],
        "control": missed(cascade),
        "actions": made.actions,
        "promotion": promotion | {"forced": bool(section.force and promotion["wanted"])},
        "left_out": section.left_out,
        "over_budget": desk.budget.over,
        "run": runs[0],
        "run_before": runs[1],
    }
