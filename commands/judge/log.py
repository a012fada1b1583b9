"""`hone judge log`: show the judgment log with its cost, export and import it, and measure the
agreement of judges.
"""

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

DIGITS = 8  # least number of digits of a displayed fingerprint
DISPLAY_FIELDS = (
    "name",
    "method",
    "model",
    "prompt",
    "version",
    "way",
)  # displayed fields of a judge's description
LONGEST = 60  # characters of a displayed description
KINDS = ("positive", "negative", "unknown")


def show() -> None:
    """Print one row per judge, and the totals."""
    from hone.llm.ledger.tables import plain

    ledger = Ledger()
    found = judges(ledger)
    names = shorten_fingerprints(found["judge"].to_list())
    if found.is_empty():
        line("No judgments recorded yet.")
        return
    rows = [
        (
            names[row["judge"]],
            format_description(row["description"]),
            row["answers"],
            *(row[kind] for kind in KINDS),
            row["tokens_in"],
            row["tokens_out"],
            row["money"],
            spell(row["seconds"]),
            row["first"][:10],
            row["last"][:10],
        )
        for row in found.to_dicts()
    ]
    table(
        (
            "judge",
            "description",
            "answers",
            *KINDS,
            "tokens in",
            "tokens out",
            "cost",
            "time",
            "first",
            "last",
        ),
        rows,
    )
    line(
        f"{plain(ledger.url)}: {found['answers'].sum():,} answers, total cost "
        f"{found['money'].sum():.2f}. Recorded answers are reused."
    )
    line(
        "`hone judge log agreement` compares judges. `export FILE.parquet` and `import "
        "FILE.parquet` copy answers between machines."
    )


def export(file: Path) -> None:
    """Write every judgment to a Parquet file."""
    from hone.llm.ledger import parquet

    if not Path(file).absolute().parent.is_dir():
        raise Refused(f"Folder {Path(file).parent} does not exist. Create it, or use another path.")
    count = parquet.export(Ledger(), file)
    line(
        f"{file}: {count:,} verdicts. `hone judge log import {file}` adds them to another "
        "judgment log."
    )


def import_from(file: Path) -> None:
    """Add the judgments of a file to the judgment log, without duplicates."""
    from hone.llm.ledger import parquet

    added, total = parquet.add(Ledger(), file)
    line(f"{file}: {added:,} answers added, {total - added:,} already recorded.")


def agreement() -> None:
    """Print the agreement and Cohen's kappa of every two judges on the questions that both
    answered.
    """
    ledger = Ledger()
    found = judges(ledger)
    short = shorten_fingerprints(found["judge"].to_list())
    named = {
        judge: f"{short[judge]} {format_description(description)}"
        for judge, description in found.select("judge", "description").rows()
    }
    rows = [
        (
            named[one],
            named[other],
            count,
            f"{share:.1%}",
            "–" if beyond is None else f"{beyond:.2f}",
        )
        for one, other, count, share, beyond in agreements(read_known_verdicts(ledger))
    ]
    if not rows:
        line(
            "No two judges have answered the same question. A question is all the texts in a "
            "prompt."
        )
        return
    table(("judge", "judge", "questions", "agree", "kappa"), rows)
    line(
        "kappa is the agreement beyond chance. It is undefined if both judges always return the "
        "same verdict."
    )


def judges(ledger: Ledger) -> pl.DataFrame:
    """One row per judge, oldest first: judge, description, counts of answers and verdicts,
    tokens, money, seconds, first, last.
    """
    from sqlalchemy import func, select

    from hone.llm.ledger.tables import answers, verdicts
    from hone.llm.ledger.tables import judges as described

    of_answers = select(
        answers.c.judge,
        func.count(),
        *(func.sum(answers.c[name]) for name in ("tokens_in", "tokens_out", "money", "seconds")),
        func.min(answers.c.asked_at),
        func.max(answers.c.asked_at),
    ).group_by(answers.c.judge)
    of_verdicts = select(verdicts.c.judge, verdicts.c.verdict, func.count()).group_by(
        verdicts.c.judge, verdicts.c.verdict
    )
    with ledger.reading() as connection:
        descriptions = dict(
            connection.execute(select(described.c.fingerprint, described.c.description)).all()
        )
        sums = connection.execute(of_answers).all()
        counts = {
            (judge, verdict): count
            for judge, verdict, count in connection.execute(of_verdicts).all()
        }
    schema = {"judge": pl.String, "description": pl.String, "answers": pl.Int64} | dict.fromkeys(
        KINDS, pl.Int64
    )
    schema |= {
        "tokens_in": pl.Int64,
        "tokens_out": pl.Int64,
        "money": pl.Float64,
        "seconds": pl.Float64,
        "first": pl.String,
        "last": pl.String,
    }
    rows = [
        (
            judge,
            descriptions.get(judge),
            count,
            *(counts.get((judge, kind), 0) for kind in KINDS),
            *rest,
        )
        for judge, count, *rest in sums
    ]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("first", "judge")


def read_known_verdicts(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """By judge: question and its newest verdict that is not unknown."""
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
        frames = [
            pl.DataFrame([tuple(row) for row in part], schema=schema, orient="row")
            for part in parts
        ]
    newest = pl.concat([pl.DataFrame(schema=schema), *frames]).unique(
        ["judge", "question"], keep="last", maintain_order=True
    )
    return {
        judge: frame
        for (judge,), frame in newest.partition_by("judge", as_dict=True, include_key=False).items()
    }


def agreements(
    found: dict[str, pl.DataFrame],
) -> Iterator[tuple[str, str, int, float, float | None]]:
    """Two judges, the number of common questions, the fraction with equal verdicts, and kappa;
    from `read_known_verdicts`.
    """
    for (left, first), (right, second) in combinations(found.items(), 2):
        both = first.join(second, on="question")
        if len(both):
            one, other = both["verdict"].to_numpy(), both["verdict_right"].to_numpy()
            yield (
                left,
                right,
                len(both),
                float((one == other).mean()),
                kappa(one, other, np.arange(len(both))).estimate,
            )


def format_description(description: str | None) -> str:
    """Format a judge's description in printable characters, shortened to LONGEST."""
    if description is None:
        return ""
    fields = json.loads(description)
    parts = [str(fields[name]) for name in DISPLAY_FIELDS if fields.get(name) is not None]
    text = "".join(character for character in ", ".join(parts) if character.isprintable())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def shorten_fingerprints(fingerprints: list[str]) -> dict[str, str]:
    """The shortest prefixes that distinguish the fingerprints."""
    digits = DIGITS
    while len({one[:digits] for one in fingerprints}) < len(fingerprints):
        digits += 1
    return {one: one[:digits] for one in fingerprints}
