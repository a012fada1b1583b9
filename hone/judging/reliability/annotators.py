"""Agreement between annotators, and between a judge and each annotator. Annotator agreement is
the ceiling for a judge.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import polars as pl

from hone.data import user_tables
from hone.errors import Refused, listed
from hone.layout import PAIR
from hone.stats.agreement import kappa

JUDGE = "the judge"
IDS = {
    "query-id": "query_id",
    "query_id": "query_id",
    "doc-id": "doc_id",
    "doc_id": "doc_id",
    "corpus-id": "doc_id",
}


def read_people(file: Path, prefix: str = "") -> pl.DataFrame:
    """Read a table of annotations: query-id, doc-id (or corpus-id), and a column per person.

    Args:
        file: tab-separated, or comma-separated if its name ends in .csv.
        prefix: added to every id if several collections are joined.

    Returns:
        query_id, doc_id, and per person a column of true (a grade above 0), false or null.

    Raises:
        Refused: no such file, missing ids, fewer than two people, a grade that is not a number, or
            a duplicate pair.
    """
    file = Path(file)
    if not file.is_file():
        raise Refused(
            f"{file} does not exist. --annotations needs a table with query-id, doc-id and a "
            "column per person."
        )
    frame = user_tables.read_csv(file, "," if file.suffix == ".csv" else "\t")
    frame = frame.rename({name: IDS[name] for name in frame.columns if name in IDS})
    if any(name not in frame.columns for name in PAIR):
        raise Refused(
            f"{file} lacks the column query-id or doc-id. Found: {listed(frame.columns)}."
        )
    names = [name for name in frame.columns if name not in PAIR]
    if len(names) < 2:
        raise Refused(
            f"{file} has {len(names)} columns besides the ids. Agreement needs at least two "
            "people, one column each."
        )
    for name in names:
        number = pl.col(name).cast(pl.Float64, strict=False)
        wrong = frame.with_row_index("row", 2).filter(
            ~number.is_finite().fill_null(False) & pl.col(name).is_not_null()
        )
        if len(wrong):
            raise Refused(
                f"{file}, row {wrong['row'][0]}: '{wrong[name][0]}' of {name} is not a grade. "
                "Write a number (0: not relevant)."
            )
    bare = frame.with_row_index("row", 2).filter(
        pl.any_horizontal(pl.col(name).is_null() for name in PAIR)
    )
    if len(bare):
        raise Refused(
            f"{file}, row {bare['row'][0]}: query-id or doc-id is empty. Write both, or delete "
            "the row."
        )
    twice = frame.filter(frame.select(PAIR).is_duplicated())
    if len(twice):
        raise Refused(
            f"{file} contains query {twice['query_id'][0]} with document {twice['doc_id'][0]} "
            "twice. Keep one row."
        )
    return frame.select(
        *((pl.lit(prefix) + pl.col(name)).alias(name) for name in PAIR),
        *(pl.col(name).cast(pl.Float64) > 0 for name in names),
    )


def agreements(people: pl.DataFrame, rows: pl.DataFrame) -> list[dict]:
    """Kappa between any two people, on all pairs and on the judged pairs, and between the judge and
    each person.

    Args:
        people: the result of `read_people`.
        rows: query_id, doc_id, verdict of the judge; unknown verdicts are excluded.

    Returns:
        one, other, pairs ("all" or "asked"), estimate, low, high, count.
    """
    names = [name for name in people.columns if name not in PAIR]
    kind = pl.col("verdict").cast(pl.String)
    answered = (
        rows.filter(kind != "unknown").select(*PAIR, (kind == "positive").alias(JUDGE)).unique(PAIR)
    )
    judged = people.join(answered, on=PAIR, how="inner", maintain_order="left")
    both = [
        (one, other, where) for where in ("all", "asked") for one, other in combinations(names, 2)
    ]
    comparisons = both + [(JUDGE, name, "asked") for name in names]
    return [
        between(people if where == "all" else judged, one, other, where)
        for one, other, where in comparisons
    ]


def between(frame: pl.DataFrame, one: str, other: str, where: str) -> dict:
    """Kappa of two columns on the pairs that both have."""
    both = frame.filter(pl.col(one).is_not_null() & pl.col(other).is_not_null())
    found = kappa(both[one].to_numpy(), both[other].to_numpy(), both["query_id"].to_numpy())
    return {"one": one, "other": other, "pairs": where} | found.plain() | {"count": len(both)}
