"""All errors in a collection's files, reported together: each kind with its first places and its
count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused

if TYPE_CHECKING:
    from hone.data.source import Source

PLACES_PER_KIND = 5  # places shown for each kind


@dataclass
class Kind:
    """One kind of error. `what` precedes its places. If it is empty, each place has its own
    sentence.
    """

    what: str
    remedy: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.what and not self.remedy:
            return f"{self.places[0]}."
        places = "; ".join(self.places) + (
            f" and {self.count - len(self.places):,} more" if self.count > len(self.places) else ""
        )
        return (
            f"{self.what} ({places}). Fix: {self.remedy}."
            if self.what
            else f"{places}. {self.remedy}."
        )


@dataclass
class Faults:
    """Errors by kind, in order of first occurrence. Memory use does not grow with their number."""

    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    tables: set[str] = field(
        default_factory=set
    )  # documents, queries: tables with rows that could not be read

    def __bool__(self) -> bool:
        return bool(self.kinds)

    @property
    def count(self) -> int:
        return sum(kind.count for kind in self.kinds.values())

    def line(
        self, file: object, number: int, what: str, remedy: str, kind: str = "", unit: str = "line"
    ) -> None:
        """Add an error of one line or row of a file.

        Args:
            file, number, unit: the place.
            what: what is wrong, with the value.
            remedy: how to fix it.
            kind: the key that groups similar errors. Empty: the remedy.
        """
        found = self.kinds.setdefault((f"{file}", kind or remedy), Kind("", remedy))
        found.count += 1
        if len(found.places) < PLACES_PER_KIND:
            found.places.append(f"{file}, {unit} {number}: {what}")

    def rows(self, rows: pl.DataFrame, what: str, column: str, remedy: str) -> None:
        """Add the rows of a table (`file`, `row`) with the same error. An empty table adds
        nothing.
        """
        if rows.is_empty():
            return
        named = rows.head(PLACES_PER_KIND).with_columns(
            value=pl.col(column).cast(pl.String) if column in rows.columns else pl.lit("")
        )
        found = self.kinds.setdefault(("", what), Kind(what, remedy))
        found.count += len(rows)
        places = (
            f"{file}, row {row}: '{value}'"
            for file, row, value in named.select("file", "row", "value").rows()
        )
        found.places += list(places)[: PLACES_PER_KIND - len(found.places)]

    def note(self, sentence: str, count: int = 1) -> None:
        """Add an error with its own sentence, without the final period."""
        self.kinds.setdefault(("", sentence), Kind("", "", count, [sentence]))

    def refusal(self, refusal: Refused) -> None:
        """Add the message of a Refused error."""
        if isinstance(refusal, Faulty):
            self.add(refusal.faults)
        else:
            self.note(str(refusal).removesuffix("."))

    def add(self, others: Faults) -> None:
        self.kinds |= others.kinds
        self.tables |= others.tables

    def message(self, name: str = "") -> str:
        """The full message: one sentence for one kind, a list for several."""
        of = f"the collection {name}" if name else "the data"
        if len(self.kinds) == 1:
            [kind] = self.kinds.values()
            return f"{of}: {kind}" if kind.what or (not kind.remedy and name) else str(kind)
        lines = [f"- {kind}" for kind in self.kinds.values()]
        return "\n".join([f"{of} has {self.count:,} errors of {len(lines)} kinds:", *lines])

    def refuse(self, name: str = "") -> None:
        """Raise Refused with all errors, if there are any."""
        if self:
            raise Refused(self.message(name))


class Faulty(Refused):
    """Some lines of a file could not be read. `source` holds the others, so they can be checked
    too.
    """

    def __init__(self, faults: Faults, source: Source | None) -> None:
        super().__init__(faults.message())
        self.faults, self.source = faults, source
