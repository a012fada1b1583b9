"""hub: a dataset on the Hugging Face Hub: pairs, triplets, scored pairs, or lists of passages as
RLHN and Tevatron publish them.

The dataset is pinned to a commit, and its files are downloaded once to HONE_HOME. Parquet, JSON
Lines, CSV and TSV files are read. Code of a dataset never runs. RLHN: arXiv 2505.16967.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from hone import hub as client
from hone.data.source import Source
from hone.errors import UNPRINTABLE_OR_LINE, Refused, listed
from hone.seeds import generator
from hone.stage import say
from tasks.collect.hub_download import HubFile, Listing, download, listing_of
from tasks.collect.hub_files import KNOWN, Splits, choose_files
from tasks.collect.hub_layout import Role
from tasks.collect.hub_rows import Rows, read_rows
from tasks.collect.hub_tables import Tables

READS_FILES = False  # OWNER/NAME is not a path, even if a folder has this name
SEED = 13  # of `rows`


def check(what: str | None, options: dict) -> None:
    """Raise Refused if the name or an option is unusable, before any stage runs."""
    if what is None:
        raise Refused("`source: hub` needs a dataset, for example `source: hub:rlhn/rlhn-100K`.")
    client.refuse_name(what, "the dataset of `source: hub:`")
    for name in ("revision", "subset", "split"):
        if options[name] is not None and (
            not options[name] or UNPRINTABLE_OR_LINE.search(options[name])
        ):
            raise Refused(
                f"`{name}` is {listed([options[name]])}, which no dataset has. Remove it."
            )
    client.endpoint()


def hub(
    path: Path,
    what: str,
    *,
    revision: str | None = None,
    subset: str | None = None,
    split: str | None = None,
    columns: dict[Role, str | list[str]] | None = None,
    where: dict[str, list[str | int]] | None = None,
    rows: Annotated[int, Field(ge=1)] | None = None,
    negatives: Literal["judged", "documents"] = "judged",
    min_score: float | None = None,
    max_bytes: Annotated[int, Field(ge=1)] = 2_000_000_000,
) -> Source:
    """Read a dataset. Its documents are only the passages in its rows, so search in them is easier
    than in the full corpus.

    Args:
        path: ignored.
        what: OWNER/NAME.
        revision: a commit, branch or tag. The commit of a branch or tag is fixed at the first
            download. Null: the branch main. [Hone default]
        subset: one of its subsets. Null: the only one, or the default. [Hone default]
        split: the only split to read. Null: train, dev and test; or the only one. A single split
            is divided by the collection's own `split`. [Hone default]
        columns: the columns of query, query_id, positive, negative and score, if their names are
            not the usual ones. [Hone default]
        where: values of columns. Only rows with one of these values are read, such as
            `{subset: [fiqa]}` for RLHN. [Hone default]
        rows: the maximum number of rows per split, drawn with a fixed seed. Null: all. [Hone
            default]
        negatives: "judged" labels the negatives as not relevant. "documents" only adds their texts
            to the collection. [Hone default]
        min_score: scores from here on are relevance 1, lower ones 0. Null: scores are relevance
            grades, whole numbers from 0. [Hone default]
        max_bytes: the maximum size of the files to read. A larger dataset is refused before its
            download. [Hone default]

    Raises:
        Refused: the dataset does not exist, needs code, is too large, cannot be downloaded, or has
            columns that Hone cannot read.
    """
    listing = listing_of(what, revision)
    splits = choose_files(listing, subset, split)
    files = [file for found in splits.values() for file in found]
    refuse_large(listing, files, max_bytes)
    places = download(listing, files)
    values = {name: list(map(str, given)) for name, given in (where or {}).items()}
    tables, layouts = Tables(negatives == "judged", min_score), set()
    for name, found in splits.items():
        labels = {f"hub:{what}/{file.path}": places[file.path] for file in found}
        read = [read_rows(place, label, columns, values) for label, place in labels.items()]
        layouts |= {one.layout.describe() for one in read if one.layout}
        refuse_different(what, layouts)
        for label, one, drawn in zip(labels, read, draw(read, rows, what, name), strict=True):
            for numbers, pairs in one.of(drawn):
                tables.add(pairs, numbers, hone_split(name, splits), label)
    if not any(len(part) for part in tables.labels):
        raise Refused(describe_nothing(what, where))
    source = tables.source()
    say_what_was_read(what, next(iter(layouts)), splits, source)
    return replace(source, origin=origin_of(listing, subset))


def refuse_large(listing: Listing, files: list[HubFile], max_bytes: int) -> None:
    """Raise Refused if the files are too large to download."""
    size = sum(file.size for file in files)
    if size > max_bytes:
        raise Refused(
            f"the dataset {listing.name} has {size:,} bytes in {len(files):,} files, more than "
            f"`max_bytes` ({max_bytes:,}). Nothing was downloaded. Choose a smaller dataset, "
            f"subset or split, or write `options: {{max_bytes: {size}}}`."
        )


def refuse_different(what: str, layouts: set[str]) -> None:
    """Raise Refused if files have different layouts."""
    if len(layouts) > 1:
        raise Refused(
            f"the files of the dataset {what} have different layouts: {listed(sorted(layouts))}. "
            "Choose one with `options: {subset: ...}` or `options: {split: ...}`."
        )


def describe_nothing(what: str, where: dict | None) -> str:
    """The error for a dataset without a usable row."""
    if where:
        return (
            f"no row of the dataset {what} has one of the values of `where`: {where}. Correct the "
            "values, or remove `where`."
        )
    return f"the dataset {what} has no row with a query and a passage. Choose another dataset."


def draw(read: list[Rows], most: int | None, what: str, split: str) -> list[pl.Series]:
    """The row numbers to read of each file of a split: all, or `most` of all files together."""
    total = sum(len(one.numbers) for one in read)
    if most is None or total <= most:
        return [one.numbers for one in read]
    random = generator(SEED, "collect.hub", what, split)
    drawn, start, parts = np.sort(random.choice(total, most, replace=False)), 0, []
    for one in read:
        inside = drawn[(drawn >= start) & (drawn < start + len(one.numbers))] - start
        parts.append(one.numbers.gather(inside))
        start += len(one.numbers)
    return parts


def hone_split(name: str, splits: Splits) -> str | None:
    """Hone's name of a split. Null if it is the only one: the collection's `split` divides it."""
    return None if len(splits) == 1 else KNOWN[name]


def say_what_was_read(what: str, layout: str, splits: Splits, source: Source) -> None:
    """Log the layout, and the size of the corpus."""
    names = ", ".join(splits)
    divided = ", which `split` of the collection divides" if len(splits) == 1 else ""
    say(f"collect hub:{what}: layout {layout}; splits: {names}{divided}")
    say(
        f"collect hub:{what}: its corpus is the {len(source.documents):,} different passages of "
        "its rows, so search is easier than in a full corpus"
    )


def origin_of(listing: Listing, subset: str | None) -> dict[str, str]:
    """Where the data is from, for about.json."""
    found = {
        "dataset": listing.name,
        "commit": listing.commit,
        "address": f"{client.page_of('dataset', listing.name)}/tree/{listing.commit}",
    }
    found |= {"subset": subset} if subset else {}
    return found | ({"license": listing.license} if listing.license else {})
