"""`hone judge unjudged`: judge unjudged documents in rankings. The labels are written to
`inputs/labels/filled`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from commands.console import line
from commands.judge.check import desk_of, refuse_silent
from commands.judge.independence import PEOPLE, Filler, models_of, plain, refuse_related
from commands.judge.inputs import OfSplit, collection_of, judge_line, person_line, round_of
from commands.judge.unjudged_pairs import announce_calls, wanted_of
from commands.judge.unjudged_sheet import sheet_of_holes
from hone.config import params
from hone.config.params import BUILT_IN, Params
from hone.config.sections.relabel import Budget as Limits
from hone.data import training_set
from hone.data.unknown_reasons import kinds
from hone.errors import Refused, nearest
from hone.ir import judge_labels
from hone.ir.judging_priority import heaviest_first, unjudged
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.judging.context import run_name
from hone.judging.run_judge import ask
from hone.judging.transfers import default_budget, format_limits, judge_transfers
from hone.judging.versions import with_how
from hone.layout import RUNS, TRAINING_LIST
from hone.llm.budget import Budget
from hone.present.number_format import count
from hone.seeds import seed_of
from hone.transfer import announce

COMMAND = "hone judge unjudged"


def fill(
    name: str,
    on: str,
    depth: int = 10,
    limit: int | None = None,
    names: list[str] | None = None,
    split: str = "test",
    tokens: int | None = None,
    money: float | None = None,
    sheet: Path | None = None,
) -> pl.DataFrame | None:
    """Judge unjudged documents, print and write the labels, and return all labels of this judge on
    the collection.

    Args:
        name: an entry of params.yaml's `judges`, a judge with its defaults, or people:NAME.
        on: an evaluated collection.
        depth: documents in the first `depth` ranks are judged.
        limit: largest number of pairs; null: all.
        names: rounds and references whose rankings count; null: all of params.yaml that were
            evaluated on the collection.
        split: test or dev.
        tokens, money: budget; both null: the default for an endpoint, else no limit.
        sheet: a CSV for an annotation sheet of the pairs. Then only the sheet is written, and null
            is returned.

    Raises:
        Refused: the judge, collection or ranking does not exist; the judge is not independent of
            the rankings; all documents are judged; or the judge returned no verdict.
    """
    given = params.read()
    collection = replace(collection_of(given, on, split), prefix="")
    judge = (
        person_line(name.partition(":")[2], name)
        if name.startswith(f"{PEOPLE}:")
        else judge_line(given, name, COMMAND)
    )
    if not 1 <= depth <= DEPTH or (limit is not None and limit < 1):
        raise Refused(
            f"--depth is {depth} and --limit is {limit}. Use --depth of 1 to {DEPTH}, and --limit "
            "of 1 or more."
        )
    if sheet is not None and judge["method"] != PEOPLE:
        raise Refused(
            f"--sheet {sheet}: {judge['name']} is not a person. Use `{COMMAND} people:NAME` for a "
            "sheet."
        )
    names = evaluated(given, on, names)
    filler = Filler(
        judge["name"], judge["method"], frozenset([judge["fingerprint"]]), models_of(judge, given)
    )
    refuse_related(filler, names, given)
    runs = {one: ranking_of(one, on, DEPTH) for one in names}
    every = unjudged(list(runs.values()), collection.qrels(), collection.min_relevance)
    holes = heaviest_first(
        every.filter(pl.col("rank") <= depth), seed_of(given.seed, "judge.holes", on)
    )
    wanted = wanted_of(holes, limit, collection, depth)
    if sheet is not None:
        sheet_of_holes(wanted, judge["name"], sheet, given.seed, limit is not None)
        return None
    round = round_of(given, None, needed=False)
    training = training_set.read() if TRAINING_LIST.exists() else None
    budget = limits_of(judge, given, money, tokens)
    desk = replace(
        desk_of(given, round, [judge], training),
        budget=Budget(**budget.model_dump()),
        run=run_name(f"judge holes {on}"),
    )
    file = judge_labels.file_of(on, judge["name"])
    before = judge_labels.read(file) if file.exists() else None
    left = announce_calls(
        judge, wanted, every, names, depth, given, desk.ledger, training is not None
    )
    limits = format_limits(budget)
    if left and limits and money is None and tokens is None:
        line(f"Budget: {limits} (Hone default). Set --money or --tokens to change it.")
    if left:
        announce(judge_transfers([judge], given.judges, [on], limits, split), "judge unjudged")

    answered = pl.concat([ask(judge, block, desk) for block in wanted.blocks()])
    if desk.budget.over:
        line(
            f"{desk.budget.over.capitalize()}: the other documents remain unjudged. Rerun the "
            "command to resume."
        )
    refuse_silent(judge["name"], answered)
    refuse_related(
        replace(
            filler, models=filler.models | set(map(plain, answered["model"].drop_nulls().unique()))
        ),
        names,
        given,
    )
    return store_labels(judge, filler, answered, before, collection, names)


def limits_of(judge: dict, given: Params, money: float | None, tokens: int | None) -> Limits:
    """The budget of the options, or the default of the judge if neither is given."""
    if money is None and tokens is None:
        return default_budget([with_how(judge, given.judges.get(judge["name"]))])
    return Limits(money=money, tokens=tokens)


def evaluated(given: Params, on: str, names: list[str] | None) -> list[str]:
    """The systems whose rankings count.

    Raises:
        Refused: a named system has no ranking on the collection, or no system has one.
    """
    ranked_systems = sorted(file.parent.name for file in RUNS.glob(f"*/{on}.trec"))
    for name in names or ():
        if name not in ranked_systems:
            hint = nearest(name, ranked_systems) if ranked_systems else "run `dvc repro` first."
            raise Refused(f"'{name}' has not been evaluated on {on}: {hint}")
    known = [
        name for name in (*BUILT_IN, *given.references, *given.rounds) if name in ranked_systems
    ]
    if not (names or known):
        raise Refused(
            f"No system of params.yaml has been evaluated on {on} yet. Run `dvc repro` first."
        )
    return list(dict.fromkeys(names or known))


def store_labels(
    judge: dict,
    filler: Filler,
    answered: pl.DataFrame,
    before: pl.DataFrame | None,
    collection: OfSplit,
    names: list[str],
) -> pl.DataFrame:
    """Add the new labels to the judge's file, and print a summary."""
    file = judge_labels.file_of(collection.name, judge["name"])
    about = {
        "split": collection.split,
        "judge": judge["name"],
        "method": judge["method"],
        "prompt": judge["parameters"].get("prompt"),
        "models": sorted(filler.models),
    }
    new_verdicts = answered.filter(
        (pl.col("verdict").cast(pl.String) != judge_labels.UNKNOWN) | pl.col("answer").is_not_null()
    )
    now = new_verdicts.rename({"asked_at": "answered"}).with_columns(
        pl.lit(value).alias(name) for name, value in about.items()
    )
    now = now.select(pl.col(name).cast(kind) for name, kind in judge_labels.SCHEMA.items())
    before = now.clear() if before is None else before
    same = before.filter(pl.col("fingerprint") == judge["fingerprint"])
    if n_removed := len(before) - len(same):
        line(
            f"{count(n_removed, 'label')} of {judge['name']} with a different model, prompt or "
            f"parameters removed from {file}. They remain in "
            "the judgment log."
        )
    rows = judge_labels.merged(same, now)
    judge_labels.write(rows, file)
    line(tally(answered))
    two = " ".join(names[-2:]) if len(names) > 1 else f"{names[0]} ROUND"
    line(f"Written to {file}, which now has {count(len(rows), 'pair')}.")
    line(
        f"Run `hone compare {two} --collection {collection.name} --judge {judge['name']}` to see "
        "the effect."
    )
    return rows


def tally(answered: pl.DataFrame) -> str:
    """Counts of relevant, non-relevant and unknown verdicts, and of missing answers, with the
    reasons.
    """
    kind, has_answer = pl.col("verdict").cast(pl.String), pl.col("answer").is_not_null()
    unknown = answered.filter(kind == judge_labels.UNKNOWN)
    parts = [
        ("unknown", unknown.filter(has_answer)),
        ("without an answer", unknown.filter(~has_answer)),
    ]
    because = [
        f"{len(rows):,} {what} "
        f"({', '.join(f'{reason} {number:,}' for reason, number in reasons_of(rows))})"
        for what, rows in parts
        if len(rows)
    ]
    counts = [
        f"{len(answered.filter(kind == word)):,} {name}"
        for word, name in (("positive", "relevant"), ("negative", "not relevant"))
    ]
    rest = ". Documents without a verdict remain unjudged" if because else ""
    return f"{', '.join([*counts, *because])}{rest}."


def reasons_of(unknown: pl.DataFrame) -> list[tuple[str, int]]:
    """Reasons with their counts, the most frequent first."""
    return unknown.select(kinds())["reason"].fill_null("no reason").value_counts(sort=True).rows()
