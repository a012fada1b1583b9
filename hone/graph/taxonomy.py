"""Groups of documents: the same value of a metadata column, or the same place in a taxonomy whose paths the column has."""

from __future__ import annotations

import polars as pl

from hone.errors import Refused


def refuse_unfit(separator: str | None, level: int | None) -> None:
    """Raises Refused for a level of values that are no paths."""
    if level is not None and not separator:
        raise Refused("`level` is of a path: say by which `separator` its parts are parted.")


def groups(values: pl.DataFrame, separator: str | None, level: int | None) -> pl.DataFrame:
    """The groups that documents are in.

    Args:
        values: doc_id, value.
        separator: of a path's parts, such as ">"; null: values are groups as they stand.
        level: how many parts, from the root, make a group, a shorter path being one of its own; null: all but the last part,
            so that documents with the same parent are in one group, and a path of one part is in none.

    Returns:
        doc_id, group, leaf (the whole value), none twice.
    """
    if not separator:
        return values.select("doc_id", group="value", leaf="value").unique(maintain_order=True)
    parts = pl.col("value").str.split(separator).list.eval(pl.element().str.strip_chars())
    path = values.select("doc_id", parts=parts)
    above = pl.col("parts").list.head(level) if level is not None else pl.col("parts").list.head(pl.col("parts").list.len() - 1)
    made = path.select("doc_id", group=above.list.join(separator), leaf=pl.col("parts").list.join(separator), depth=above.list.len())
    return made.filter(pl.col("depth") > 0).drop("depth").unique(maintain_order=True)
