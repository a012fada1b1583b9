"""The first screen in questions: better, how sure, for whom worse, at what cost, which model to take."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.compare.contrast import Score
from hone.data import tables
from hone.data.rounds import made_by
from hone.layout import ROUNDS
from hone.present.number_format import count, signed
from tasks.report.relabelled import JudgedRound
from tasks.report.summary import Summary


@dataclass(frozen=True)
class Answer:
    """A question, its answer, and the section that shows it: its id, and what the link to it says."""

    asks: str
    says: str
    where: str
    link: str


def answer_questions(
    answer: Summary, found: list[Score], rounds: dict[str, dict], changed: list[dict], kinds: list[str], judged: list[JudgedRound],
    lengths: list[str],
) -> list[Answer]:  # fmt: skip
    """What a reader wants to know first.

    Args:
        answer: the page's sentences.
        found: every score.
        rounds: {name: {"from": .., "recipe": ..}}.
        changed: for each round and collection the queries that changed most.
        kinds: sentences on kinds of query that got worse while the whole got better.
        judged: what judges cost.
        lengths: a sentence for each collection of whose documents not all is read.
    """
    asked = ("judges", "What was asked") if judged else ("loss", "Loss by step")
    return [
        Answer("How sure is that?", " ".join(answer.sure), "scores", "Every score and interval"),
        Answer("For whom is it worse?", describe_losses(answer, found, changed, kinds), "queries", "Query by query"),
        Answer("At what cost?", describe_cost(answer.shown, rounds, judged), *asked),
        Answer("Which model to take?", f"{answer.choice} {loads(answer.take)}", "rounds", "How it was made"),
        *([Answer("What of the documents is not read?", " ".join(lengths), "settings", "How texts are read")] if lengths else []),
    ]


def describe_losses(answer: Summary, found: list[Score], changed: list[dict], kinds: list[str]) -> str:
    """How many queries a round answers worse than the base, which one most, and of which kind they are."""
    parts = []
    for one in found:
        if one.name != answer.shown or one.base is None:
            continue
        queries, by = count(one.queries, f"{one.split} query", f"{one.split} queries"), one.base
        parts.append(f"{by.worse:,} of {queries} of {one.collection} are worse, {by.better:,} better, {by.equal:,} equal.")
    rows = [row for one in changed if one["name"] == answer.shown for row in one["rows"] if row["change"] < 0]
    if rows:
        worst = min(rows, key=lambda row: row["change"])
        parts.append(f"The greatest loss is {signed(worst['change'])}: “{shorten(worst['text'] or worst['query_id'])}”.")
    return " ".join([*parts, *kinds]) or "There is nothing to hold it against."


def describe_cost(name: str, rounds: dict[str, dict], judged: list[JudgedRound]) -> str:
    """Steps of training, and what judges asked for, over all rounds that lead to one."""
    line = made_by(rounds, name)
    steps = sum(count_steps(one) for one in line)
    told = [f"{count(steps, 'step')} of training in {count(len(line), 'round')}."]
    judges = [judge for one in judged if one.round in line for judge in one.judges]
    if judges:
        answers, tokens, money, seconds = (sum(getattr(one, kind) for one in judges) for kind in ("answers", "tokens", "money", "seconds"))
        spent = f", {money:.2f} of money" if money else ""
        told.append(f"Judges answered {count(answers, 'question')}: {tokens:,} tokens, {seconds:,.0f} s{spent}.")
    return " ".join(told)


def count_steps(name: str) -> int:
    """Steps that a round trained."""
    last = tables.scan("trained", ROUNDS / name / "trained.parquet").select(pl.col("step").max()).collect().item()
    return int(last or 0)


def loads(name: str) -> str:
    return f'SentenceTransformer("models/{name}") loads it.'


def shorten(text: str, most: int = 120) -> str:
    """A text as a part of a sentence."""
    return text.rstrip(" .") if len(text) <= most else f"{text[: most - 1]}…"
