"""Figures in words, as the page and the last line of a run write them."""

from __future__ import annotations

from hone.stats.bootstrap import Interval
from hone.stats.paired_tests import LEVEL, Paired, no_worse

MINUS = "−"
CHARACTERS = 700  # of a text that a page shows


def signed(value: float, decimals: int = 3) -> str:
    """+0.078, −0.002, 0.000: a difference."""
    text = f"{abs(value):.{decimals}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def score(value: float | None, decimals: int = 4) -> str:
    """A measure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{decimals}f}".replace("-", MINUS)


def share(value: float | None) -> str:
    """A share as a percentage, or a dash where there is none."""
    if value is None:
        return "–"
    return "less than 0.1 %" if 0 < value < 0.001 else f"{value:.1%}".replace("%", " %")


def span(found: Interval, decimals: int = 3) -> str:
    """The ends of a difference's interval."""
    return f"{signed(found.low, decimals)} to {signed(found.high, decimals)}"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 query, 1,149 queries."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def least_seen(bound: float) -> str:
    """The smallest difference that is seen: of a measure that goes from 0 to 1 none is greater than 1."""
    return f"{bound:.3f}" if bound < 1 else "1, the greatest there can be,"


def cut(text: str, most: int = CHARACTERS) -> str:
    """The first `most` characters of a text, marked where something follows."""
    return text if len(text) <= most else text[:most].rstrip() + " …"


def joined(words: list[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def chance(p: float | None) -> str:
    """p = .031, p < .001: how often chance alone would do as much; a dash where there is none."""
    if p is None:
        return "–"
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def harm(test: Paired, margin: float) -> str:
    """Whether a loss of more than a margin is ruled out."""
    p = no_worse(test, margin)
    return f"a loss of {margin:g} is {'ruled out' if p is not None and p <= LEVEL else 'not ruled out'}"
