"""attribute: documents that share extracted values with the labelled positive, such as the same
numbers.

Sun et al., "APOLLO: An Optimized Training Approach for Long-form Numerical Reasoning", and the
authors' code: number-aware negatives are sentences and table rows of the same report that contain a
digit (`match: kind`, `within: parent`, `pattern: "[0-9]"`). They teach the retriever to separate
the key facts from other numbers.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator, Field

from hone.data.labels import labelled_positives
from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import nearest, pair_scores
from hone.encoders.store import Vectors
from hone.errors import NothingHere, Refused
from hone.layout import PAIR
from hone.mining.random_documents import distinct
from hone.seeds import generator
from hone.stage import say
from hone.text.attributes import compiles, extracted

SHARE = "numbers"
ADDED_LATER = {"within": "collection"}
PAIRS_AT_ONCE = 4_000_000  # (query, document) pairs compared at once


def attribute(
    queries: pl.DataFrame,
    documents: Documents,
    labels: pl.DataFrame,
    models: Models,
    draws: str,
    *,
    seed: int,
    share: Literal["numbers", "entities"] = SHARE,
    pattern: Annotated[str, AfterValidator(compiles)] | None = None,
    match: Literal["values", "kind"] = "values",
    common: Annotated[float, Field(gt=0, le=1)] = 0.1,
    order: Literal["near", "random"] = "near",
    within: Literal["collection", "parent"] = "collection",
    depth: Annotated[int, Field(ge=1)] = 20,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `depth` documents that share most with the labelled positives of a query. Rare values
    weigh more.

    Each shared value has the weight ln(documents / documents with this value).

    Args:
        queries: query_id, text.
        documents: the collection.
        labels: labels of the training queries.
        models: the available encoders.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        share: numbers, or rule-based entities: runs of capitalized words without the first word of
            a sentence. [Hone default]
        pattern: a regular expression whose matches are the values, instead of `share`. The engine's
            time is linear in the text for any expression. [Hone default]
        match: `values`: the same values. `kind`: any value, if the labelled positive has one. [Hone
            default]
        common: values in a larger fraction of the documents are ignored. [Hone default]
        order: tie-breaking: documents nearer to the query first, or at random by the seed. [Hone
            default]
        within: `parent`: only chunks of the same parents as the labelled positives (`parent_id`),
            as in APOLLO, where all are from one report. The filter `same-parent` removes exactly
            these, so omit it. [Hone default]
        depth: candidates per query. [Hone default]
        model: a teacher for the comparison. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (the sum over shared values; 0 if only the kind is
        shared). Queries whose labelled positives have no such value get no candidates.

    Raises:
        NothingHere: no labelled positive of a training query has such a value.
    """
    ids, what = documents.ids, pattern or share
    draw = generator(seed, draws, "retrieve.attribute", what)
    values = values_of(documents, what)
    places = ids.to_frame("doc_id").with_row_index("doc")
    if match == "values":
        values = values.with_columns(often=pl.len().over("value")).filter(
            pl.col("often") <= common * len(ids)
        )
    known = (
        labelled_positives(labels)
        .select(PAIR)
        .join(
            queries.select("query_id").with_row_index("query"),
            on="query_id",
            how="inner",
            maintain_order="left",
        )
        .join(places, on="doc_id", how="inner", maintain_order="left")
        .select("query", "doc")
    )
    family = None
    if within == "parent":
        parents = documents.parents.join(
            places, on="doc_id", how="inner", maintain_order="left"
        ).select("doc", parent="parent_id")
        if parents.is_empty():
            raise Refused(
                "attribute: `within: parent` needs documents that are chunks, but none in "
                f"{documents.path} has a `parent_id`. "
                "Add that column to the collection, or remove `within`."
            )
        own = known.join(parents, on="doc", how="inner", maintain_order="left").select(
            "query", "parent"
        )
        family = (
            own.unique(maintain_order=True)
            .join(parents, on="parent", how="inner", maintain_order="left")
            .select("query", "doc")
        )
    query_values = (
        known.join(values, on="doc", how="inner", maintain_order="left")
        .select("query", "value")
        .unique(maintain_order=True)
    )
    if query_values.is_empty():
        rare = " that are rare enough (raise `common`)" if match == "values" else ""
        raise NothingHere(
            "attribute: no labelled positive of a training query has "
            f"{describe_values(pattern, share)}{rare}."
        )
    if without := len(queries) - query_values["query"].n_unique():
        say(
            f"attribute: {without:,} of {len(queries):,} queries have no labelled positive with "
            f"{describe_values(pattern, share)} and get "
            "no candidates"
        )
    encoder = models.encoder(model) if order == "near" else None
    vectors = (
        (encoder.queries(queries["text"].to_list()), encoder.documents(documents))
        if encoder
        else None
    )
    if match == "values":
        found = sharing(query_values, values, known, len(ids), vectors, draw, depth, family)
    elif family is not None:
        having = values.select("doc").unique().join(family, on="doc", how="inner")
        wanted = having.join(query_values.select("query").unique(), on="query", how="semi").select(
            "query", "doc", score=pl.lit(0.0)
        )
        found = first(wanted.join(known, on=["query", "doc"], how="anti"), vectors, draw, depth)
    else:
        found = of_kind(
            query_values["query"].unique(maintain_order=True),
            values["doc"].unique().sort(),
            known,
            vectors,
            draw,
            depth,
        )
    return found.select(
        query_id=queries["query_id"].gather(found["query"]),
        doc_id=ids.gather(found["doc"]),
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query"),
        score=pl.col("score").cast(pl.Float32),
    )


def refuse_unfit(parameters: dict) -> None:
    """Raise Refused if both `share` and `pattern` are set."""
    if parameters["pattern"] is not None and parameters["share"] != SHARE:
        raise Refused(
            f"attribute: `pattern` replaces `share: {parameters['share']}`. Remove one of the two."
        )


def removed_by(parameters: dict) -> dict[str, str]:
    """The filters that would remove all candidates of this source, and why."""
    return (
        {"same-parent": "removes every passage of a positive's own document"}
        if parameters["within"] == "parent"
        else {}
    )


def describe_values(pattern: str | None, share: str) -> str:
    """The kind of extracted values, for messages."""
    return f"a match of {pattern!r}" if pattern else share


def values_of(documents: Documents, what: str) -> pl.DataFrame:
    """doc (row) and value: the distinct values extracted from each document."""
    parts = [pl.DataFrame(schema={"doc": pl.UInt32, "value": pl.String})]
    start = 0
    for texts in documents.chunks():
        found = pl.DataFrame(
            {"value": extracted(pl.Series(texts, dtype=pl.String), what)}
        ).with_row_index("doc", offset=start)
        parts.append(
            found.explode("value").drop_nulls().cast(parts[0].schema).unique(maintain_order=True)
        )
        start += len(texts)
    return pl.concat(parts)


def sharing(
    query_values: pl.DataFrame,
    values: pl.DataFrame,
    known: pl.DataFrame,
    count: int,
    vectors: tuple[Vectors, Vectors] | None,
    draw: np.random.Generator,
    depth: int,
    family: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """query, doc (rows) and score, by query and score: documents that share values with a query's
    labelled positives.

    Args:
        query_values: query, value.
        values: doc, value, often (number of documents with it).
        known: query, doc of labelled positives, which are excluded.
        count: number of all documents.
        vectors: vectors of queries and documents, whose inner product breaks ties. Null: ties are
            broken at random.
        draw: for random tie-breaking.
        depth: documents per query.
        family: query, doc: the eligible documents. Null: all.
    """
    having = values.with_columns(rarity=(count / pl.col("often")).log())
    often = values.select("value", "often").unique()
    cost = (
        query_values.join(often, on="value", how="inner")
        .group_by("query")
        .agg(pl.col("often").sum())
        .sort("query")
    )
    part = cost.select("query", part=pl.col("often").cum_sum() // PAIRS_AT_ONCE)
    parts = [pl.DataFrame(schema={"query": pl.UInt32, "doc": pl.UInt32, "score": pl.Float64})]
    for some in query_values.join(
        part, on="query", how="inner", maintain_order="left"
    ).partition_by("part", maintain_order=True):
        shared = (
            some.join(having, on="value", how="inner")
            .group_by("query", "doc")
            .agg(score=pl.col("rarity").sum().round(6))
        )
        if family is not None:
            shared = shared.join(family, on=["query", "doc"], how="semi")
        parts.append(
            first(shared.join(known, on=["query", "doc"], how="anti"), vectors, draw, depth)
        )
    return pl.concat(parts)


def first(
    pairs: pl.DataFrame,
    vectors: tuple[Vectors, Vectors] | None,
    draw: np.random.Generator,
    depth: int,
) -> pl.DataFrame:
    """The `depth` rows of each query (query, doc, score) with the highest score. Ties: nearer
    documents, or at random.
    """
    ordered = pairs.sort("query", "doc")
    tie = (
        pair_scores(*vectors, ordered.select("query", "doc").to_numpy())
        if vectors
        else draw.random(len(ordered))
    )
    ranked = ordered.with_columns(pl.Series("tie", tie)).sort(
        "query", "score", "tie", descending=[False, True, True]
    )
    return ranked.filter(pl.int_range(pl.len()).over("query") < depth).select(
        "query", "doc", "score"
    )


def of_kind(
    query_rows: pl.Series,
    having: pl.Series,
    known: pl.DataFrame,
    vectors: tuple[Vectors, Vectors] | None,
    draw: np.random.Generator,
    depth: int,
) -> pl.DataFrame:
    """query, doc (rows) and score, by query: the nearest documents with any value, or a random
    sample.

    Args:
        query_rows: rows of the queries.
        having: rows of the documents with a value.
        known, vectors, draw, depth: as in `sharing`. The search is deeper by the maximum number of
            labelled positives of a query.
    """
    rows, among = query_rows.to_numpy(), having.to_numpy()
    more = min(len(among), depth + known.group_by("query").len()["len"].max())
    near = nearest(vectors[0].part(rows), vectors[1].part(among), more) if vectors else None
    places = distinct(draw, len(rows), len(among), more) if near is None else near[1]
    found = pl.DataFrame(
        {"query": np.repeat(rows, more), "doc": among[places.ravel()]}, schema=known.schema
    )
    left = found.join(known, on=["query", "doc"], how="anti", maintain_order="left").with_columns(
        score=pl.lit(0.0)
    )
    return left.filter(pl.int_range(pl.len()).over("query") < depth)
