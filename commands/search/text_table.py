"""The result of a search in the terminal: the lists of both models side by side."""

from __future__ import annotations

from collections.abc import Iterator

from commands.search.placement import DOWN, LEFT, NEW, UP, Hit, describe_label, describe_origin
from commands.search.searcher import Found
from hone.errors import printable

GAP = "  "
FILE_WIDTH = 120  # columns if the output is not a terminal
NARROWEST = 20  # columns of one list
STYLES = {UP: "green", DOWN: "red", NEW: "cyan", LEFT: "yellow"}
INDENT = "    "


def print_found(found: Found, min_relevance: int) -> None:
    """Print the lists of all models, in the width of the terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    width = console.width if console.is_terminal else FILE_WIDTH
    console = Console(highlight=False, width=width, soft_wrap=True)
    for row in lay_out(found, min_relevance, width):
        text = Text(GAP).join([Text(part, style=style) for part, style in row])
        text.rstrip()
        console.print(text)


def lay_out(found: Found, min_relevance: int, width: int) -> Iterator[list[tuple[str, str]]]:
    """The lines of the table: for each list a text of equal width and its style.

    Args:
        found: the result.
        min_relevance: the lowest relevance grade of a positive.
        width: columns of the terminal.
    """
    count = len(found.lists)
    column = max(NARROWEST, (width - len(GAP) * (count - 1)) // count)
    yield [(fit(name, column), "bold") for name in found.lists]
    moves = [
        max((len(describe_origin(hit)) for hit in hits), default=0) for hits in found.lists.values()
    ]
    longest = max((len(hits) for hits in found.lists.values()), default=0)
    for place in range(longest):
        hits = [hits[place] if place < len(hits) else None for hits in found.lists.values()]
        yield [
            (
                fit("" if hit is None else describe_hit(hit, min_relevance, move), column),
                style_of(hit),
            )
            for hit, move in zip(hits, moves, strict=True)
        ]
        yield [(fit("" if hit is None else INDENT + snippet(hit), column), "dim") for hit in hits]


def describe_hit(hit: Hit, min_relevance: int, width: int) -> str:
    """Rank, move (in `width` columns), document id and label of a document."""
    parts = (
        describe_origin(hit).ljust(width),
        hit.doc_id,
        describe_label(hit.label, min_relevance),
    )
    return f"{hit.rank:>2}. " + GAP.join(part for part in parts if part)


def style_of(hit: Hit | None) -> str:
    """The style of a move. The words show the same without colors."""
    return "" if hit is None else STYLES.get(hit.move[:1], STYLES.get(hit.move, ""))


def snippet(hit: Hit) -> str:
    """The text of a document on one line."""
    return " ".join(hit.text.split())


def fit(text: str, width: int) -> str:
    """A text in exactly `width` columns: truncated with an ellipsis, or filled with spaces.
    Control characters are escaped.
    """
    from rich.cells import cell_len, set_cell_size

    shown = printable(text[: 4 * width], lines=False)
    if cell_len(shown) <= width:
        return set_cell_size(shown, width)
    return set_cell_size(set_cell_size(shown, width - 1).rstrip() + "…", width)
