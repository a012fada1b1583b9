"""Numbers and short texts as the page, the log and the commands print them."""

from __future__ import annotations

from hone.stats.bootstrap import Interval
from hone.stats.paired_tests import LEVEL, Paired, no_worse

MINUS = "−"
CHARACTERS = 700  # length at which the page truncates a text


def format_change(value: float, decimals: int = 3) -> str:
    """A difference with its sign: +0.078, −0.002, 0.000."""
    text = f"{abs(value):.{decimals}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def score(value: float | None, decimals: int = 4) -> str:
    """A measure; a dash for null."""
    return "–" if value is None else f"{value:.{decimals}f}".replace("-", MINUS)


def share(value: float | None) -> str:
    """A fraction as a percentage; a dash for null."""
    if value is None:
        return "–"
    return "less than 0.1 %" if 0 < value < 0.001 else f"{value:.1%}".replace("%", " %")


def span(found: Interval, decimals: int = 3) -> str:
    """The interval of a difference: −0.002 to +0.008."""
    return f"{format_change(found.low, decimals)} to {format_change(found.high, decimals)}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 query, 1,149 queries."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_detectable(bound: float) -> str:
    """A minimum detectable effect. A measure lies between 0 and 1, so no effect exceeds 1."""
    return f"{bound:.3f}" if bound < 1 else "1 (the maximum)"


def truncate(text: str, most: int = CHARACTERS) -> str:
    """The first `most` characters of a text, with an ellipsis if it is longer."""
    return text if len(text) <= most else text[:most].rstrip() + " …"


def join_words(words: list[str]) -> str:
    """A list in a sentence: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def format_p(p: float | None) -> str:
    """A p value: p = 0.031, p < 0.001; a dash for null."""
    if p is None:
        return "–"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def describe_margin(test: Paired, margin: float) -> str:
    """Whether a loss of at least `margin` is ruled out."""
    p = no_worse(test, margin)
    return (
        f"a loss of {margin:g} is "
        f"{'ruled out' if p is not None and p <= LEVEL else 'not ruled out'}"
    )


# Filters of the pages' templates.
FILTERS = {
    "signed": format_change,
    "score": score,
    "share": share,
    "span": span,
    "count": count,
    "joined": join_words,
    "chance": format_p,
}
