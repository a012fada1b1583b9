"""The first figure of the page: nDCG@10 by round, the controls apart, and the base model as a
band.
"""

from __future__ import annotations

from hone.compare.contrast import Score, find_control
from hone.present.plot_style import APART, escape_label, layout_by_name, pick_color

GAP = 0.5  # free space between the rounds and the controls, in widths of a round
MARGIN = 0.5  # between the outer points and the ends of the axis, in widths of a round
HEIGHT = 300  # pixels


def find_controls(rounds: dict[str, dict]) -> list[str]:
    """The rounds that are the control of another one, in the order of params.yaml."""
    controls = {find_control(rounds, name) for name in rounds}
    return [name for name in rounds if name in controls]


def place_rounds(rounds: dict[str, dict], controls: list[str]) -> dict[str, float]:
    """The place of each round on the x axis: the controls follow the others after a gap."""
    others = [name for name in rounds if name not in controls]
    places = {name: float(number) for number, name in enumerate(others)}
    first = len(others) + (GAP if others else 0.0)
    return places | {name: first + number for number, name in enumerate(controls)}


def draw_progression(found: list[Score], rounds: dict[str, dict], base: str) -> dict:
    """The figure: for each collection a band of the base model, points of the rounds with their
    intervals, lines from each round to those that start from it, and hollow points of the controls.

    Args:
        found: every score.
        rounds: {name: {"from": .., "recipe": ..}}.
        base: the baseline.
    """
    controls = find_controls(rounds)
    places = place_rounds(rounds, controls)
    collections = list(dict.fromkeys(one.collection for one in found))
    step = min(APART, 0.6 / max(1, len(collections) - 1))
    ends = -MARGIN, max(places.values()) + MARGIN
    data = []
    for number, collection in enumerate(collections):
        own = {one.name: one for one in found if one.collection == collection}
        shift = (number - (len(collections) - 1) / 2) * step
        at = {name: place + shift for name, place in places.items() if name in own}
        if base in own and base not in rounds:
            data += draw_base(own[base], number, ends)
        data.append(draw_lines(own, at, rounds, controls, number))
        data += [
            draw_series(own, at, names, number, hollow)
            for hollow, names in (
                (False, [name for name in at if name not in controls]),
                (True, [name for name in at if name in controls]),
            )
            if names
        ]
    layout = layout_by_name(list(places), "nDCG@10")
    layout["xaxis"] |= {"tickvals": list(places.values()), "range": list(ends)}
    if len(collections) == 1:
        layout["xaxis"]["ticktext"] = label_rounds(found, places)
    return {
        "data": data,
        "layout": layout | {"height": HEIGHT, "showlegend": len(collections) > 1},
    }


def label_rounds(found: list[Score], places: dict[str, float]) -> list[str]:
    """The name and the score of each round, for the axis."""
    means = {one.name: one.own.mean for one in found}
    return [f"{escape_label(name)}<br>{means[name]:.3f}" for name in places]


def draw_base(one: Score, number: int, ends: tuple[float, float]) -> list[dict]:
    """The interval of the base model over the whole width, and its mean as a line."""
    left, right = ends
    shared = {"type": "scatter", "hoverinfo": "skip", "showlegend": False}
    color = pick_color(number)
    return [
        shared
        | {
            "mode": "lines",
            "name": escape_label(f"{one.name} on {one.collection}"),
            "fill": "toself",
            "fillcolor": color,
            "opacity": 0.18,
            "line": {"width": 0},
            "x": [left, right, right, left, left],
            "y": [one.own.low, one.own.low, one.own.high, one.own.high, one.own.low],
        },
        shared
        | {
            "mode": "lines+text",
            "name": escape_label(one.name),
            "text": [escape_label(f" {one.name} {one.own.mean:.3f}"), ""],
            "textposition": "top right",
            "line": {"color": color, "width": 1, "dash": "dash"},
            "x": [left, right],
            "y": [one.own.mean, one.own.mean],
        },
    ]


def draw_lines(
    own: dict[str, Score],
    at: dict[str, float],
    rounds: dict[str, dict],
    controls: list[str],
    number: int,
) -> dict:
    """Dotted lines from each round to the rounds that start from it, without the controls."""
    steps = [
        (rounds[name]["from"], name)
        for name in at
        if rounds[name]["from"] in at and name not in controls
    ]
    mean = {name: own[name].own.mean for name in at}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "",
        "hoverinfo": "skip",
        "showlegend": False,
        "line": {"color": pick_color(number), "width": 1, "dash": "dot"},
        "x": [place for start, end in steps for place in (at[start], at[end], None)],
        "y": [value for start, end in steps for value in (mean[start], mean[end], None)],
    }


def draw_series(
    own: dict[str, Score], at: dict[str, float], names: list[str], number: int, hollow: bool
) -> dict:
    """The points of some rounds on one collection, with their intervals."""
    intervals = [own[name].own for name in names]
    color, collection = pick_color(number), own[names[0]].collection
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape_label(f"{collection}, control" if hollow else collection),
        "x": [at[name] for name in names],
        "y": [one.mean for one in intervals],
        "text": [
            escape_label(f"{name}: {one.mean:.4f} ({one.low:.4f} to {one.high:.4f})")
            for name, one in zip(names, intervals, strict=True)
        ],
        "hovertemplate": f"%{{text}}<extra>{escape_label(collection)}</extra>",
        "error_y": {
            "type": "data",
            "symmetric": False,
            "thickness": 2,
            "width": 5,
            "color": color,
            "array": [one.high - one.mean for one in intervals],
            "arrayminus": [one.mean - one.low for one in intervals],
        },
        "marker": {
            "size": 11,
            "color": color,
            "symbol": "circle-open" if hollow else "circle",
            "line": {"width": 2, "color": color},
        },
    }
