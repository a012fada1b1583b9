"""What is said where there is no negative at all: that nothing was found, or which rule took most, and its bound."""

from __future__ import annotations

from typing import NoReturn

from hone.config.sections.sample import Sample
from hone.errors import Refused, listed


def refuse_nothing_found(sources: list[str], queries: int) -> NoReturn:
    """Raises Refused: training would go on with in-batch negatives alone, though the recipe asks for mined ones.

    Args:
        sources: their names.
        queries: training queries with a known answer.
    """
    alone = " `previous` has nothing in a first round, for no round before it chose any." if sources == ["previous"] else ""
    raise Refused(
        f"no candidate was found for any of {queries:,} training queries with a known answer, by {listed(sources)}: the recipe asks for "
        f"mined negatives and would train on none.{alone} Add a source, such as `dense`; or, to train with in-batch negatives, take a "
        "recipe without `retrieve`; or set `on_shortage: random`."
    )


def refuse_nothing_left(section: Sample, candidates: int, took: dict[str, int], left: dict[str, int]) -> None:
    """Raises Refused: training would go on without a single mined negative, as if the recipe had asked for none.

    Args:
        section: the recipe's section `sample`, resolved.
        candidates: how many there were.
        took: candidates that each rule took.
        left: queries that each rule sent away.
    """
    most = sorted((rule for rule in took if took[rule]), key=took.get, reverse=True)
    window, choose = section.window, section.choose
    stayed = candidates - sum(took.values())
    if not stayed:
        end = "none stayed"
    elif left.get("shortage"):
        n = choose["parameters"]["n"]
        end = f"{stayed:,} stayed, and `on_shortage: drop-query` took all {left['shortage']:,} queries, none of which had {n}"
    else:
        ranks = f"ranks {window.first} to {window.last or 'the last'}"
        end = f"{stayed:,} stayed, of which `{choose['method']}` chose none in the window of {ranks}"
    by_rule = f" {'; '.join(f'{told(section, rule)} took {took[rule]:,}' for rule in most)}." if most else ""
    advice = f" Loosen `{most[0]}`, or retrieve deeper." if most else ""
    raise Refused(f"no query has a negative: of {candidates:,} candidates {end}.{by_rule}{advice}")


def told(section: Sample, rule: str) -> str:
    """A rule with the parameters that are set."""
    line = next(line for line in section.filters if line["method"] == rule)
    set_ = ", ".join(f"{name} {value}" for name, value in line["parameters"].items() if value not in (None, False))
    return f"`{rule}`" + (f" ({set_})" if set_ else "")
