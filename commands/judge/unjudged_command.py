"""`hone judge holes`: a judge reads what rankings show and nobody has judged, for a label set of its own (`inputs/labels/filled`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from commands.console import line
from commands.judge.check import desk_of, refuse_silent
from commands.judge.independence import PEOPLE, Filler, models_of, plain, refuse_related
from commands.judge.inputs import OfSplit, collection_of, judge_line, person_line, round_of
from commands.judge.unjudged_pairs import told_before, wanted_of
from commands.judge.unjudged_sheet import sheet_of_holes
from hone.config import params
from hone.config.params import BUILT_IN, Params
from hone.data import training_set
from hone.data.unknown_reasons import kinds
from hone.errors import Refused, nearest
from hone.ir import judge_labels
from hone.ir.judging_priority import heaviest_first, unjudged
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.judging.context import run_name
from hone.judging.run_judge import ask
from hone.layout import RUNS, TRAINING_LIST
from hone.llm.budget import Budget
from hone.present.number_format import count
from hone.seeds import seed_of

COMMAND = "hone judge holes"


def fill(
    name: str, on: str, depth: int = 10, limit: int | None = None, names: list[str] | None = None, split: str = "test",
    tokens: int | None = None, money: float | None = None, sheet: Path | None = None,
) -> pl.DataFrame | None:  # fmt: skip
    """Ask, print what was found, write it, and give back what the judge has filled of this collection in all.

    Args:
        name: an entry of params.yaml's `judges`, a judge with its defaults, or people:WHO.
        on: a collection that was evaluated.
        depth: what a ranking shows among its first so many documents is asked about.
        limit: most pairs; null: all.
        names: rounds and references whose rankings count; null: all of params.yaml that were evaluated there.
        split: whose queries: test or dev.
        tokens, money: what may be spent; null: no limit.
        sheet: a CSV on which a person is to judge the pairs; nothing else is done then, and nothing given back.

    Raises:
        Refused: no such judge, collection or ranking; a judge that had a part in what the rankings learned; nothing to fill; or the
            judge answered nothing.
    """
    given = params.read()
    collection = replace(collection_of(given, on, split), prefix="")
    judge = person_line(name.partition(":")[2], name) if name.startswith(f"{PEOPLE}:") else judge_line(given, name, COMMAND)
    if not 1 <= depth <= DEPTH or (limit is not None and limit < 1):
        raise Refused(f"--depth is between 1 and {DEPTH}, as far as rankings are written, and --limit 1 or more: not {depth} and {limit}.")
    if sheet is not None and judge["method"] != PEOPLE:
        raise Refused(f"--sheet {sheet}: a sheet is for a person, and {judge['name']} is none: `{COMMAND} people:NAME` is meant.")
    names = evaluated(given, on, names)
    filler = Filler(judge["name"], judge["method"], frozenset([judge["fingerprint"]]), models_of(judge, given))
    refuse_related(filler, names, given)
    runs = {one: ranking_of(one, on, DEPTH) for one in names}
    every = unjudged(list(runs.values()), collection.qrels(), collection.min_relevance)
    holes = heaviest_first(every.filter(pl.col("rank") <= depth), seed_of(given.seed, "judge.holes", on))
    wanted = wanted_of(holes, limit, collection, depth)
    if sheet is not None:
        sheet_of_holes(wanted, judge["name"], sheet, given.seed, limit is not None)
        return None
    round = round_of(given, None, needed=False)
    training = training_set.read() if TRAINING_LIST.exists() else None
    desk = replace(
        desk_of(given, round, [judge], training), budget=Budget(money=money, tokens=tokens),
        run=run_name(f"judge holes {on}"),
    )  # fmt: skip
    file = judge_labels.file_of(on, judge["name"])
    before = judge_labels.read(file) if file.exists() else None
    told_before(judge, wanted, every, names, depth, given, desk.ledger, training is not None)

    answered = pl.concat([ask(judge, block, desk) for block in wanted.blocks()])
    if desk.budget.over:
        line(f"{desk.budget.over.capitalize()}: what was not asked stays a hole; the same command goes on.")
    refuse_silent(judge["name"], answered)
    refuse_related(replace(filler, models=filler.models | set(map(plain, answered["model"].drop_nulls().unique()))), names, given)
    return kept(judge, filler, answered, before, collection, names)


def evaluated(given: Params, on: str, names: list[str] | None) -> list[str]:
    """Whose rankings count.

    Raises:
        Refused: one that is named has no ranking there, or nobody has.
    """
    there = sorted(file.parent.name for file in RUNS.glob(f"*/{on}.trec"))
    for name in names or ():
        if name not in there:
            raise Refused(f"'{name}' was not evaluated on {on}: {nearest(name, there)}")
    known = [name for name in (*BUILT_IN, *given.references, *given.rounds) if name in there]
    if not (names or known):
        raise Refused(f"nothing of params.yaml was evaluated on {on} yet: `dvc repro` writes the rankings whose holes are filled.")
    return list(dict.fromkeys(names or known))


def kept(
    judge: dict, filler: Filler, answered: pl.DataFrame, before: pl.DataFrame | None, collection: OfSplit, names: list[str]
) -> pl.DataFrame:  # fmt: skip
    """Write what was said beside what the same judge has filled before, and say what it is."""
    file = judge_labels.file_of(collection.name, judge["name"])
    about = {
        "split": collection.split, "judge": judge["name"], "method": judge["method"], "prompt": judge["parameters"].get("prompt"),
        "models": sorted(filler.models),
    }  # fmt: skip
    said = answered.filter((pl.col("verdict").cast(pl.String) != judge_labels.UNKNOWN) | pl.col("answer").is_not_null())
    now = said.rename({"asked_at": "answered"}).with_columns(pl.lit(value).alias(name) for name, value in about.items())
    now = now.select(pl.col(name).cast(kind) for name, kind in judge_labels.SCHEMA.items())
    before = now.clear() if before is None else before
    same = before.filter(pl.col("fingerprint") == judge["fingerprint"])
    if gone := len(before) - len(same):
        line(f"{count(gone, 'label')} of {judge['name']} with another model, prompt or parameters leave {file}; the ledger keeps them.")
    rows = judge_labels.merged(same, now)
    judge_labels.write(rows, file)
    line(tally(answered))
    two = " ".join(names[-2:]) if len(names) > 1 else f"{names[0]} ROUND"
    line(f"Written to {file}, which has {count(len(rows), 'pair')} now.")
    line(f"`hone compare {two} --on {collection.name} --filled {judge['name']}` shows what they say.")
    return rows


def tally(answered: pl.DataFrame) -> str:
    """How many are right and how many not, what could not be said, and what got no answer, with the reasons."""
    kind, told = pl.col("verdict").cast(pl.String), pl.col("answer").is_not_null()
    unknown = answered.filter(kind == judge_labels.UNKNOWN)
    parts = [("could not be said", unknown.filter(told)), ("got no answer", unknown.filter(~told))]
    because = [
        f"{len(rows):,} {what} ({', '.join(f'{reason} {number:,}' for reason, number in reasons_of(rows))})"
        for what, rows in parts
        if len(rows)
    ]
    counts = [f"{len(answered.filter(kind == word)):,} {name}" for word, name in (("positive", "right"), ("negative", "not right"))]
    return f"{', '.join([*counts, *because])}{'; these stay holes' if because else ''}."


def reasons_of(unknown: pl.DataFrame) -> list[tuple[str, int]]:
    """Why, and how often, the most frequent first."""
    return unknown.select(kinds())["reason"].fill_null("no reason").value_counts(sort=True).rows()
