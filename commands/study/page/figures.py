"""The page's figures for plotly: quality by cost, quality by round, time by stage."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from commands.study.conclusions import of_arm
from commands.study.design import CONTROLS
from commands.study.results import MEASURE, ArmRound, Known, Result
from hone.layout import BASE
from hone.present.plot_style import (
    APART,
    COLORS,
    MUTED,
    draw_bar,
    escape_label,
    layout_by_name,
    pick_color,
    stack_bars,
)

CONTROL_SYMBOLS = ("square", "diamond", "triangle-up", "cross", "x")
ARM_SYMBOLS = ("circle", "star", "hexagon", "pentagon")
AXES = {
    "seconds": "seconds for one trial's rounds",
    "texts": "texts encoded for one trial's rounds",
}
ROOM = 1.12  # width of the cost axis, as a multiple of the largest cost
KINDS = 7  # of stages with their own color
OTHER = "other stages"


@dataclass(frozen=True)
class Look:
    """The style of an arm, the same in every figure: controls are gray and angular, inactive
    arms are hollow.
    """

    name: str
    colour: str
    symbol: str


def looks(result: Result) -> dict[str, Look]:
    controls = [one.arm for one in result.last if one.arm in CONTROLS]
    others = [one.arm for one in result.last if one.arm not in controls]
    drawn = {
        name: Look(f"{name} (control)", "soft", CONTROL_SYMBOLS[at % len(CONTROL_SYMBOLS)])
        for at, name in enumerate(controls)
    }
    drawn |= {
        name: Look(name, pick_color(at), ARM_SYMBOLS[at // COLORS % len(ARM_SYMBOLS)])
        for at, name in enumerate(others)
    }
    inactive = {one.arm for one in result.last if one.inactive}
    return {
        one.arm: Look(f"{one.arm} (inactive)", look.colour, f"{look.symbol}-open")
        if one.arm in inactive
        else look
        for one in result.last
        for look in [drawn[one.arm]]
    }


def against_cost(result: Result, cost: str) -> dict:
    """nDCG@10 of every arm after its last round by the cost of one trial. The base model is a line
    with its interval.

    Arms without a measured cost are left out.

    Args:
        result: the result on one collection.
        cost: "seconds" or "texts", as if nothing were shared with other trials.
    """
    drawn, costs = looks(result), costs_of(result, cost)
    end = ROOM * max(costs.values(), default=0.0) or 1.0
    data = [*base_line(result.base[MEASURE], end)]
    unit = {"seconds": "{:,.0f} s", "texts": "{:,.0f} texts"}[cost]
    for one in result.last:
        if one.arm not in costs:
            continue
        labels = f"{one.arm}: {of_arm(one)}, {unit.format(costs[one.arm])}"
        data.append(
            points(drawn[one.arm], [costs[one.arm]], [one.measures[MEASURE]], [labels])
            | {"mode": "markers"}
        )
    axes = {
        "xaxis": {
            "title": {"text": AXES[cost]},
            "range": [0, end],
            "zeroline": False,
            "tickformat": ",~r",
        },
        "yaxis": {"title": {"text": "nDCG@10"}, "zeroline": False},
    }
    return {"data": data, "layout": {"height": 370, "showlegend": True} | axes}


def costs_of(result: Result, cost: str) -> dict[str, float]:
    """The measured cost of one trial of each arm."""
    found = {one.arm: one.cost if cost == "seconds" else one.texts for one in result.last}
    return {arm: value for arm, value in found.items() if value is not None}


def base_line(found: Known, end: float) -> list[dict]:
    """The base model, without cost: its interval as a band, its mean as a line."""
    band = {
        "type": "scatter",
        "mode": "none",
        "fill": "toself",
        "fillcolor": "faint",
        "opacity": 0.6,
        "hoverinfo": "skip",
        "showlegend": False,
        "x": [0, end, end, 0],
        "y": [found.low, found.low, found.high, found.high],
        "name": BASE,
        "legendgroup": BASE,
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{BASE}, the base model",
        "x": [0, end],
        "y": [found.mean] * 2,
        "legendgroup": BASE,
        "line": {"color": "ink", "width": 1.5, "dash": "dash"},
        "hovertemplate": f"{BASE}: %{{y:.4f}}<extra></extra>",
    }
    return [band, line]


def points(look: Look, places: list[float], found: list[Known], labels: list[str]) -> dict:
    """Means of an arm with their intervals."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escape_label(look.name),
        "x": places,
        "y": [one.mean for one in found],
        "text": [escape_label(text) for text in labels],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": look.colour, "width": 1.5},
        "marker": {
            "size": 11,
            "color": look.colour,
            "symbol": look.symbol,
            "line": {"color": look.colour, "width": 1},
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "thickness": 1.5,
            "width": 4,
            "color": look.colour,
            "array": [one.high - one.mean for one in found],
            "arrayminus": [one.mean - one.low for one in found],
        },
    }


def by_round(result: Result) -> dict:
    """nDCG@10 after each round, a line for each arm, from the base model on."""
    names = [BASE, *dict.fromkeys(one.round for one in result.rounds)]
    drawn, base = looks(result), result.base[MEASURE]
    step = min(APART, 0.6 / max(1, len(drawn) - 1))
    data = []
    for number, (arm, look) in enumerate(drawn.items()):
        own = [one for one in result.rounds if one.arm == arm]
        shift = (number - (len(drawn) - 1) / 2) * step
        labels = [
            f"{BASE}: {base.mean:.4f}",
            *(f"{arm} after {one.round}: {of_arm(one)}" for one in own),
        ]
        found = [
            Known(base.mean, base.mean, base.mean, None, None, base.seeds),
            *(one.measures[MEASURE] for one in own),
        ]
        data.append(
            points(look, [0, *(names.index(one.round) + shift for one in own)], found, labels)
        )
    return {"data": data, "layout": layout_by_name(names, "nDCG@10") | {"showlegend": True}}


def time_by_stage(last: list[ArmRound]) -> dict:
    """Seconds of one trial of each arm by kind of stage. The smallest kinds are one part."""
    last = [one for one in last if one.seconds]
    total: Counter[str] = Counter()
    for one in last:
        total.update(one.seconds)
    own = [kind for kind, seconds in total.most_common(KINDS) if seconds > 0]
    drawn_kinds = [
        kind for kind in dict.fromkeys(kind for one in last for kind in one.seconds) if kind in own
    ]
    shades = {kind: pick_color(at) if at < COLORS else "ink" for at, kind in enumerate(own)}
    bars = [escape_label(one.arm) for one in last]
    data = [
        draw_bar(
            kind, bars, [round(one.seconds.get(kind, 0.0), 1) for one in last], shades[kind], "s"
        )
        for kind in drawn_kinds
    ]
    rest = [
        round(sum(seconds for kind, seconds in one.seconds.items() if kind not in own), 1)
        for one in last
    ]
    if any(rest):
        data.append(draw_bar(OTHER, bars, rest, MUTED, "s"))
    return {"data": data, "layout": stack_bars(len(bars), "seconds of one trial")}
