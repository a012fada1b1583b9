"""neighbour-bands: documents at a moderate distance from the labelled positive in a graph: neither
near nor unrelated (SciNCL).

Ostendorff et al., "Neighborhood Contrastive Learning for Scientific Document Representations"
(arXiv 2202.06671). The authors' graph has tens of millions of papers (unverified). Their code uses
ranks 20 to 25 as positives and 3,998 to 4,000 as hard negatives: two bands with a gap, the farther
one still far nearer than random documents. Such ranks do not transfer to collections of thousands,
so bands may be fractions of the collection. In the paper the anchor is the query itself, a paper.
Here a query is not in the graph, so its labelled positives are the anchors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.labels import labelled_positives
from hone.data.metadata import Metadata
from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.errors import NothingHere
from hone.graph import neighbour_bands as bands
from hone.graph.neighbour_bands import Counted
from hone.graph.neighbours import EDGE, edges_of_file
from hone.layout import PAIR

FILE_COLUMNS = EDGE


def neighbour_bands(
    documents: Documents,
    labels: pl.DataFrame,
    metadata: Metadata,
    models: Models,
    prefix: str,
    *,
    first: Annotated[float, Field(ge=0)] = 0.01,
    last: Annotated[float, Field(gt=0)] = 0.02,
    counted: Counted = "share",
    file: str | None = None,
    column: str | None = None,
    hops: Annotated[int, Field(ge=1, le=6)] = 2,
    both_ways: bool = True,
    model: str | None = None,
    revision: str | None = None,
    name: str | None = None,
    ids_of: str | None = None,
) -> pl.DataFrame:
    """The documents whose rank among the neighbors of a labelled positive lies in the band.

    With several labelled positives, a document's lowest rank counts.

    Args:
        documents: the collection.
        labels: labels of the training queries.
        metadata: of the collection.
        models: the available encoders.
        prefix: prefix of ids if several collections are joined. A file has ids without prefix.
        first, last: the band, both ends included. SciNCL's code uses ranks 3,998 to 4,000. [Hone
            default]
        counted: `share` for fractions of the collection's documents, or `ranks`. [Hone default]
        file: a table below inputs/ (Parquet, CSV, JSON Lines): doc_id, neighbour_id and optionally
            `rank` or `weight`. [Hone default]
        column: metadata with ids of other documents, such as citations. With neither, neighbors are
            the nearest in the embedding space of `model`. [Hone default]
        hops: maximum hops for links without rank or weight. [Hone default]
        both_ways: whether such links are also followed backwards. [Hone default]
        model: a teacher. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]
        name: a suffix that distinguishes the band's candidates from those of another band. [Hone
            default]
        ids_of: the training collection of the file's ids, if several have equal ids. Only that
            collection is searched. Null: any collection. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, inside the band), score (inner product, or weight; 0 if
        nothing compared them).

    Raises:
        NothingHere: the graph has no edge between documents of the collection, or the band is
            empty.
    """
    found = bands.in_band(
        labelled_positives(labels).select(PAIR),
        documents,
        metadata,
        models,
        prefix,
        "neighbour-bands",
        first=first,
        last=last,
        counted=counted,
        file=file,
        column=column,
        hops=hops,
        both_ways=both_ways,
        model=model,
    )
    if found.is_empty():
        raise NothingHere(
            "neighbour-bands: no labelled positive of a training query has a neighbor from "
            f"{first} to {last} ({counted})."
        )
    return found.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused for an invalid band."""
    bands.refuse_unfit(parameters)


def named(parameters: dict) -> tuple[str, pl.Series] | None:
    """The kind of the file's ids, and the columns of ids. Null if there is no file."""
    return (
        ("document", edges_of_file(Path(parameters["file"]))["doc_id"])
        if parameters["file"]
        else None
    )
