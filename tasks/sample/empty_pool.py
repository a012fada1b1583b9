"""Errors for an empty pool: nothing was retrieved, or the filters removed everything."""

from __future__ import annotations

from typing import NoReturn

from hone.config.sections.sample import Sample
from hone.errors import Refused, listed


def refuse_nothing_found(sources: list[str], queries: int) -> NoReturn:
    """Raises Refused, because training would otherwise use only in-batch negatives although the
    recipe mines.

    Args:
        sources: names of the sources.
        queries: number of training queries with a labelled positive.
    """
    alone = (
        " `previous` finds nothing in a first round, because there is no earlier round."
        if sources == ["previous"]
        else ""
    )
    raise Refused(
        f"no candidate was found for any of {queries:,} training queries with a labelled "
        f"positive, by {listed(sources)}, so the "
        f"recipe has nothing to mine from.{alone} Add a source, such as `dense`. To train with "
        "in-batch negatives only, use a "
        "recipe without `retrieve`, or set `on_shortage: random`."
    )


def refuse_nothing_left(
    section: Sample, candidates: int, took: dict[str, int], left: dict[str, int]
) -> None:
    """Raises Refused, because training would otherwise use no mined negative at all.

    Args:
        section: the resolved section `sample` of the recipe.
        candidates: number of candidates.
        took: number of candidates that each filter removed.
        left: number of queries that each filter removed.
    """
    most = sorted((rule for rule in took if took[rule]), key=took.get, reverse=True)
    window, choose = section.window, section.choose
    stayed = candidates - sum(took.values())
    if not stayed:
        end = "none remained"
    elif left.get("shortage"):
        n = choose["parameters"]["n"]
        end = (
            f"{stayed:,} remained, and `on_shortage: drop-query` removed all "
            f"{left['shortage']:,} queries, none of which had {n}"
        )
    else:
        ranks = f"ranks {window.first} to {window.last or 'the last'}"
        end = f"{stayed:,} remained, but `{choose['method']}` chose none in the window of {ranks}"
    by_rule = (
        " "
        f"{'; '.join(f'{describe_filter(section, rule)} removed {took[rule]:,}' for rule in most)}."
        if most
        else ""
    )
    advice = f" Loosen `{most[0]}`, or retrieve deeper." if most else ""
    raise Refused(f"no query has a negative: of {candidates:,} candidates {end}.{by_rule}{advice}")


def describe_filter(section: Sample, rule: str) -> str:
    """A filter with its non-null parameters."""
    line = next(line for line in section.filters if line["method"] == rule)
    set_ = ", ".join(
        f"{name} {value}"
        for name, value in line["parameters"].items()
        if value not in (None, False)
    )
    return f"`{rule}`" + (f" ({set_})" if set_ else "")
