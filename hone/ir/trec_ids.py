"""Ids in TREC's run files, whose fields are parted by white space: what would part or break a line is percent-encoded (RFC 3986)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import polars as pl

# White space of any script, control characters, and the sign that begins what is encoded. Other letters stay as they are.
BREAKS = r"[\s\x00-\x20\x7f-\x9f\ufeff%]"


def encoded(ids: pl.Series) -> pl.Series:
    """Ids without what breaks a line: `a b` becomes `a%20b`, `5%` becomes `5%25`."""
    return changed(ids, ids.str.contains(BREAKS), lambda one: re.sub(BREAKS, lambda found: quote(found.group()), one))


def decoded(ids: pl.Series) -> pl.Series:
    """The ids of which `encoded` made these."""
    return changed(ids, ids.str.contains("%", literal=True), unquote)


def changed(ids: pl.Series, touched: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """Ids of which those that are touched are changed: each once, however often it stands there, and in most collections none."""
    before = ids.filter(touched).unique()
    after = pl.Series(before.name, [change(one) for one in before], dtype=pl.String)
    return ids.replace(before, after) if len(before) else ids
