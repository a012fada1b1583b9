"""Print tables and sentences; plain text if the output is not a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from hone.errors import UNPRINTABLE, printable

UNITS = ("B", "kB", "MB", "GB", "TB")


def line(text: str = "", style: str = "") -> None:
    """Print a line verbatim, never as markup. A terminal shows it in `style`."""
    from rich.console import Console
    from rich.text import Text

    Console(soft_wrap=True, highlight=False).print(Text(printable(text), style=style))


def print_json(value: object) -> None:
    """Print a value as JSON. Characters that could change a terminal are escaped as in JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Columns of numbers are right-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [[cell(value) for value in row] for row in rows]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        figures = all(
            row[number].replace(",", "").replace(".", "").lstrip("-").isdigit()
            for row in rows
            if row[number]
        )
        grid.add_column(name, justify="right" if figures and rows else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(value) for value in row))
    console = Console(highlight=False)
    # A file or a pipe has no width, so lines are not wrapped.
    (console if console.is_terminal else Console(highlight=False, width=400)).print(grid)


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else printable(str(value))


def size(count: float) -> str:
    """Format bytes in a readable unit: 1,536 -> 1.5 kB."""
    for unit in UNITS:
        if count < 1024 or unit == UNITS[-1]:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    raise AssertionError


def spell(seconds: float) -> str:
    """Format seconds with a sensible precision: 40 s, 7 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def shortened(text: str, most: int = 400) -> str:
    """Truncate a text to one line of at most `most` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[:most].rstrip() + " …"
