"""Sample the pairs to label from each kind of suspicion, and read the verdicts."""

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
LEAST = 8  # least number of pairs of each kind, if it has so many
# Assumed standard deviations within a kind (false-negative rates 0.5, 0.25, 0.08), for Neyman
# allocation [Hone default].
SPREAD = dict(zip(KINDS, (0.50, 0.43, 0.27), strict=True))
VERDICTS = {"yes": True, "y": True, "no": False, "n": False, "unsure": None, "u": None}
COLUMNS = ("pair", "verdict")


def allocate_pairs(sizes: dict[str, int], count: int = PAIRS) -> dict[str, int]:
    """The number of pairs to sample from each kind: proportional to size times standard
    deviation, at least LEAST if available.
    """
    taken = {kind: min(size, LEAST) for kind, size in sizes.items()}
    left = min(count, sum(sizes.values())) - sum(taken.values())
    for _ in range(max(left, 0)):
        # Add the next pair to the kind where it reduces the variance most.
        open_ = [kind for kind in sizes if taken[kind] < sizes[kind]]
        best = max(
            open_,
            key=lambda kind: (
                (sizes[kind] * SPREAD[kind]) ** 2 * (1 / taken[kind] - 1 / (taken[kind] + 1))
            ),
        )
        taken[best] += 1
    return taken


def sample_pairs(subject: Subject, pairs: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The shuffled pairs to label, with `pair`, a key derived from both texts."""
    sizes = {kind: int((pairs["kind"] == kind).sum()) for kind in KINDS}
    counts = allocate_pairs(sizes)
    draw = generator(seed, "audit", "pairs to read")
    rows = [
        pairs.filter(pl.col("kind") == kind)[np.sort(draw.permutation(size)[: counts[kind]])]
        for kind, size in sizes.items()
    ]
    chosen = pl.concat(rows)
    chosen = chosen[draw.permutation(len(chosen))]
    texts = zip(
        subject.queries["text"].gather(chosen["query"]).to_list(),
        subject.documents["text"].gather(chosen["document"]).to_list(),
        strict=True,
    )
    return chosen.with_columns(
        pair=pl.Series(
            [fingerprint(query, document)[:12] for query, document in texts], dtype=pl.String
        )
    )


def read_verdicts(file: Path) -> pl.DataFrame:
    """Read verdicts: pair, `answer` (true, false, or null for unsure), row. Pairs without a verdict
    are skipped.

    Args:
        file: CSV with the columns pair and verdict (yes, no, unsure), downloaded from the report.

    Raises:
        Refused: the file is missing or has other columns, or a verdict is invalid, or a pair is
            repeated.
    """
    rows = user_tables.read_csv(file)
    if any(name not in rows.columns for name in COLUMNS):
        raise Refused(
            f"{file} has the columns {listed(rows.columns)}, but needs {listed(COLUMNS)}. "
            "Download it from the HTML report."
        )
    seen: dict[str, int] = {}
    for number, (pair, verdict) in enumerate(rows.select(COLUMNS).iter_rows(), start=2):
        if pair in seen:
            raise Refused(
                f"{file}, row {number}: the pair '{pair}' repeats row {seen[pair]}. Delete one of "
                "the two."
            )
        seen[pair] = number
        if verdict is not None and verdict.strip() and verdict.strip().lower() not in VERDICTS:
            raise Refused(
                f"{file}, row {number}: the verdict '{verdict}' is not yes, no or unsure: "
                f"{nearest(verdict, ('yes', 'no', 'unsure'))}"
            )
    verdicts = rows.select(*COLUMNS, row=pl.int_range(2, pl.len() + 2)).filter(
        pl.col("verdict").str.strip_chars().fill_null("") != ""
    )
    return verdicts.select(
        "pair", pl.Series("answer", parse_answers(verdicts["verdict"]), dtype=pl.Boolean), "row"
    )


def refuse_others(read: pl.DataFrame, sheet: pl.DataFrame, file: Path) -> None:
    """Raises Refused if a verdict belongs to a pair that is not in this report."""
    others = read.join(sheet, on="pair", how="anti", maintain_order="left")
    if len(others):
        pair, row = others.select("pair", "row").row(0)
        raise Refused(
            f"{file}, row {row}: the pair '{pair}' is not among the {len(sheet)} pairs of this "
            "report. The verdicts belong to another "
            "file, seed or model. Repeat that audit with them, or label the pairs of this report."
        )


def parse_answers(verdicts: Sequence[str]) -> list[bool | None]:
    return [VERDICTS[verdict.strip().lower()] for verdict in verdicts]
