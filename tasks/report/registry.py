"""The sections of the report, found in their folder: a new file there is a new section."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from tasks.report import sections
from tasks.report.section import Part, Section, Table

if TYPE_CHECKING:
    from tasks.report.results import Results


def list_modules() -> list[str]:
    """The dotted names of all modules that define a section, in alphabetical order."""
    return sorted(
        f"{sections.__name__}.{found.name}" for found in pkgutil.iter_modules(sections.__path__)
    )


def load_sections() -> list[Section]:
    """All sections as the page shows them: by part, then by `order`."""
    parts = list(Part)
    found = [importlib.import_module(name).SECTION for name in list_modules()]
    return sorted(found, key=lambda section: (parts.index(section.part), section.order))


def collect_tables(results: Results) -> list[Table]:
    """The tables of all sections by `order`; those without rows are left out."""
    tables = [
        table for section in load_sections() for table in section.tables(results) if table.rows
    ]
    return sorted(tables, key=lambda table: table.order)
