"""Documents of the same collection that the section "See Also" of a numpydoc docstring refers
to.
"""

from __future__ import annotations

import re
import textwrap

import polars as pl

SECTION = re.compile(
    r"^See Also[ \t]*\n-+[ \t]*\n(.*?)(?=^\S[^\n]*\n[-=]{3,}[ \t]*$|^\.\. |\Z)",
    re.MULTILINE | re.DOTALL,
)
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
ROLE = re.compile(r":\w+(?::\w+)*:`~?([^`]*)`")  # :func:`name`


def names_in(docstring: str) -> list[str]:
    """The names in the section, in order, without their descriptions (after a colon or
    indented).
    """
    found = SECTION.search(docstring)
    lines = textwrap.dedent(found.group(1)).split("\n") if found else []
    listed = [
        ROLE.sub(r"\1", line).split(" : ")[0].rstrip(" :")
        for line in lines
        if line and not line[0].isspace()
    ]
    names = [part.strip(" `") for line in listed for part in line.split(",")]
    return list(dict.fromkeys(name for name in names if NAME.fullmatch(name)))


def resolved(references: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """The referenced documents: by the whole id, otherwise by the last name in the same module,
    otherwise in the package.

    Ambiguous names in the module, or in the package if the module has none, are skipped.

    Args:
        references: doc_id, target (a name, dotted or not).
        documents: doc_id, package, module, name (the last part).

    Returns:
        doc_id, other (doc_id of the referenced document), in the order of `references`.
    """
    from_here = documents.select("doc_id", "package", "module")
    targets = references.with_columns(name=pl.col("target").str.split(".").list.last()).join(
        from_here, on="doc_id", how="inner", maintain_order="left"
    )
    exact = targets.join(
        documents.select(target="doc_id", other="doc_id"),
        on="target",
        how="left",
        maintain_order="left",
    )["other"]
    near = [
        only_one(targets, documents, keys) for keys in (["module", "name"], ["package", "name"])
    ]
    found = targets.select("doc_id", other=pl.coalesce(exact, *near))
    return found.filter(
        pl.col("other").is_not_null() & (pl.col("other") != pl.col("doc_id"))
    ).unique(maintain_order=True)


def only_one(wanted: pl.DataFrame, documents: pl.DataFrame, keys: list[str]) -> pl.Series:
    """For each row the only document that agrees in `keys`. Null if there is none or more than
    one.
    """
    single = documents.filter(pl.len().over(keys) == 1).select(*keys, other="doc_id")
    return wanted.join(single, on=keys, how="left", maintain_order="left")["other"]
