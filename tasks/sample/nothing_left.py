"""What is said where the rules leave no negative at all: which rule took most, and its bound."""

from __future__ import annotations

from tasks.errors import Refused


def refuse_nothing_left(section: dict, candidates: int, took: dict[str, int], left: dict[str, int]) -> None:
    """Raises Refused: training would go on without a single mined negative, as if the recipe had asked for none.

    Args:
        section: the recipe's section `sample`, resolved.
        candidates: how many there were.
        took: candidates that each rule took.
        left: queries that each rule sent away.
    """
    most = sorted((rule for rule in took if took[rule]), key=took.get, reverse=True)
    window, choose = section["window"], section["choose"]
    stayed = candidates - sum(took.values())
    if not stayed:
        end = "none stayed"
    elif left.get("shortage"):
        n = choose["parameters"]["n"]
        end = f"{stayed:,} stayed, and `on_shortage: drop-query` took all {left['shortage']:,} queries, none of which had {n}"
    else:
        ranks = f"ranks {window['first']} to {window['last'] or 'the last'}"
        end = f"{stayed:,} stayed, of which `{choose['method']}` chose none in the window of {ranks}"
    by_rule = f" {'; '.join(f'{told(section, rule)} took {took[rule]:,}' for rule in most)}." if most else ""
    advice = f" Loosen `{most[0]}`, or retrieve deeper." if most else ""
    raise Refused(f"no query has a negative: of {candidates:,} candidates {end}.{by_rule}{advice}")


def told(section: dict, rule: str) -> str:
    """A rule with the parameters that are set."""
    line = next(line for line in section["keep"] if line["method"] == rule)
    set_ = ", ".join(f"{name} {value}" for name, value in line["parameters"].items() if value not in (None, False))
    return f"`{rule}`" + (f" ({set_})" if set_ else "")
