"""neighbour-bands: documents at a certain distance from the known answer in a graph: neither its neighbours nor strangers (SciNCL).

Ostendorff et al., "Neighborhood Contrastive Learning for Scientific Document Representations" (arXiv 2202.06671). The authors' graph
has tens of millions of papers (from memory), their code takes ranks 20 to 25 as positives and 3,998 to 4,000 as hard negatives: bands
of ranks with a gap between, the farther one still far nearer than chance. In a collection of thousands such ranks mean something else,
so that bands may be shares of the collection. There the anchor is the query itself, a paper; here a query has no place in the graph,
and its known answers are the anchors.
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
    """The documents whose rank among the neighbours of a known answer lies in the band.

    With several known answers a document's rank is the least that it has with any of them.

    Args:
        documents: the collection.
        labels: of the training queries.
        metadata: of the collection.
        models: where encoders come from.
        prefix: of ids where several collections are joined; a file has them without.
        first, last: the band, both ends in it. SciNCL's code has ranks 3,998 to 4,000. [Hone default]
        counted: `share` of the collection's documents, or `ranks`. [Hone default]
        file: below inputs/ (Parquet, CSV, JSON Lines): doc_id, neighbour_id and, where it is known, `rank` or `weight`. [Hone default]
        column: metadata whose values are the ids of other documents, such as what is cited. With neither, neighbours are the nearest in the
            space of `model`. [Hone default]
        hops: of links without rank or weight, how far they are followed. [Hone default]
        both_ways: whether such links count backwards too. [Hone default]
        model: a teacher; null: the round's starting model. [Hone default]
        revision: of a teacher from the Hub. [Hone default]
        name: what sets the band's candidates apart from another band's. [Hone default]
        ids_of: the training collection whose ids the file has, where several have the same ids; null: whichever has them. The stage asks in
            that collection alone. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, inside the band), score (inner product, or weight; 0 where nothing compared them).

    Raises:
        NothingHere: the graph has no edge between documents of the collection, or nobody is in the band.
    """
    found = bands.in_band(
        labelled_positives(labels).select(PAIR), documents, metadata, models, prefix,
        "neighbour-bands", first=first, last=last, counted=counted,
        file=file, column=column, hops=hops, both_ways=both_ways, model=model,
    )  # fmt: skip
    if found.is_empty():
        raise NothingHere(f"neighbour-bands: no known answer of a training query has a neighbour from {first} to {last} ({counted}).")
    return found.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused for a band that cannot be meant."""
    bands.refuse_unfit(parameters)


def named(parameters: dict) -> tuple[str, pl.Series] | None:
    """What the file's ids are of, and those by which a collection is known; null where there is no file."""
    return ("document", edges_of_file(Path(parameters["file"]))["doc_id"]) if parameters["file"] else None
