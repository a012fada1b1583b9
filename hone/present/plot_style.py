"""The style of plotly figures. Colors are names of the page's palette ("c0", "muted"), which has
a light and a dark variant.
"""

from __future__ import annotations

COLORS, MUTED = 6, "muted"
APART = 0.12  # distance between collections, in widths of a round


def draw_bar(name: str, bars: list[str], counts: list[int], shade: str, unit: str) -> dict:
    """One part of stacked horizontal bars."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": escape_label(name),
        "y": bars,
        "x": counts,
        "marker": {"color": shade},
        "hovertemplate": f"%{{y}}: %{{x:,}} {unit} {escape_label(name)}<extra></extra>",
    }


def stack_bars(bars: int, title: str) -> dict:
    """Layout of stacked horizontal bars."""
    axes = {
        "xaxis": {"title": {"text": title}, "tickformat": ",d"},
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False},
    }
    return {
        "barmode": "stack",
        "height": 170 + 38 * bars,
        "showlegend": True,
        "bargap": 0.35,
        **axes,
    }


def layout_by_name(names: list[str], title: str) -> dict:
    """Layout of a figure whose x axis lists the names of rounds."""
    ticks = {
        "tickvals": list(range(len(names))),
        "ticktext": [escape_label(name) for name in names],
        "range": [-0.5, len(names) - 0.5],
    }
    return {
        "height": 340,
        "xaxis": ticks | {"zeroline": False, "showgrid": False},
        "yaxis": {"title": {"text": title}, "zeroline": False},
    }


def pick_color(number: int) -> str:
    """The palette's name of the color of the nth series; colors repeat after `COLORS` series."""
    return f"c{number % COLORS}"


def escape_label(text: str) -> str:
    """A name without the characters that plotly reads as markup or as a placeholder."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")
