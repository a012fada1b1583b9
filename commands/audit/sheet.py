"""Pairs to read: drawn by lot from each kind of suspicion, so that what is read speaks for all; and what was read, read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from commands.audit.dataset import Subject
from commands.audit.false_negative_suspects import KINDS
from hone.data import user_tables
from hone.errors import Refused, listed, nearest
from hone.files import fingerprint
from hone.seeds import generator

PAIRS = 50
LEAST = 8  # of each kind, where there are so many
# How far verdicts within a kind differ, guessed (false negatives .5, .25, .08 of them): Neyman's allocation; ours.
SPREAD = dict(zip(KINDS, (0.50, 0.43, 0.27), strict=True))
VERDICTS = {"yes": True, "y": True, "no": False, "n": False, "unsure": None, "u": None}
COLUMNS = ("pair", "verdict")


def shared_out(sizes: dict[str, int], count: int = PAIRS) -> dict[str, int]:
    """How many pairs to draw from each kind: by size times spread, at least LEAST, never more than there are."""
    taken = {kind: min(size, LEAST) for kind, size in sizes.items()}
    left = min(count, sum(sizes.values())) - sum(taken.values())
    for _ in range(max(left, 0)):
        # The next pair goes where the variance falls most by it.
        open_ = [kind for kind in sizes if taken[kind] < sizes[kind]]
        best = max(open_, key=lambda kind: (sizes[kind] * SPREAD[kind]) ** 2 * (1 / taken[kind] - 1 / (taken[kind] + 1)))
        taken[best] += 1
    return taken


def drawn(subject: Subject, pairs: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The pairs to read, shuffled: `pairs` with `pair`, a key that follows from both texts."""
    sizes = {kind: int((pairs["kind"] == kind).sum()) for kind in KINDS}
    counts = shared_out(sizes)
    draw = generator(seed, "audit", "pairs to read")
    rows = [pairs.filter(pl.col("kind") == kind)[np.sort(draw.permutation(size)[: counts[kind]])] for kind, size in sizes.items()]
    chosen = pl.concat(rows)
    chosen = chosen[draw.permutation(len(chosen))]
    texts = zip(
        subject.queries["text"].gather(chosen["query"]).to_list(),
        subject.documents["text"].gather(chosen["document"]).to_list(),
        strict=True,
    )
    return chosen.with_columns(pair=pl.Series([fingerprint(query, document)[:12] for query, document in texts], dtype=pl.String))


def read_verdicts(file: Path) -> pl.DataFrame:
    """What was read: pair, `answer` (true, false, or null for unsure), row; pairs without a verdict are left out.

    Args:
        file: CSV with the columns pair and verdict (yes, no, unsure), as the page's button writes it.

    Raises:
        Refused: the file is missing or no such table, or a row has another verdict or a pair that stood before.
    """
    rows = user_tables.read_csv(file)
    if any(name not in rows.columns for name in COLUMNS):
        raise Refused(f"{file} has the columns {listed(rows.columns)}; it should have {listed(COLUMNS)}, as the page's button writes them.")
    seen: dict[str, int] = {}
    for number, (pair, verdict) in enumerate(rows.select(COLUMNS).iter_rows(), start=2):
        if pair in seen:
            raise Refused(f"{file}, row {number}: the pair '{pair}' stands in row {seen[pair]} already. Keep one of the two.")
        seen[pair] = number
        if verdict is not None and verdict.strip() and verdict.strip().lower() not in VERDICTS:
            raise Refused(
                f"{file}, row {number}: the verdict '{verdict}' is none of yes, no, unsure: {nearest(verdict, ('yes', 'no', 'unsure'))}"
            )
    told = rows.select(*COLUMNS, row=pl.int_range(2, pl.len() + 2)).filter(pl.col("verdict").str.strip_chars().fill_null("") != "")
    return told.select("pair", pl.Series("answer", answers(told["verdict"]), dtype=pl.Boolean), "row")


def refuse_others(read: pl.DataFrame, sheet: pl.DataFrame, file: Path) -> None:
    """Raises Refused where a verdict is on none of the pairs that were to be read."""
    others = read.join(sheet, on="pair", how="anti", maintain_order="left")
    if len(others):
        pair, row = others.select("pair", "row").row(0)
        raise Refused(
            f"{file}, row {row}: the pair '{pair}' is none of the {len(sheet)} on this page. The verdicts belong to another file, "
            "seed or model: audit that with them, or read the pairs of this page."
        )


def answers(verdicts: Sequence[str]) -> list[bool | None]:
    return [VERDICTS[verdict.strip().lower()] for verdict in verdicts]
