"""`hone judgments`: what judges have said so far and what it cost, its export and import, and how far they agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from commands.console import line, spell, table
from hone.errors import Refused
from hone.llm.ledger.ledger import Ledger
from hone.stats.agreement import kappa

DIGITS = 8  # of a fingerprint, at least, where it is shown
TOLD = ("name", "method", "model", "prompt", "version", "way")  # what a description is shortened to
LONGEST = 60  # characters of it
KINDS = ("positive", "negative", "unknown")


def show() -> None:
    """A row for each judge, and the totals."""
    from hone.llm.ledger.tables import plain

    ledger = Ledger()
    found = judges(ledger)
    names = shortest(found["judge"].to_list())
    if found.is_empty():
        line("the ledger is empty: nobody has been asked yet.")
        return
    rows = [
        (
            names[row["judge"]], about(row["description"]), row["answers"], *(row[kind] for kind in KINDS), row["tokens_in"],
            row["tokens_out"], row["money"], spell(row["seconds"]), row["first"][:10], row["last"][:10],
        )
        for row in found.to_dicts()
    ]  # fmt: skip
    table(("judge", "what it is", "answers", *KINDS, "tokens in", "tokens out", "money", "time", "first", "last"), rows)
    line(f"{plain(ledger.url)}: {found['answers'].sum():,} answers, {found['money'].sum():.2f} paid; none is asked for again.")
    line("`hone judgments agreement` compares judges; `export FILE.parquet` and `import FILE.parquet` carry answers between machines.")


def export(file: Path) -> None:
    """Write every judgment to a Parquet file."""
    from hone.llm.ledger import parquet

    if not Path(file).absolute().parent.is_dir():
        raise Refused(f"there is no folder {Path(file).parent}: make it, or write elsewhere.")
    count = parquet.export(Ledger(), file)
    line(f"{file}: {count:,} verdicts. `hone judgments import {file}` adds them to another ledger.")


def bring(file: Path) -> None:
    """Add the judgments of a file to the ledger; those that it has already add nothing."""
    from hone.llm.ledger import parquet

    added, total = parquet.add(Ledger(), file)
    line(f"{file}: {added:,} answers added, {total - added:,} were there already.")


def agreement() -> None:
    """Of every two judges: questions that both answered, how often they agree, and Cohen's kappa."""
    ledger = Ledger()
    found = judges(ledger)
    short = shortest(found["judge"].to_list())
    named = {judge: f"{short[judge]} {about(description)}" for judge, description in found.select("judge", "description").rows()}
    rows = [
        (named[one], named[other], count, f"{share:.1%}", "–" if beyond is None else f"{beyond:.2f}")
        for one, other, count, share, beyond in agreements(known(ledger))
    ]
    if not rows:
        line("no two judges have answered the same question; a question is all the texts that a judge is shown.")
        return
    table(("judge", "judge", "questions", "agree", "kappa"), rows)
    line("kappa is agreement beyond chance; there is none where both say one and the same of all.")


def judges(ledger: Ledger) -> pl.DataFrame:
    """judge, description, answers, positive, negative, unknown, tokens_in, tokens_out, money, seconds, first, last; oldest first."""
    from sqlalchemy import func, select

    from hone.llm.ledger.tables import answers, verdicts
    from hone.llm.ledger.tables import judges as described

    of_answers = select(
        answers.c.judge, func.count(), *(func.sum(answers.c[name]) for name in ("tokens_in", "tokens_out", "money", "seconds")),
        func.min(answers.c.asked_at), func.max(answers.c.asked_at),
    ).group_by(answers.c.judge)  # fmt: skip
    of_verdicts = select(verdicts.c.judge, verdicts.c.verdict, func.count()).group_by(verdicts.c.judge, verdicts.c.verdict)
    with ledger.reading() as connection:
        told = dict(connection.execute(select(described.c.fingerprint, described.c.description)).all())
        sums = connection.execute(of_answers).all()
        counts = {(judge, verdict): count for judge, verdict, count in connection.execute(of_verdicts).all()}
    schema = {"judge": pl.String, "description": pl.String, "answers": pl.Int64} | dict.fromkeys(KINDS, pl.Int64)
    schema |= {
        "tokens_in": pl.Int64,
        "tokens_out": pl.Int64,
        "money": pl.Float64,
        "seconds": pl.Float64,
        "first": pl.String,
        "last": pl.String,
    }
    rows = [(judge, told.get(judge), count, *(counts.get((judge, kind), 0) for kind in KINDS), *rest) for judge, count, *rest in sums]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("first", "judge")


def known(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """By judge: question, verdict, the newest of each that is known."""
    from sqlalchemy import select

    from hone.llm.ledger.tables import answers, verdicts

    query = (
        select(verdicts.c.judge, verdicts.c.question, verdicts.c.verdict)
        .select_from(verdicts.join(answers, answers.c.number == verdicts.c.answer))
        .where(verdicts.c.verdict != "unknown")
        .order_by(answers.c.asked_at, verdicts.c.number)
    )
    schema = {"judge": pl.String, "question": pl.Binary, "verdict": pl.String}
    with ledger.reading() as connection:
        parts = connection.execution_options(yield_per=50_000).execute(query).partitions()
        frames = [pl.DataFrame([tuple(row) for row in part], schema=schema, orient="row") for part in parts]
    newest = pl.concat([pl.DataFrame(schema=schema), *frames]).unique(["judge", "question"], keep="last", maintain_order=True)
    return {judge: frame for (judge,), frame in newest.partition_by("judge", as_dict=True, include_key=False).items()}


def agreements(found: dict[str, pl.DataFrame]) -> Iterator[tuple[str, str, int, float, float | None]]:
    """Two judges, their common questions, the share of which they say the same, and kappa, by what `known` gives."""
    for (left, first), (right, second) in combinations(found.items(), 2):
        both = first.join(second, on="question")
        if len(both):
            one, other = both["verdict"].to_numpy(), both["verdict_right"].to_numpy()
            yield left, right, len(both), float((one == other).mean()), kappa(one, other, np.arange(len(both))).estimate


def about(description: str | None) -> str:
    """What a judge is, in short and in characters that a screen can show."""
    if description is None:
        return ""
    told = json.loads(description)
    parts = [str(told[name]) for name in TOLD if told.get(name) is not None]
    text = "".join(character for character in ", ".join(parts) if character.isprintable())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def shortest(fingerprints: list[str]) -> dict[str, str]:
    """Each fingerprint's beginning, long enough to tell them apart."""
    digits = DIGITS
    while len({one[:digits] for one in fingerprints}) < len(fingerprints):
        digits += 1
    return {one: one[:digits] for one in fingerprints}
