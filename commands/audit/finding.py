"""A finding: what was looked for, how often it is there, an example, and what it means for training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from commands.audit.dataset import Subject
from hone.present import number_format

SHOWN = 2  # examples of a finding
LISTED = 10_000  # places of a finding in the JSON


@dataclass(frozen=True)
class Example:
    """Where it is, and the texts with what each is."""

    where: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: its address on the page and in the JSON.
        title: a heading.
        count, of, unit: so many of so many of what.
        harm: "mend" (costs a model), "know" (may be meant).
        means: what it does to training.
        cure: what to do.
        examples: a few.
        places: lines of the file, or ids, of all of them as far as LISTED.
        note: what was not looked at, or nothing.
    """

    name: str
    title: str
    count: int
    of: int
    unit: str
    harm: Literal["mend", "know"]
    means: str
    cure: str
    examples: tuple[Example, ...] = ()
    places: tuple[str | int, ...] = ()
    note: str = ""

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def told(self) -> str:
        """Its weight: "mend" or "know" where it is there, else "clean"."""
        return self.harm if self.count else "clean"

    def plain(self) -> dict:
        """As JSON holds it."""
        return asdict(self) | {"share": self.share, "told": self.told}


def cut(text: str | None) -> str:
    """The beginning of a text that a page shows."""
    return number_format.truncate(text or "")


def where(subject: Subject, pair: dict) -> str:
    """The line of a training file, or the ids of a collection."""
    if subject.kind == "triplets":
        return f"line {pair['row']:,}"
    parts = [
        f"{told} {frame[key][pair[number]]}"
        for told, frame, number, key in (
            ("query", subject.queries, "query", "query_id"),
            ("document", subject.documents, "document", "doc_id"),
        )
        if pair.get(number) is not None
    ]
    return ", ".join(parts)


def places(subject: Subject, pairs: pl.DataFrame) -> tuple[str | int, ...]:
    """The places of rows with query, document and row, as far as they are listed."""
    if subject.kind == "triplets":
        return tuple(pairs["row"].unique(maintain_order=True).head(LISTED).to_list())
    return tuple(where(subject, pair) for pair in pairs.head(LISTED).to_dicts())


def text_of(frame: pl.DataFrame, number: int | None) -> str:
    return "" if number is None else cut(frame["text"][number])
