"""The first screen: what a reader asks first, with the answers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.compare.contrast import Score
from hone.data import tables
from hone.data.rounds import made_by
from hone.layout import round_table
from hone.present.number_format import count, format_change
from tasks.report.relabelled import JudgedRound
from tasks.report.summary import Summary


@dataclass(frozen=True)
class Answer:
    """A question with its answer; `where` is the anchor of the section that shows it, `link` the
    text of the link to it.
    """

    asks: str
    says: str
    where: str
    link: str


def answer_questions(
    answer: Summary,
    found: list[Score],
    rounds: dict[str, dict],
    changed: list[dict],
    kinds: list[str],
    judged: list[JudgedRound],
    lengths: list[str],
) -> list[Answer]:
    """The questions of the first screen with their answers.

    Args:
        answer: the summary.
        found: every score.
        rounds: {name: {"from": .., "recipe": ..}}.
        changed: for each round and collection, the queries that changed most.
        kinds: sentences on query slices that got worse although the mean got better.
        judged: the rounds with judges, and what they cost.
        lengths: a sentence for each collection whose documents are truncated.
    """
    cost_link = ("judges", "Verdicts and costs") if judged else ("loss", "Loss by step")
    return [
        Answer(
            "Is the difference significant?",
            " ".join(answer.sure),
            "scores",
            "All scores and intervals",
        ),
        Answer(
            "Which queries got worse?",
            describe_losses(answer, found, changed, kinds),
            "queries",
            "All changes by query",
        ),
        Answer(
            "What did it cost?", describe_cost(answer.reported_round, rounds, judged), *cost_link
        ),
        Answer(
            "Which model should I use?",
            f"{answer.choice} {describe_loading(answer.take)}",
            "rounds",
            "Rounds and recipes",
        ),
        *(
            [
                Answer(
                    "Are documents truncated?",
                    " ".join(lengths),
                    "settings",
                    "Settings of the model",
                )
            ]
            if lengths
            else []
        ),
    ]


def describe_losses(
    answer: Summary, found: list[Score], changed: list[dict], kinds: list[str]
) -> str:
    """How many queries are worse than in the baseline, which one lost most, and in which slices
    they are.
    """
    parts = []
    for one in found:
        if one.name != answer.reported_round or one.base is None:
            continue
        queries, by = (
            count(one.queries, f"{one.split_name} query", f"{one.split_name} queries"),
            one.base,
        )
        parts.append(
            f"{by.worse:,} of {queries} of {one.collection} are worse, {by.better:,} better, "
            f"{by.equal:,} equal."
        )
    rows = [
        row
        for one in changed
        if one["name"] == answer.reported_round
        for row in one["rows"]
        if row["change"] < 0
    ]
    if rows:
        worst = min(rows, key=lambda row: row["change"])
        parts.append(
            f"The largest loss is {format_change(worst['change'])}: "
            f"“{shorten(worst['text'] or worst['query_id'])}”."
        )
    return " ".join([*parts, *kinds]) or "There is no baseline to compare it with."


def describe_cost(name: str, rounds: dict[str, dict], judged: list[JudgedRound]) -> str:
    """Training steps and judge cost of all rounds that lead to one."""
    line = made_by(rounds, name)
    steps = sum(count_steps(one) for one in line)
    sentences = [f"{count(steps, 'training step')} in {count(len(line), 'round')}."]
    judges = [judge for one in judged if one.round in line for judge in one.judges]
    if judges:
        answers, tokens, money, seconds = (
            sum(getattr(one, kind) for one in judges)
            for kind in ("answers", "tokens", "money", "seconds")
        )
        spent = f", cost {money:.2f}" if money else ""
        sentences.append(
            f"{count(answers, 'judge call')}: {tokens:,} tokens, {seconds:,.0f} s{spent}."
        )
    return " ".join(sentences)


def count_steps(name: str) -> int:
    """Number of training steps of a round."""
    last = (
        tables.scan("trained", round_table(name, "trained"))
        .select(pl.col("step").max())
        .collect()
        .item()
    )
    return int(last or 0)


def describe_loading(name: str) -> str:
    """How to load a model."""
    return f'Load it with SentenceTransformer("models/{name}").'


def shorten(text: str, most: int = 120) -> str:
    """A text as part of a sentence, truncated."""
    return text.rstrip(" .") if len(text) <= most else f"{text[: most - 1]}…"
