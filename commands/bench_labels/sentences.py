"""The result in words and tables: on the screen, as Markdown, as a table of every query."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from commands.bench_labels.arms import CLEAN, Arm
from commands.bench_labels.repaired_labels import MEASURE, Repaired
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import format_change, format_p, join_words, score
from hone.stats.fieller import Ratio
from hone.stats.seeds_and_queries import OverSeeds

COLUMNS = ("negatives", "nDCG@10", "more than noisy", "95 %", "p (Holm)", "damage repaired", "95 % (Fieller)", "false among those trained")


def rows_of(found: list[Repaired], arms: list[Arm]) -> list[tuple[str, ...]]:
    """A row of words for every arm, in `COLUMNS`."""
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
    """The values that are not ruled out, in words."""
    if ratio.parts == ((-math.inf, math.inf),):
        return "any value"
    return " or ".join(part_in_words(low, high) for low, high in ratio.parts) or "none"


def part_in_words(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {number(high)}"
    return f"at least {number(low)}" if math.isinf(high) else f"{number(low)} to {number(high)}"


def sentence(found: list[Repaired]) -> str:
    """What the clean arm says of the damage."""
    damage = next(one for one in found if one.name == CLEAN).more
    told = f"Clean labels give {format_change(damage.mean, 4)} nDCG@10 ({span(damage)}) over noisy ones"
    if damage.low > 0:
        return f"{told}: that is the damage."
    if damage.high < 0:
        return f"{told}: taking the hidden answers out makes the model worse, so there is no damage to repair and no ratio."
    return f"{told}: no damage is shown, so nothing is divided by it. More seeds, steps or test queries may show one."


def remarks(found: list[Repaired], arms: list[Arm]) -> list[str]:
    """What one must know to read the ratios."""
    said = []
    if above := [one.name for one in found if one.ratio and one.ratio.estimate is not None and one.ratio.estimate > 1]:
        said.append(
            f"{join_words(above)}: a ratio above 1 is more than repair. What was taken out beside the hidden answers did harm too, as "
            "answers that nobody has labelled or as negatives that are too hard."
        )
    full = arms[0].trained
    fewer = [arm for arm in arms if arm.trained < full]
    return said + [
        f"{arm.name} trains on {full - arm.trained:,} of {full:,} mined negatives fewer: nothing is left in their place." for arm in fewer
    ]


def markdown(found: list[Repaired], arms: list[Arm], about: str) -> str:
    """The result as a Markdown document."""
    table = format_texts(COLUMNS, rows_of(found, arms))
    title = "# What false negatives cost, and what gives it back"
    return "\n\n".join([title, escape_text(about), escape_text(sentence(found)), table, *map(escape_text, remarks(found, arms))]) + "\n"


def every_query(scores: dict[str, np.ndarray], queries: pl.Series) -> pl.DataFrame:
    """arm, seed (from 1), query_id and the measure."""
    parts = [
        pl.DataFrame({"arm": name, "seed": seed, "query_id": queries, MEASURE: values}, schema_overrides={"seed": pl.Int32})
        for name, table in scores.items()
        for seed, values in enumerate(table, start=1)
    ]
    return pl.concat(parts)
