"""relabel: negatives -> labels. Without judges each negative is taken at its word; what is known already stays known."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks import resolved, tables
from tasks.stage import run, say


def main(round: str) -> None:
    """Write the labels that the round trains on."""
    settings = resolved.of_round(round, "relabel")
    folder = Path("rounds") / round
    known = tables.read("labels", Path("rounds") / settings["from"] / "labels.parquet")
    negatives = tables.read("negatives", folder / "negatives.parquet")
    removed = tables.read("removed", folder / "removed" / "sample.parquet")
    labels = joined(known, negatives, removed)
    tables.write("labels", labels, folder / "labels.parquet")
    tables.write("removed", tables.empty("removed"), folder / "removed" / "relabel.parquet")
    counts = labels["label"].cast(pl.String).value_counts(sort=True)
    say(f"relabel {round}: {', '.join(f'{count:,} {label}' for label, count in counts.rows())}")


def joined(known: pl.DataFrame, negatives: pl.DataFrame, removed: pl.DataFrame) -> pl.DataFrame:
    """Labels of a round: what was known before, of the queries that stay, and its negatives in order.

    Args:
        known: labels of the round it starts from; its mined negatives were that round's and are left behind.
        negatives: of this round.
        removed: what `sample` took out; a row without a document is a query that leaves.
    """
    left = removed.filter(pl.col("doc_id").is_null())
    mined = pl.col("rank").is_not_null()
    stays = known.filter(~mined).join(left, on="query_id", how="anti", maintain_order="left")
    chosen = negatives.with_columns(
        label=pl.lit("negative"),
        weight=pl.lit(1.0),
        rank=pl.int_range(1, pl.len() + 1).over("query_id"),
    ).drop("score")
    return pl.concat([stays, tables.shaped("labels", chosen)])


if __name__ == "__main__":
    run(main)
