"""The result as sentences and tables: on the screen, in Markdown, and as a table of every query."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from commands.filters.arms import CLEAN, Arm
from commands.filters.repaired_labels import MEASURE, Repaired
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import format_change, format_p, join_words, score
from hone.stats.fieller import Ratio
from hone.stats.seeds_and_queries import OverSeeds

COLUMNS = (
    "negatives",
    "nDCG@10",
    "change from noisy",
    "95 %",
    "p (Holm)",
    "damage repaired",
    "95 % (Fieller)",
    "false negatives trained",
)


def rows_of(found: list[Repaired], arms: list[Arm]) -> list[tuple[str, ...]]:
    """A row of text for every arm, in the order of `COLUMNS`."""
    return [row(one, arm) for one, arm in zip(found, arms, strict=True)]


def row(one: Repaired, arm: Arm) -> tuple[str, ...]:
    more, ratio = one.more, one.ratio
    return (
        one.name,
        score(one.mean),
        format_change(more.mean, 4) if more else "",
        span(more) if more else "",
        format_p(one.p) if one.p is not None else "",
        number(ratio.estimate) if ratio and ratio.estimate is not None else "",
        ends(ratio) if ratio else "",
        f"{arm.false:,} of {arm.trained:,}",
    )


def span(more: OverSeeds) -> str:
    return f"{format_change(more.low, 4)} to {format_change(more.high, 4)}"


def number(value: float) -> str:
    return format_change(value, 2) if value < 0 else f"{value:.2f}"


def ends(ratio: Ratio) -> str:
    """The values in the interval, as text."""
    if ratio.parts == ((-math.inf, math.inf),):
        return "any value"
    return " or ".join(part_in_words(low, high) for low, high in ratio.parts) or "none"


def part_in_words(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {number(high)}"
    return f"at least {number(low)}" if math.isinf(high) else f"{number(low)} to {number(high)}"


def sentence(found: list[Repaired]) -> str:
    """The damage, measured with the clean arm."""
    damage = next(one for one in found if one.name == CLEAN).more
    change = (
        f"Clean labels change nDCG@10 by {format_change(damage.mean, 4)} from noisy ones "
        f"({span(damage)})"
    )
    if damage.low > 0:
        return f"{change}. This is the damage."
    if damage.high < 0:
        return (
            f"{change}. Removing the held-out positives makes the model worse, so there is no "
            "damage to repair and no ratio."
        )
    return (
        f"{change}. The damage is not significant, so there are no ratios. More seeds, steps or "
        "test queries may show one."
    )


def remarks(found: list[Repaired], arms: list[Arm]) -> list[str]:
    """Remarks on the ratios."""
    remarks_made = []
    if above := [
        one.name
        for one in found
        if one.ratio and one.ratio.estimate is not None and one.ratio.estimate > 1
    ]:
        remarks_made.append(
            f"{join_words(above)}: a ratio above 1 is more than repair. Other removed negatives "
            "were harmful too. They are unlabelled "
            "relevant documents, or too hard."
        )
    full = arms[0].trained
    fewer = [arm for arm in arms if arm.trained < full]
    return remarks_made + [
        f"{arm.name} trains on {full - arm.trained:,} fewer of the {full:,} mined negatives. They "
        "are not replaced."
        for arm in fewer
    ]


def markdown(found: list[Repaired], arms: list[Arm], about: str) -> str:
    """The result as a Markdown document."""
    table = format_texts(COLUMNS, rows_of(found, arms))
    title = "# Damage by false negatives, and how much is repaired"
    return (
        "\n\n".join(
            [
                title,
                escape_text(about),
                escape_text(sentence(found)),
                table,
                *map(escape_text, remarks(found, arms)),
            ]
        )
        + "\n"
    )


def every_query(scores: dict[str, np.ndarray], queries: pl.Series) -> pl.DataFrame:
    """arm, seed (from 1), query_id and the measure."""
    parts = [
        pl.DataFrame(
            {"arm": name, "seed": seed, "query_id": queries, MEASURE: values},
            schema_overrides={"seed": pl.Int32},
        )
        for name, table in scores.items()
        for seed, values in enumerate(table, start=1)
    ]
    return pl.concat(parts)
