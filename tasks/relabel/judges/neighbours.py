"""neighbours: a candidate is positive if it is a near neighbor of a labelled positive, in a graph
or in embedding space (SciNCL).

Ostendorff et al. (arXiv 2202.06671) use ranks 20 to 25 of a paper's neighbors in a citation graph
as positives (the authors' code). The verdict is an assumption about relevance, like that of the
judge `group`. It promotes only if a recipe allows it. The judgment log does not record it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from hone.data import user_tables
from hone.data.questions import Questions
from hone.errors import Refused
from hone.files import fingerprint_of_file
from hone.graph import neighbour_bands
from hone.graph.neighbour_bands import Counted
from hone.graph.neighbours import EDGE
from hone.judging import verdicts
from hone.layout import PAIR
from hone.llm.prompt_file import below_inputs

if TYPE_CHECKING:
    from hone.judging.context import Desk


def neighbours(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    first: Annotated[float, Field(ge=0)] = 0.0,
    last: Annotated[float, Field(gt=0)] = 0.001,
    counted: Counted = "share",
    file: str | None = None,
    column: str | None = None,
    hops: Annotated[int, Field(ge=1, le=6)] = 2,
    both_ways: bool = True,
) -> pl.DataFrame:
    """A verdict on every pair: positive inside the band around a labelled positive, negative
    outside.

    Args:
        questions: one block.
        desk: source of models and metadata.
        fingerprint: of this judge.
        first, last: the band: up to 0.001 of the collection. [Hone default]
        counted, file, column, hops, both_ways: as in the source `neighbour-bands`; without `file`
            and `column`, the nearest neighbors in the embedding space of the round's starting
            model, which changes with each round. [Hone default]

    Returns:
        Verdicts without grade and probability.

    Raises:
        Refused: a collection lacks the column, or no training set or model is available.
    """
    if desk.training is None or desk.models is None:
        raise Refused(
            "the judge neighbours needs the documents of a round. Use it in a recipe's `relabel`."
        )
    found = [pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String})]
    for collection in desk.training:
        if column:
            collection.metadata.need(column, "the judge neighbours")
        positives = questions.positives.filter(
            pl.col("doc_id").is_in(collection.documents.ids.implode())
        )
        if len(positives):
            near = neighbour_bands.in_band(
                positives,
                collection.documents,
                collection.metadata,
                desk.models,
                collection.prefix,
                "the judge neighbours",
                first=first,
                last=last,
                counted=counted,
                file=file,
                column=column,
                hops=hops,
                both_ways=both_ways,
                model=None,
                quiet=True,
            )
            found.append(near.select(PAIR))
    near = pl.concat(found).with_columns(verdict=pl.lit("positive"))
    rows = questions.pairs.select(PAIR).join(near, on=PAIR, how="left", maintain_order="left")
    return verdicts.verdicts(
        rows.with_columns(
            verdict=pl.col("verdict").fill_null("negative"), fingerprint=pl.lit(fingerprint)
        )
    )


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused for an invalid band."""
    neighbour_bands.refuse_unfit(parameters)


def identity(parameters: dict) -> dict:
    """What else determines its verdicts: the content of the graph file."""
    if not parameters["file"]:
        return {}
    file = below_inputs(parameters["file"], "the graph")
    user_tables.need(file, EDGE)
    return {"file": fingerprint_of_file(file)}


def changes_with_round(parameters: dict) -> bool:
    """Whether it uses the round's starting model."""
    return not (parameters["file"] or parameters["column"])
