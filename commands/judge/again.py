"""`hone judge check --again`: some old pairs are asked about once more, which shows whether the model behind a name has changed."""

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
from hone.judging.versions import prompted
from hone.layout import PAIR, TRAINING_LIST, round_table
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.present.number_format import count
from hone.seeds import seed_of
from hone.stats.proportions import wilson
from tasks.relabel.budget import fingerprint_of_questions, judges_of, order_before, what_is_left
from tasks.relabel.settings import RelabelSettings

PAIRS = 20
QUERIES_AT_ONCE = 200  # looked up in the ledger together
SHOWN = 5  # changed pairs that are named
KNOWN = pl.col("verdict") != "unknown"


def again(name: str, on: str, round: str | None = None, split: str | None = None, limit: int | None = None) -> dict:
    """Ask a judge about pairs that it has answered, each once, and say how many verdicts have changed.

    The new answers are kept as those of a judge of their own: what was judged before stays as it is. They count against the
    round's `relabel.budget`.

    Args:
        name: an entry of params.yaml's `judges`, or a judge with its defaults.
        on: a collection that the round trains on.
        round: whose negatives were judged; null: the last that has some.
        split: whose queries; null: those that the round trains on.
        limit: pairs; null: 20.

    Raises:
        Refused: a judge that asks no model, no old answers, or none that could be given again.
    """
    given = params.read()
    judge = judge_line(given, name)
    if not prompted(judge):
        raise Refused(
            f"the judge {name} asks no language model by a prompt: the same pair always has the same verdict, and nothing can change."
        )
    if limit is not None and limit < 1:
        raise Refused(f"--limit must be 1 or more: {limit} asks about nothing.")
    collection, round = collection_of(given, on, split), round_of(given, round, needed=True)
    training = training_set.read() if TRAINING_LIST.exists() else None
    negatives, labels = candidates_of(given, round, collection, training)
    desk = desk_of(given, round, [judge], training)
    queries = negatives.select("query_id").unique(maintain_order=True).with_columns(doc_id=pl.lit(""))
    drawn = in_order(queries, seed_of(given.seed, "judge.again", on)).sort("hash").select("query_id")
    whole = load(judge["parameters"]["prompt"]).kind == "listwise"

    old, blocks = [], []
    for questions in blocks_of(drawn, negatives, labels, training):
        found = ask(judge, questions, replace(desk, budget=no_budget())).filter(KNOWN)
        old.append(found)
        blocks.append(questions)
        if sum(len(part) if whole else part["query_id"].n_unique() for part in old) >= (limit or PAIRS):
            break
    before = chosen(pl.concat(old), limit or PAIRS, whole, seed_of(given.seed, "judge.again.pairs", on)) if old else pl.DataFrame()
    if before.is_empty():
        raise Refused(f"the ledger has no verdict of {name} on negatives of {on} in round {round}: there is nothing to ask again.")

    fresh = fresh_judge(judge, desk.run)
    spending = replace(desk, budget=budget_of(round, judge, desk.ledger))
    spent = spending.budget.spent
    line(f"{name} on {on}, round {round}: {count(len(before), 'pair')} of {before['query_id'].n_unique():,} queries are asked again.")
    parts = [questions.only(before) for questions in blocks]
    now = pl.concat([ask_fresh(fresh, part, spending) for part in parts if len(part)])
    return told(name, before, now, spending, spent)


def budget_of(round: str, judge: dict, ledger: Ledger) -> Budget | JudgeBudget:
    """What a round's `relabel.budget` leaves. Where the judge is one of the round's, what is spent counts there too."""
    settings = RelabelSettings.read(round=round) if RelabelSettings.file(round=round).exists() else None
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
    return what_is_left(section.budget.model_dump(), spending, order_before(settings), round).of(judge["fingerprint"])


def blocks_of(
    drawn: pl.DataFrame, negatives: pl.DataFrame, labels: pl.DataFrame, training: training_set.TrainingSet
) -> Iterator[Questions]:
    """Questions about the negatives of some queries at a time, in the order in which the queries were drawn."""
    for start in range(0, len(drawn), QUERIES_AT_ONCE):
        part = negatives.join(drawn.slice(start, QUERIES_AT_ONCE), on="query_id", how="semi", maintain_order="left")
        yield from in_blocks(part, labels, training)


def no_budget() -> Budget:
    """A budget that buys nothing, so that only the ledger answers."""
    budget = Budget()
    budget.over = "only what the ledger has counts here"
    return budget


def chosen(old: pl.DataFrame, most: int, whole: bool, seed: int) -> pl.DataFrame:
    """Old verdicts that are asked for again: of a listwise prompt whole queries, for it compares their documents; else some drawn by
    the seed, of as many queries as there are.
    """
    if whole:
        sizes = old.group_by("query_id", maintain_order=True).len()
        enough = sizes.filter(pl.col("len").cum_sum() - pl.col("len") < most)
        return old.join(enough, on="query_id", how="semi", maintain_order="left")
    return old.join(spread(in_order(old.select(PAIR), seed), most), on=PAIR, how="semi", maintain_order="left")


def fresh_judge(judge: dict, run: str) -> dict:
    """The same judge under a name of its own in the ledger, asked once."""
    once = {name: value for name, value in {"votes": 1, "twice": False, "swap": False}.items() if name in judge["parameters"]}
    return judge | {"parameters": judge["parameters"] | once, "fingerprint": variant(judge["fingerprint"], f"again {run}")}


def ask_fresh(judge: dict, questions: Questions, desk: Desk) -> pl.DataFrame:
    return find("relabel.judges", judge["method"])(judge["parameters"], questions=questions, desk=desk, fingerprint=judge["fingerprint"])


def configurations(ledger: Ledger, numbers: pl.Series) -> list[str]:
    """Every `system_fingerprint` that some answers were reported with."""
    from sqlalchemy import select

    from hone.llm.ledger.tables import answers

    with ledger.reading() as connection:
        query = select(answers.c.details).where(answers.c.number.in_(numbers.drop_nulls().to_list()), answers.c.details.is_not(None))
        found = [json.loads(row).get("system_fingerprint") for row in connection.execute(query).scalars()]
    return sorted({one for one in found if one})


def told(name: str, before: pl.DataFrame, now: pl.DataFrame, desk: Desk, earlier: dict[str, float]) -> dict:
    """What has changed, said and given back: pairs that both times have a verdict, how many of these differ, and the models' names.

    Args:
        name: of the judge.
        before, now: its verdicts.
        desk: ledger and budget.
        earlier: what was spent of the budget before.
    """
    both = before.join(now, on=PAIR, how="inner", suffix="_now", maintain_order="left").filter(pl.col("verdict_now") != "unknown")
    if both.is_empty():
        reasons = ", ".join(sorted(set(now["reason"].fill_null("no reason"))))
        raise Refused(f"the judge {name} answered none of {count(len(now), 'pair')}: {reasons}.")
    changed = both.filter(pl.col("verdict").cast(pl.String) != pl.col("verdict_now").cast(pl.String))
    low, high = wilson(len(changed), len(both))
    since = before["asked_at"].drop_nulls()
    line(
        f"{len(changed):,} of {count(len(both), 'verdict')} have changed since {str(since.min())[:10]} to {str(since.max())[:10]} "
        f"(95 % CI {100 * low:.0f} to {100 * high:.0f} %); {len(now) - len(both):,} could not be read."
    )
    for query, doc, then, here in changed.select(*PAIR, "verdict", "verdict_now").head(SHOWN).iter_rows():
        line(f"  {query} {doc}: {then}, now {here}")
    models = {when: sorted(frame["model"].drop_nulls().unique()) for when, frame in (("then", before), ("now", now))}
    if models["then"] != models["now"]:
        line(f"The endpoint reported {', '.join(models['then']) or 'no name'} then and {', '.join(models['now']) or 'no name'} now.")
    systems = [configurations(desk.ledger, frame["answer"]) for frame in (before, now)]
    if systems[0] != systems[1] and all(systems):
        line(f"Its system_fingerprint was {', '.join(systems[0])} then and is {', '.join(systems[1])} now.")
    if len(changed):
        line("If it is more than chance (ask again to see), give the judge another `version`: its pairs are then judged anew.")
    spent = {what: amount - earlier[what] for what, amount in desk.budget.spent.items()}
    line(f"{spent['tokens']:,} tokens, {spent['money']:.4g} of money.")
    return {"asked": len(now), "read": len(both), "changed": len(changed), "interval": [low, high], "models": models, "spent": spent,
            "made": time.strftime("%Y-%m-%d")}  # fmt: skip
