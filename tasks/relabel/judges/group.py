"""group: a candidate is positive if it has the same value of a metadata column as a labelled
positive. Free of cost.

The column is the collection owner's statement about relevance, as in CODER++ (Zeng et al.,
Automatic Biomedical Term Clustering; the abstract): terms of one concept are positives of each
other. The judge promotes only if a recipe sets `action: promote`. Without a measured precision it
also needs `force: true`, which marks the run; labels then have this judge's name. Like the verdicts
of the judge `encoder`, its verdicts are free and reproducible. The judgment log does not record
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.errors import Refused
from hone.graph import taxonomy
from hone.judging import verdicts
from hone.layout import PAIR

if TYPE_CHECKING:
    from hone.judging.context import Desk


def group(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    column: str,
    separator: str | None = None,
    level: Annotated[int, Field(ge=1)] | None = None,
) -> pl.DataFrame:
    """A verdict on every pair: positive in the same group as a labelled positive, negative in
    another group.

    Args:
        questions: one block.
        desk: source of the collections' metadata.
        fingerprint: of this judge.
        column: metadata with a document's group, or its path in a taxonomy; documents with a common
            group match.
        separator, level: of a path, as in the source `siblings`; null: values are group names.
            [Hone default]

    Returns:
        Verdicts without grade and probability; unknown if the candidate, or every labelled
        positive, has no group.

    Raises:
        Refused: no training set is available, or a collection lacks the column.
    """
    if desk.training is None:
        raise Refused(
            "the judge group needs the metadata of the training collections. Use it in a recipe's "
            "`relabel`."
        )
    for collection in desk.training:
        collection.metadata.need(column, "the judge group")
    values = pl.concat([collection.metadata.of(column) for collection in desk.training])
    members = taxonomy.groups(values, separator, level).select("doc_id", "group").unique()
    own = questions.pairs.select(PAIR).join(members, on="doc_id", how="inner")
    theirs = (
        questions.positives.join(members, on="doc_id", how="inner")
        .select("query_id", "group")
        .unique()
    )
    same = (
        own.join(theirs, on=["query_id", "group"], how="semi")
        .select(PAIR)
        .unique()
        .with_columns(same=True)
    )
    placed = own.select(PAIR).unique().with_columns(placed=True)
    compared = theirs.select("query_id").unique().with_columns(compared=True)
    rows = (
        questions.pairs.select(PAIR)
        .join(same, on=PAIR, how="left", maintain_order="left")
        .join(placed, on=PAIR, how="left", maintain_order="left")
        .join(compared, on="query_id", how="left", maintain_order="left")
    )
    known = pl.col("placed").is_not_null() & pl.col("compared").is_not_null()
    missing = (
        pl.when(pl.col("placed").is_null())
        .then(pl.lit("the document"))
        .otherwise(pl.lit("every labelled positive"))
    )
    return verdicts.verdicts(
        rows.with_columns(
            verdict=pl.when(pl.col("same"))
            .then(pl.lit("positive"))
            .when(known)
            .then(pl.lit("negative"))
            .otherwise(pl.lit("unknown")),
            reason=pl.when(~known).then(
                pl.format("{} is in no group of '{}'", missing, pl.lit(column))
            ),
            fingerprint=pl.lit(fingerprint),
        )
    )


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused for a level without a separator: the values are not paths."""
    taxonomy.refuse_unfit(parameters["separator"], parameters["level"])
