"""`hone judgments`: what was asked, by whom and at what cost; how far judges agree; and the ledger to and from a file."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from hone.screen import line, spell, table
from tasks.errors import Refused, listed
from tasks.files import written_whole
from tasks.relabel.ledger import Ledger

# A file of judgments: one row for each verdict, with the answer that it comes from.
FILE = {
    "judge": pl.String, "description": pl.String, "question": pl.Binary, "verdict": pl.String, "grade": pl.Float64,
    "probability": pl.Float64, "reason": pl.String, "answer": pl.Int64, "raw": pl.String, "model": pl.String, "tokens_in": pl.Int64,
    "tokens_out": pl.Int64, "money": pl.Float64, "seconds": pl.Float64, "asked_at": pl.String, "run": pl.String, "attempt": pl.Int64,
}  # fmt: skip
OF_ANSWER = ("raw", "model", "tokens_in", "tokens_out", "money", "seconds", "asked_at", "run", "attempt")


def everything(ledger: Ledger) -> pl.DataFrame:
    """Every verdict with its answer and its judge's description, oldest first."""
    from sqlalchemy import select

    from tasks.relabel.ledger_tables import answers, judges, verdicts

    columns = [
        judges.c.description if name == "description" else (answers if name in OF_ANSWER else verdicts).c[name].label(name) for name in FILE
    ]
    joined = verdicts.join(answers, answers.c.number == verdicts.c.answer).outerjoin(judges, judges.c.fingerprint == verdicts.c.judge)
    with ledger.engine.connect() as connection:
        rows = connection.execute(select(*columns).select_from(joined).order_by(verdicts.c.number)).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=FILE, orient="row")


def show() -> None:
    """A row for each judge: what it is, what it said, what it cost."""
    found = everything(Ledger())
    if found.is_empty():
        line("the ledger is empty: nobody has been asked yet.")
        return
    paid = found.unique(["judge", "answer"], keep="first", maintain_order=True)
    kinds = [(found["verdict"] == kind).rename(kind) for kind in ("positive", "negative", "unknown")]
    said = found.with_columns(kinds).group_by("judge", maintain_order=True)
    counts = said.agg(pl.col("description").first(), *(pl.col(kind).sum() for kind in ("positive", "negative", "unknown")))
    spent = paid.group_by("judge").agg(
        answers=pl.len(), tokens=(pl.col("tokens_in") + pl.col("tokens_out")).sum(), money=pl.col("money").sum(),
        seconds=pl.col("seconds").sum(), first=pl.col("asked_at").min(), last=pl.col("asked_at").max(),
    )  # fmt: skip
    rows = [
        (
            row["judge"][:8], plain(row["description"]), row["answers"], row["positive"], row["negative"], row["unknown"],
            f"{row['tokens']:,}", f"{row['money']:.2f}" if row["money"] else "–", spell(row["seconds"]),
            row["first"][:10], row["last"][:10],
        )
        for row in counts.join(spent, on="judge", how="left", maintain_order="left").to_dicts()
    ]  # fmt: skip
    table(("judge", "what it is", "answers", "right", "not", "unknown", "tokens", "money", "time", "first", "last"), rows)
    line("`hone judgments agreement` compares judges; `export FILE.parquet` and `import FILE.parquet` carry answers between machines.")


def plain(description: str | None) -> str:
    """A judge's description in a few words."""
    told = json.loads(description or "{}")
    return ", ".join(f"{value}" for name, value in told.items() if value is not None and not isinstance(value, dict | list))[:60] or "–"


def agreement() -> None:
    """Of every two judges: questions that both answered, how often they agree, and Cohen's kappa."""
    found = everything(Ledger()).filter(pl.col("verdict") != "unknown").unique(["judge", "question"], keep="last", maintain_order=True)
    rows = agreements(found)
    if not rows:
        line("no two judges have answered the same question.")
        return
    shown = [(*row[:3], f"{row[3]:.1%}", "–" if row[4] is None or np.isnan(row[4]) else f"{row[4]:.2f}") for row in rows]
    table(("judge", "judge", "questions", "agree", "kappa"), shown)


def agreements(found: pl.DataFrame) -> list[tuple[str, str, int, float, float | None]]:
    """The figures of `agreement`, of verdicts (judge, question, verdict) that are known."""
    from tasks.relabel.fitness.agreement import kappa

    rows = []
    by_judge = found.partition_by("judge", as_dict=True, maintain_order=True)
    for (left, first), (right, second) in combinations(((key[0], part) for key, part in by_judge.items()), 2):
        both = first.join(second, on="question", how="inner", suffix="_other")
        if len(both):
            one, other = ((both[name] == "positive").to_numpy() for name in ("verdict", "verdict_other"))
            beyond = kappa(one, other, np.arange(len(both))).estimate
            rows.append((left[:8], right[:8], len(both), float((one == other).mean()), beyond))
    return rows


def export(file: Path) -> None:
    """Write every judgment to a Parquet file."""
    found = everything(Ledger())
    with written_whole(file) as part:
        found.write_parquet(part, compression="zstd")
    line(f"{len(found):,} verdicts are in {file}")


def bring(file: Path) -> None:
    """Add the judgments of a file to the ledger; those that it has already add nothing.

    Raises:
        Refused: the file is missing, or is not one that `export` wrote.
    """
    if not file.is_file():
        raise Refused(f"{file} does not exist.")
    try:
        given = pl.read_parquet(file)
    except pl.exceptions.PolarsError as error:
        raise Refused(f"{file} cannot be read as Parquet: {error}") from None
    wrong = [name for name, kind in FILE.items() if given.schema.get(name) != kind]
    if wrong:
        raise Refused(
            f"{file} is no file of judgments: its columns {listed(wrong)} are missing or of another type. "
            "`hone judgments export` writes one."
        )
    ledger = Ledger()
    new = given.join(everything(ledger), on=["judge", "question", "asked_at", "run", "raw"], how="anti", maintain_order="left")
    added = add(ledger, new)
    line(f"{added:,} verdicts were added, {len(given) - added:,} were there already")


def add(ledger: Ledger, rows: pl.DataFrame) -> int:
    """Append rows of a file, each answer with its verdicts in one transaction; how many verdicts these were."""
    from sqlalchemy import insert

    from tasks.relabel.ledger_tables import answers, verdicts

    for (judge, _), part in rows.group_by("judge", "answer", maintain_order=True):
        values = part.row(0, named=True)
        if values["description"]:
            ledger.describe(judge, json.loads(values["description"]))
        with ledger.engine.begin() as connection:
            given = {name: values[name] for name in OF_ANSWER}
            number = connection.execute(insert(answers).values(judge=judge, **given)).inserted_primary_key[0]
            said = part.select("question", "verdict", "grade", "probability", "reason", "attempt").to_dicts()
            connection.execute(insert(verdicts), [{**row, "judge": judge, "answer": number} for row in said])
    return len(rows)
