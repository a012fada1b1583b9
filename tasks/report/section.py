"""A section of the report: what its template shows, where the figures come from, and the tables
that it exports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from tasks.report.results import Results


class Part(Enum):
    """The parts of the page, in their order; the value is the heading, and `SUMMARY`, which
    opens the page, has none.
    """

    SUMMARY = ""
    LOOP = "Training loop"
    EVIDENCE = "Evaluation"
    AUDIT = "Data audit"
    SETTINGS = "Setup"

    @property
    def anchor(self) -> str:
        return self.value.lower().replace(" ", "-")


@dataclass(frozen=True)
class Source:
    """Where the figures of a section come from.

    Attributes:
        files: patterns of the files that are read.
        command: makes these files.
        look: a command that shows more; null if there is none.
    """

    files: tuple[str, ...]
    command: str
    look: str | None = None


@dataclass(frozen=True)
class Table:
    """A table that is exported: a Parquet file in reports/tables/, and a part of reports/report.md
    and of the model cards.

    Attributes:
        name: of the file.
        title: heading in Markdown.
        order: position among all exported tables, ascending.
        rows: {column: value}. A model card shows the rows whose `name` is its round.
    """

    name: str
    title: str
    order: int
    rows: list[dict[str, Any]]

    @property
    def frame(self) -> pl.DataFrame:
        return pl.DataFrame(self.rows, infer_schema_length=None)


@dataclass(frozen=True)
class Section:
    """A section of the page. The file `NAME.html.jinja` beside its module is the template of its
    body.

    Attributes:
        name: the anchor in the page, and the name of module and template.
        title: heading.
        part: the part of the page.
        order: position within the part, ascending.
        data: the template's variables. If it returns null, the section is left out.
        link: text of the link in the navigation; null: not listed.
        source: where the figures come from; null: not shown.
        figures: plotly figures by name.
        tables: what is exported.
    """

    name: str
    title: str
    part: Part
    order: int
    data: Callable[[Results], dict[str, Any] | None]
    link: str | None = None
    source: Callable[[Results], Source] | None = None
    figures: Callable[[Results], dict[str, dict]] = field(default=lambda results: {})
    tables: Callable[[Results], list[Table]] = field(default=lambda results: [])
