"""Everything that is wrong with a collection's files, told at once: each kind with its first places and how many there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from hone.errors import Refused

if TYPE_CHECKING:
    from hone.data.source import Source

SHOWN = 5  # places of a kind


@dataclass
class Kind:
    """One kind of fault. `what` stands before its places; where it is empty, each place has its own sentence."""

    what: str
    remedy: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.what and not self.remedy:
            return f"{self.places[0]}."
        places = "; ".join(self.places) + (f" and {self.count - len(self.places):,} more" if self.count > len(self.places) else "")
        return f"{self.what} ({places}). What to do: {self.remedy}." if self.what else f"{places}. {self.remedy}."


@dataclass
class Faults:
    """Faults by kind, in the order in which they were met. What they take in memory does not grow with how many there are."""

    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)  # documents, queries: those of which rows are missing because they cannot be read

    def __bool__(self) -> bool:
        return bool(self.kinds)

    @property
    def count(self) -> int:
        return sum(kind.count for kind in self.kinds.values())

    def line(self, file: object, number: int, what: str, remedy: str, kind: str = "", unit: str = "line") -> None:
        """A fault of one line or row of a file.

        Args:
            file, number, unit: where it is.
            what: what is wrong there, the value included.
            remedy: what to do.
            kind: what faults of one kind have in common; empty: their remedy.
        """
        found = self.kinds.setdefault((f"{file}", kind or remedy), Kind("", remedy))
        found.count += 1
        if len(found.places) < SHOWN:
            found.places.append(f"{file}, {unit} {number}: {what}")

    def rows(self, rows: pl.DataFrame, what: str, column: str, remedy: str) -> None:
        """Rows of a table (`file`, `row`) that have the same fault; none where there are no rows."""
        if rows.is_empty():
            return
        named = rows.head(SHOWN).with_columns(value=pl.col(column).cast(pl.String) if column in rows.columns else pl.lit(""))
        found = self.kinds.setdefault(("", what), Kind(what, remedy))
        found.count += len(rows)
        places = (f"{file}, row {row}: '{value}'" for file, row, value in named.select("file", "row", "value").rows())
        found.places += list(places)[: SHOWN - len(found.places)]

    def note(self, sentence: str, count: int = 1) -> None:
        """A fault that has a sentence of its own (without a full stop)."""
        self.kinds.setdefault(("", sentence), Kind("", "", count, [sentence]))

    def refusal(self, refusal: Refused) -> None:
        """What a check refused, as one more fault."""
        if isinstance(refusal, Faulty):
            self.add(refusal.faults)
        else:
            self.note(str(refusal).removesuffix("."))

    def add(self, others: Faults) -> None:
        self.kinds |= others.kinds
        self.tables |= others.tables

    def message(self, name: str = "") -> str:
        """All of it: one sentence where there is one kind, else a list."""
        of = f"the collection {name}" if name else "the data"
        if len(self.kinds) == 1:
            [kind] = self.kinds.values()
            return f"{of}: {kind}" if kind.what or (not kind.remedy and name) else str(kind)
        told = [f"- {kind}" for kind in self.kinds.values()]
        return "\n".join([f"{of} has {self.count:,} errors of {len(told)} kinds:", *told])

    def refuse(self, name: str = "") -> None:
        """Raises Refused with all of it, if there is anything."""
        if self:
            raise Refused(self.message(name))


class Faulty(Refused):
    """Files of which some lines could not be read. `source` is what the others say, so that it can be checked too."""

    def __init__(self, faults: Faults, source: Source | None) -> None:
        super().__init__(faults.message())
        self.faults, self.source = faults, source
