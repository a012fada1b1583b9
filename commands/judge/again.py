"""`hone judge check --again`: query a judge again for judged pairs, to detect a changed model
behind the same name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from commands.console import line
from commands.judge.check import desk_of
from commands.judge.inputs import candidates_of, collection_of, judge_line, round_of
from hone.config import params
from hone.config.methods import find
from hone.config.stage_settings import NONE
from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.data.questions import Questions, in_blocks
from hone.errors import Refused
from hone.judging.context import Desk
from hone.judging.fingerprint import variant
from hone.judging.prompt import load
from hone.judging.reliability.probe_pairs import in_order, spread
from hone.judging.run_judge import ask
from hone.judging.transfers import judge_transfers
from hone.judging.versions import prompted
from hone.layout import PAIR, TRAINING_LIST, round_table
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.present.number_format import count
from hone.seeds import seed_of
from hone.stats.proportions import wilson
from hone.transfer import announce
from tasks.relabel.budget import fingerprint_of_questions, judges_of, order_before, what_is_left
from tasks.relabel.settings import RelabelSettings

PAIRS = 20
QUERIES_AT_ONCE = 200  # looked up in the judgment log together
MAX_PAIRS = 5  # changed pairs to list
KNOWN = pl.col("verdict") != "unknown"


def again(
    name: str, on: str, round: str | None = None, split: str | None = None, limit: int | None = None
) -> dict:
    """Query a judge once more for judged pairs, and report how many verdicts changed.

    The new answers are recorded under a judge of their own, so the earlier judgments stay as they
    are. They count against the round's `relabel.budget`.

    Args:
        name: an entry of params.yaml's `judges`, or a judge with its defaults.
        on: a collection that the round trains on.
        round: the round whose negatives were judged; null: the last one with negatives.
        split: the split of the queries; null: the queries that the round trains on.
        limit: number of pairs; null: 20.

    Raises:
        Refused: the judge uses no language model, has no recorded verdicts, or returned no usable
            answer.
    """
    given = params.read()
    judge = judge_line(given, name)
    if not prompted(judge):
        raise Refused(
            f"Judge {name} does not prompt a language model, so its verdict on a pair never "
            "changes. Use --again for LLM judges only."
        )
    if limit is not None and limit < 1:
        raise Refused(f"--limit is {limit}. Use 1 or more.")
    collection, round = collection_of(given, on, split), round_of(given, round, needed=True)
    training = training_set.read() if TRAINING_LIST.exists() else None
    negatives, labels = candidates_of(given, round, collection, training)
    desk = desk_of(given, round, [judge], training)
    queries = (
        negatives.select("query_id").unique(maintain_order=True).with_columns(doc_id=pl.lit(""))
    )
    drawn = (
        in_order(queries, seed_of(given.seed, "judge.again", on)).sort("hash").select("query_id")
    )
    whole = load(judge["parameters"]["prompt"]).kind == "listwise"

    old, blocks = [], []
    for questions in blocks_of(drawn, negatives, labels, training):
        found = ask(judge, questions, replace(desk, budget=no_budget())).filter(KNOWN)
        old.append(found)
        blocks.append(questions)
        if sum(len(part) if whole else part["query_id"].n_unique() for part in old) >= (
            limit or PAIRS
        ):
            break
    before = (
        chosen(pl.concat(old), limit or PAIRS, whole, seed_of(given.seed, "judge.again.pairs", on))
        if old
        else pl.DataFrame()
    )
    if before.is_empty():
        raise Refused(
            f"The judgment log has no verdict of {name} on negatives of {on} in round {round}. "
            "Run `dvc repro` first."
        )

    fresh = fresh_judge(judge, desk.run)
    spending = replace(desk, budget=budget_of(round, judge, desk.ledger))
    spent = spending.budget.spent
    line(
        f"{name} on {on}, round {round}: {count(len(before), 'pair')} of "
        f"{before['query_id'].n_unique():,} queries are judged again."
    )
    parts = [questions.only(before) for questions in blocks]
    limit_text = f"at most {len(before):,} pairs"
    announce(judge_transfers([judge], given.judges, [on], limit_text), "judge check --again")
    now = pl.concat([ask_fresh(fresh, part, spending) for part in parts if len(part)])
    return report_changes(name, before, now, spending, spent)


def budget_of(round: str, judge: dict, ledger: Ledger) -> Budget | JudgeBudget:
    """The rest of a round's `relabel.budget`. If the round uses the judge, the new calls count
    against it.
    """
    settings = (
        RelabelSettings.read(round=round) if RelabelSettings.file(round=round).exists() else None
    )
    if settings is None or settings.relabel == NONE:
        return Budget()
    section = settings.relabel
    if judge["fingerprint"] not in judges_of(section):
        return Budget(**section.budget.model_dump())
    negatives = tables.read("negatives", round_table(round, "negatives"))
    training = training_set.read(unlabelled=settings.unlabelled)
    known = carried_labels(settings.parent, training.queries(), settings.refreshed)
    questions = fingerprint_of_questions(negatives, known, training)
    spending = Spending(ledger, questions, section.retry, judges_of(section))
    return what_is_left(section.budget.model_dump(), spending, order_before(settings), round).of(
        judge["fingerprint"]
    )


def blocks_of(
    drawn: pl.DataFrame,
    negatives: pl.DataFrame,
    labels: pl.DataFrame,
    training: training_set.TrainingSet,
) -> Iterator[Questions]:
    """Questions about the negatives of QUERIES_AT_ONCE queries at a time, in the random order of
    the queries.
    """
    for start in range(0, len(drawn), QUERIES_AT_ONCE):
        part = negatives.join(
            drawn.slice(start, QUERIES_AT_ONCE), on="query_id", how="semi", maintain_order="left"
        )
        yield from in_blocks(part, labels, training)


def no_budget() -> Budget:
    """A budget that allows no calls, so that all answers come from the judgment log."""
    budget = Budget()
    budget.over = "only recorded judgments are used here"
    return budget


def chosen(old: pl.DataFrame, most: int, whole: bool, seed: int) -> pl.DataFrame:
    """The verdicts to request again. A listwise prompt compares the documents of a query, so whole
    queries are chosen. Otherwise, random pairs from as many queries as possible are chosen.
    """
    if whole:
        sizes = old.group_by("query_id", maintain_order=True).len()
        enough = sizes.filter(pl.col("len").cum_sum() - pl.col("len") < most)
        return old.join(enough, on="query_id", how="semi", maintain_order="left")
    return old.join(
        spread(in_order(old.select(PAIR), seed), most), on=PAIR, how="semi", maintain_order="left"
    )


def fresh_judge(judge: dict, run: str) -> dict:
    """The same judge with a new fingerprint in the judgment log, and with one call per pair."""
    once = {
        name: value
        for name, value in {"votes": 1, "twice": False, "swap": False}.items()
        if name in judge["parameters"]
    }
    return judge | {
        "parameters": judge["parameters"] | once,
        "fingerprint": variant(judge["fingerprint"], f"again {run}"),
    }


def ask_fresh(judge: dict, questions: Questions, desk: Desk) -> pl.DataFrame:
    return find("relabel.judges", judge["method"])(
        judge["parameters"], questions=questions, desk=desk, fingerprint=judge["fingerprint"]
    )


def configurations(ledger: Ledger, numbers: pl.Series) -> list[str]:
    """Every `system_fingerprint` that the endpoint reported for some answers."""
    from sqlalchemy import select

    from hone.llm.ledger.tables import answers

    with ledger.reading() as connection:
        query = select(answers.c.details).where(
            answers.c.number.in_(numbers.drop_nulls().to_list()), answers.c.details.is_not(None)
        )
        found = [
            json.loads(row).get("system_fingerprint") for row in connection.execute(query).scalars()
        ]
    return sorted({one for one in found if one})


def report_changes(
    name: str, before: pl.DataFrame, now: pl.DataFrame, desk: Desk, earlier: dict[str, float]
) -> dict:
    """Print and return the changes: pairs with two verdicts, how many differ, and the reported
    model names.

    Args:
        name: the judge's name.
        before, now: its verdicts.
        desk: judgment log and budget.
        earlier: budget spent before.
    """
    both = before.join(now, on=PAIR, how="inner", suffix="_now", maintain_order="left").filter(
        pl.col("verdict_now") != "unknown"
    )
    if both.is_empty():
        reasons = ", ".join(sorted(set(now["reason"].fill_null("no reason"))))
        raise Refused(
            f"Judge {name} returned no verdict on any of {count(len(now), 'pair')}: {reasons}."
        )
    changed = both.filter(
        pl.col("verdict").cast(pl.String) != pl.col("verdict_now").cast(pl.String)
    )
    low, high = wilson(len(changed), len(both))
    since = before["asked_at"].drop_nulls()
    line(
        f"{len(changed):,} of {count(len(both), 'verdict')} have changed since "
        f"{str(since.min())[:10]} to {str(since.max())[:10]} "
        f"(95 % CI {100 * low:.0f} to {100 * high:.0f} %); {len(now) - len(both):,} answers could "
        "not be parsed."
    )
    for query, doc, then, here in (
        changed.select(*PAIR, "verdict", "verdict_now").head(MAX_PAIRS).iter_rows()
    ):
        line(f"  {query} {doc}: {then}, now {here}")
    models = {
        when: sorted(frame["model"].drop_nulls().unique())
        for when, frame in (("then", before), ("now", now))
    }
    if models["then"] != models["now"]:
        line(
            f"Reported model: {', '.join(models['then']) or 'no name'} then, "
            f"{', '.join(models['now']) or 'no name'} now."
        )
    systems = [configurations(desk.ledger, frame["answer"]) for frame in (before, now)]
    if systems[0] != systems[1] and all(systems):
        line(
            f"Its system_fingerprint was {', '.join(systems[0])} then and is "
            f"{', '.join(systems[1])} now."
        )
    if len(changed):
        line(
            "If a second run confirms the change, set a new `version` of the judge. Its pairs are "
            "then judged again."
        )
    spent = {what: amount - earlier[what] for what, amount in desk.budget.spent.items()}
    line(f"{spent['tokens']:,} tokens, cost {spent['money']:.4g}.")
    return {
        "asked": len(now),
        "read": len(both),
        "changed": len(changed),
        "interval": [low, high],
        "models": models,
        "spent": spent,
        "made": time.strftime("%Y-%m-%d"),
    }
