"""negation: pairs of documents that differ in a negation, with a query for each, from docstrings of
installed libraries.

Source: the form of NevIR (Weller et al., arXiv 2305.07614), whose queries people wrote. Here each
Boolean parameter gives a pair. One document describes the function if it is True, the other if it
is False, in the docstring's words. The two queries differ in the word "not". A model that ignores
it ranks the same document first for both.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source, frame
from hone.text.near_duplicates import clusters
from tasks.collect.python_api import PACKAGES, functions_in
from tasks.collect.split import ALIKE, CHARACTERS

ABILITY = "negation"
# A parameter in numpydoc: its name and type on one line, its description indented below.
PARAMETER = re.compile(r"^(\w+) *:[^\n]*\bbool[^\n]*\n((?: {2,}[^\n]*\n|\n)+)", re.MULTILINE)
DIRECTIVE = re.compile(r"\s*\.\. \w+::.*")
# "If True and .." has no simple opposite, and "If False or None, .." is ambiguous.
PLAIN = r"(?: \((?:the )?default\))?[,:]? (?!and\b|or\b)(?:then )?(.+)"
IF_TRUE = re.compile(rf"(?:If|When)(?: set to)? [`'*]*True[`'*]*{PLAIN}")
IF_FALSE = re.compile(rf"(?:(?:If|When)(?: set to)? [`'*]*False[`'*]*|Otherwise|If not){PLAIN}")
INSIDE = re.compile(r"[;,] (?:and )?(otherwise|if [`'*]*False[`'*]*)(?=[ ,])")
SENTENCES = re.compile(r"(?<=[.;])\s+(?=[A-Z])")
SHORTEST, LONGEST = 2, 40  # words of a parameter's description [Hone default]
COLUMNS = {
    "function": pl.String,
    "parameter": pl.String,
    "true": pl.String,
    "false": pl.String,
    "file": pl.String,
    "row": pl.Int64,
}
SIDES = {"true": ("If True", "is true"), "false": ("If False", "is not true")}


def negation(
    *,
    packages: Annotated[
        list[Literal["numpy", "scipy", "pandas", "sklearn", "networkx"]], Field(min_length=1)
    ] = PACKAGES,
) -> Source:
    """Create the collection from the installed packages. All queries are test queries, and only the
    two documents of a pair are ranked.

    Args:
        packages: source packages of the functions. [Hone default]

    Raises:
        Refused: one of the packages is not installed.
    """
    found = pl.DataFrame(
        [pair for package in packages for pair in pairs_of(package)], schema=COLUMNS, orient="row"
    )
    pairs = found.unique(["function", "parameter"], keep="first", maintain_order=True)
    pairs = drop_near_duplicates(pairs).with_columns(
        pair=pl.format("{}:{}", "function", "parameter")
    )
    sides = pl.concat(
        [
            pairs.select(
                "file",
                "row",
                query_id=pl.format("{}:{}?", "pair", pl.lit(side)),
                doc_id=pl.format("{}:{}", "pair", pl.lit(side)),
                twin=pl.format("{}:{}", "pair", pl.lit(other)),
                query=pl.format(
                    "What does {} do when {} {}?", "function", "parameter", pl.lit(condition)
                ),
                text=pl.format("{}, {}: {}, {}", "function", "parameter", pl.lit(statement), side),
            )
            for (side, (statement, condition)), other in zip(
                SIDES.items(), reversed(SIDES), strict=True
            )
        ]
    )
    labels = pl.concat(
        [
            sides.with_columns(doc_id=pl.col(doc), relevance=pl.lit(grade))
            for doc, grade in (("doc_id", 1), ("twin", 0))
        ]
    )
    return Source(
        documents=table(DOCUMENTS, sides),
        queries=table(QUERIES, sides.with_columns(text="query", split=pl.lit("test"))),
        qrels=table(QRELS, labels.with_columns(source=pl.lit("docstring"))),
        ranked=labels.select("query_id", "doc_id"),
    )


def drop_near_duplicates(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs without near-duplicates on either side. The first of each group is kept.

    Many functions share nearly identical texts. The interval of the measure assumes independent
    pairs, so only one of them is used.
    """
    for side in SIDES:
        alike = pl.Series("alike", clusters(pairs[side].to_list(), ALIKE, characters=CHARACTERS))
        pairs = (
            pairs.with_columns(alike)
            .unique("alike", keep="first", maintain_order=True)
            .drop("alike")
        )
    return pairs


def table(columns: dict[str, type[pl.DataType]], rows: pl.DataFrame) -> pl.DataFrame:
    """One of a source's tables from the available columns."""
    return frame(columns, {name: rows[name] for name in columns if name in rows.columns})


def pairs_of(package: str) -> Iterator[tuple[str, str, str, str, str, int]]:
    """Function, parameter, its description if true and if false, file and line."""
    for function in functions_in(package):
        for name, description in PARAMETER.findall(ast.get_docstring(function.node) + "\n"):
            if both := opposites(description):
                yield function.name, name, *both, function.file, function.node.lineno


def opposites(description: str) -> tuple[str, str] | None:
    """The descriptions for true and for false, if each is one sentence."""
    text = INSIDE.sub(
        lambda inside: f". {inside[1][0].upper()}{inside[1][1:]}",
        DIRECTIVE.sub("", " ".join(description.split())),
    )
    sentences = SENTENCES.split(text)
    sides = [
        [found[1] for one in sentences if (found := side.fullmatch(one))]
        for side in (IF_TRUE, IF_FALSE)
    ]
    if [len(side) for side in sides] != [1, 1]:
        return None
    if_true, if_false = (side[0].rstrip(" .;") + "." for side in sides)
    words = [len(side.split()) for side in (if_true, if_false)]
    return (
        (if_true, if_false)
        if min(words) >= SHORTEST and max(words) <= LONGEST and if_true != if_false
        else None
    )
