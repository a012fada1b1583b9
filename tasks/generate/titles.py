"""titles: the title of a document, or a value of its metadata such as a function's name, is a query
for it. Free.

The source: titles as queries are the weak labels of many pretraining collections, such as those of
E5 (arXiv 2212.03533).
"""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.errors import Refused, listed
from hone.generation.rows import Generated, label_with, make_documents, make_queries, removed_rows
from hone.layout import collection_table
from tasks.generate.context import GenerationContext

TITLE = "title"


def titles(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    field: str = TITLE,
    split_names: bool = False,
) -> Generated:
    """A query from the title of each document.

    The positive of a title is a copy of the document without it, for a title in the positive would
    be the whole answer. With a field of the metadata, the positive is the document itself.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with titles and metadata.
        field: `title`, or the name of a metadata value. [Hone default]
        split_names: write identifiers as words: `read_csv` and `readCsv` as `read csv`. [Hone
            default]

    Returns:
        One query per document that has the value.

    Raises:
        Refused: no document of the collection has the field.
    """
    found = read_field(documents, collection, field)
    if split_names:
        found = found.with_columns(value=as_words(pl.col("value")))
    named = documents.join(found, on="doc_id", how="inner", maintain_order="left")
    named = named.filter(pl.col("value").str.strip_chars() != "")
    absent = documents.join(named, on="doc_id", how="anti", maintain_order="left")
    removed = [removed_rows(absent, "no-title", f"the document has no {field}")]
    if field != TITLE:
        queries = make_queries(named.select("doc_id", text="value"), "titles", f"titles {field}")
        return Generated(
            queries, label_with(queries, queries["doc_id"], 1), removed=pl.concat(removed)
        )
    bare = named.filter(pl.col("body").str.strip_chars() == "")
    removed.append(removed_rows(bare, "no-text", "the document is only a title"))
    named = named.filter(pl.col("body").str.strip_chars() != "")
    queries = make_queries(named.select("doc_id", text="value"), "titles", "titles title")
    bodies = make_documents(named.select(text="body"), "titles title")
    return Generated(
        queries,
        label_with(queries, bodies["doc_id"], 1),
        bodies.unique("doc_id", keep="first", maintain_order=True),
        pl.concat(removed),
    )


def as_words(names: pl.Expr) -> pl.Expr:
    """Identifiers as words: cut at underscores, dots, and before capitals that follow a small
    letter.
    """
    return (
        names.str.replace_all(r"([\p{Ll}\d])(\p{Lu})", "$1 $2")
        .str.replace_all(r"[_.\s]+", " ")
        .str.strip_chars()
        .str.to_lowercase()
    )


def read_field(documents: pl.DataFrame, collection: GenerationContext, field: str) -> pl.DataFrame:
    """doc_id, value, body (the text without the title) of the documents that have the field."""
    file = collection_table(collection.name, "documents")
    own = (
        tables.scan("documents", file)
        .join(documents.lazy().select("doc_id"), on="doc_id", how="semi")
        .select(
            "doc_id",
            value=pl.col("title"),
            body=pl.col("text").fill_null(""),
        )
        .collect(engine="streaming")
    )
    metadata = tables.read("metadata", collection_table(collection.name, "metadata"))
    values = metadata.filter(pl.col("name") == field).unique(
        "doc_id", keep="first", maintain_order=True
    )
    if field == TITLE and own["value"].is_not_null().any():
        return own.filter(pl.col("value").is_not_null())
    if values.is_empty():
        known = metadata["name"].unique(maintain_order=True).to_list()
        raise Refused(
            f"titles: the chosen documents of {collection.name} have no '{field}'. Set `field` to "
            f"{listed([TITLE, *known])}, or use another method."
        )
    return own.drop("value").join(
        values.select("doc_id", "value"), on="doc_id", how="inner", maintain_order="left"
    )
