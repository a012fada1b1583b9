"""A finding: a checked problem with its frequency, examples, and effect on training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from commands.audit.dataset import Subject
from hone.present import number_format

MAX_EXAMPLES = 2  # examples per finding
LISTED = 10_000  # locations per finding in the JSON file


@dataclass(frozen=True)
class Example:
    """A location, and labelled texts."""

    where: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Finding:
    """One checked problem.

    Attributes:
        name: its id in the report and in the JSON file.
        title: the heading.
        count, of, unit: `count` of `of` units are affected.
        harm: "fix" (hurts training), or "note" (may be intentional).
        means: the effect on training.
        cure: the fix.
        examples: a few examples.
        places: lines of the file, or ids, at most LISTED.
        note: what was not checked, or empty.
    """

    name: str
    title: str
    count: int
    of: int
    unit: str
    harm: Literal["fix", "note"]
    means: str
    cure: str
    examples: tuple[Example, ...] = ()
    places: tuple[str | int, ...] = ()
    note: str = ""

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def status(self) -> str:
        """`harm` if it occurs, else "clean"."""
        return self.harm if self.count else "clean"

    def to_dict(self) -> dict:
        """The finding as a dictionary for JSON."""
        return asdict(self) | {"share": self.share, "status": self.status}


def cut(text: str | None) -> str:
    """Truncate a text for the report."""
    return number_format.truncate(text or "")


def where(subject: Subject, pair: dict) -> str:
    """The line in a training file, or the ids in a collection."""
    if subject.kind == "triplets":
        return f"line {pair['row']:,}"
    parts = [
        f"{kind} {frame[key][pair[number]]}"
        for kind, frame, number, key in (
            ("query", subject.queries, "query", "query_id"),
            ("document", subject.documents, "document", "doc_id"),
        )
        if pair.get(number) is not None
    ]
    return ", ".join(parts)


def places(subject: Subject, pairs: pl.DataFrame) -> tuple[str | int, ...]:
    """The locations of rows with query, document and row, at most LISTED."""
    if subject.kind == "triplets":
        return tuple(pairs["row"].unique(maintain_order=True).head(LISTED).to_list())
    return tuple(where(subject, pair) for pair in pairs.head(LISTED).to_dicts())


def text_of(frame: pl.DataFrame, number: int | None) -> str:
    return "" if number is None else cut(frame["text"][number])
