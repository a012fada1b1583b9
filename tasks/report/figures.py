"""The page's plotly figures."""

from __future__ import annotations

from itertools import cycle, islice

import polars as pl

from hone.compare.contrast import Score
from hone.present.plot_style import (
    APART,
    MUTED,
    draw_bar,
    escape_label,
    layout_by_name,
    pick_color,
    stack_bars,
)
from tasks.report.negatives import CHOSEN, NOT_CHOSEN, NOT_FOUND, Mined

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def draw_scores(found: list[Score], rounds: dict[str, dict]) -> dict:
    """nDCG@10 of every reference and round with its interval; lines connect each round with the
    rounds that start from it.
    """
    names = list(dict.fromkeys(score.name for score in found))
    data = []
    for number, (collection, places, own) in enumerate(place_collections(found, names)):
        place = {score.name: at for score, at in zip(own, places, strict=True)}
        mean = {score.name: score.own.mean for score in own}
        steps = [(item["from"], name) for name, item in rounds.items() if item["from"] in place]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "hoverinfo": "skip",
                "showlegend": False,
                "legendgroup": collection,
                "x": [at for start, end in steps for at in (place[start], place[end], None)],
                "y": [at for start, end in steps for at in (mean[start], mean[end], None)],
                "line": {
                    "color": pick_color(number),
                    "width": 1.5,
                    "dash": pick_symbol(DASHES, number),
                },
            }
        )
        data.append(
            draw_points(
                number,
                collection,
                places,
                [score.own for score in own],
                [score.name for score in own],
                "{:.4f}",
            )
        )
    return {
        "data": data,
        "layout": layout_by_name(names, "nDCG@10") | {"showlegend": len(data) > 2},
    }


def draw_differences(found: list[Score], base: str) -> dict:
    """The difference of each round from the baseline, with the paired interval and a line at 0."""
    found = [score for score in found if score.base is not None and score.base.p is not None]
    names = list(dict.fromkeys(score.name for score in found))
    data = [
        draw_points(
            number,
            collection,
            places,
            [score.base.difference for score in own],
            [score.name for score in own],
            "{:+.4f}",
        )
        for number, (collection, places, own) in enumerate(place_collections(found, names))
    ]
    layout = layout_by_name(names, f"nDCG@10 difference from {escape_label(base)}") | {
        "showlegend": len(data) > 1
    }
    layout["yaxis"] |= {"zeroline": True, "rangemode": "tozero", "tickformat": "+~g"}
    return {"data": data, "layout": layout}


def draw_changes(found: list[Score]) -> dict:
    """How many queries of each round are better, equal and worse than in the baseline."""
    found = [score for score in found if score.base is not None and score.base.p is not None]
    several = len({score.collection for score in found}) > 1
    bars = [
        escape_label(f"{score.name} · {score.collection}" if several else score.name)
        for score in found
    ]
    parts = (("better", "c0", "better"), ("same", MUTED, "equal"), ("worse", "c1", "worse"))
    data = [
        draw_bar(name, bars, [getattr(score.base, field) for score in found], shade, "queries")
        for name, shade, field in parts
    ]
    return {"data": data, "layout": stack_bars(len(bars), "queries")}


def draw_losses(by_round: dict[str, pl.DataFrame]) -> dict:
    """Mean loss of each step, one line for each round."""
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": escape_label(name),
            "x": frame["step"].to_list(),
            "y": frame["loss"].to_list(),
            "line": {"color": pick_color(number), "width": 2, "dash": pick_symbol(DASHES, number)},
            "hovertemplate": f"step %{{x}}: %{{y:.3f}}<extra>{escape_label(name)}</extra>",
        }
        for number, (name, frame) in enumerate(by_round.items())
    ]
    axes = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "loss"}, "rangemode": "tozero"},
    }
    return {"data": data, "layout": {"height": 340, "showlegend": True, **axes}}


def draw_fates(mined: list[Mined]) -> dict:
    """The outcome of each round's candidates: a bar for each round and source, stacked by
    outcome.
    """
    bars = {
        (one.round, source): escape_label(f"{one.round} · {source}")
        for one in mined
        for source in one.flows["source"].unique().sort()
    }
    counts = {
        (one.round, source, fate): number
        for one in mined
        for source, fate, number in one.flows.iter_rows()
    }
    data = [
        draw_bar(
            fate,
            list(bars.values()),
            [counts.get((*key, fate), 0) for key in bars],
            shade,
            "candidates",
        )
        for fate, shade in assign_shades([fate for _, _, fate in counts]).items()
    ]
    return {"data": data, "layout": stack_bars(len(bars), "candidates")}


def draw_hidden(mined: list[Mined]) -> dict:
    """The outcome of the held-out positives: one bar for each round that mines."""
    mined = [one for one in mined if one.negatives]
    counts = {(one.round, fate): number for one in mined for fate, number in one.hidden.iter_rows()}
    bars = [one.round for one in mined]
    data = [
        draw_bar(
            fate,
            [escape_label(name) for name in bars],
            [counts.get((name, fate), 0) for name in bars],
            shade,
            "held-out positives",
        )
        for fate, shade in assign_shades([fate for _, fate in counts]).items()
    ]
    return {"data": data, "layout": stack_bars(len(bars), "held-out positives")}


def assign_shades(fates: list[str]) -> dict[str, str]:
    """A color for each outcome: chosen first, then filters in order of appearance, the rest in
    gray.
    """
    rules = [fate for fate in dict.fromkeys(fates) if fate not in (CHOSEN, NOT_CHOSEN, NOT_FOUND)]
    given = {CHOSEN: "c1"} | dict(
        zip(rules, islice(cycle(("c0", "c2", "c3", "c4", "c5")), len(rules)), strict=True)
    )
    return {
        fate: shade
        for fate, shade in (given | {NOT_CHOSEN: MUTED, NOT_FOUND: "faint"}).items()
        if fate in fates
    }


def place_collections(
    found: list[Score], names: list[str]
) -> list[tuple[str, list[float], list[Score]]]:
    """Each collection, its scores, and their positions on the axis of names, side by side."""
    collections = list(dict.fromkeys(score.collection for score in found))
    step = min(APART, 0.6 / max(1, len(collections) - 1))
    shift = {
        collection: (number - (len(collections) - 1) / 2) * step
        for number, collection in enumerate(collections)
    }
    own = {
        collection: [score for score in found if score.collection == collection]
        for collection in collections
    }
    return [
        (name, [names.index(score.name) + shift[name] for score in own[name]], own[name])
        for name in collections
    ]


def draw_points(
    number: int, collection: str, places: list[float], intervals: list, names: list[str], form: str
) -> dict:
    """Means with their intervals."""
    ends = [
        f"{form.format(one.mean)} ({form.format(one.low)} to {form.format(one.high)})"
        for one in intervals
    ]
    labels = [f"{name}: {text}" for name, text in zip(names, ends, strict=True)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape_label(collection),
        "legendgroup": collection,
        "x": places,
        "y": [one.mean for one in intervals],
        "text": [escape_label(text) for text in labels],
        "hovertemplate": f"%{{text}}<extra>{escape_label(collection)}</extra>",
        "error_y": {
            "type": "data",
            "symmetric": False,
            "thickness": 2,
            "width": 5,
            "color": pick_color(number),
            "array": [one.high - one.mean for one in intervals],
            "arrayminus": [one.mean - one.low for one in intervals],
        },
        "marker": {"size": 10, "color": pick_color(number), "symbol": pick_symbol(SYMBOLS, number)},
    }


def pick_symbol(kinds: tuple[str, ...], number: int) -> str:
    return kinds[number % len(kinds)]
