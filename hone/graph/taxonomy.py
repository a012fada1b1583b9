"""Groups of documents: the same value of a metadata column, or the same node of a taxonomy whose
paths the column contains.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused


def refuse_unfit(separator: str | None, level: int | None) -> None:
    """Raise Refused if `level` is set but the values are not paths."""
    if level is not None and not separator:
        raise Refused(
            "`level` needs paths. Set `separator` to the text that separates their parts."
        )


def groups(values: pl.DataFrame, separator: str | None, level: int | None) -> pl.DataFrame:
    """The groups of documents.

    Args:
        values: doc_id, value.
        separator: separator of path parts, such as ">". Null: each value is a group.
        level: number of parts from the root that form a group. A shorter path is a group of its
            own. Null: all parts but the last, so documents with the same parent form a group. A
            path of one part is then in no group.

    Returns:
        doc_id, group, leaf (the whole value), without duplicates.
    """
    if not separator:
        return values.select("doc_id", group="value", leaf="value").unique(maintain_order=True)
    parts = pl.col("value").str.split(separator).list.eval(pl.element().str.strip_chars())
    path = values.select("doc_id", parts=parts)
    above = (
        pl.col("parts").list.head(level)
        if level is not None
        else pl.col("parts").list.head(pl.col("parts").list.len() - 1)
    )
    made = path.select(
        "doc_id",
        group=above.list.join(separator),
        leaf=pl.col("parts").list.join(separator),
        depth=above.list.len(),
    )
    return made.filter(pl.col("depth") > 0).drop("depth").unique(maintain_order=True)
