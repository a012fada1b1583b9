"""The texts that judges send to endpoints, and the budget of a cascade that sets none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hone.config.sections.relabel import Budget
from hone.judging.prompt import load
from hone.judging.versions import with_how
from hone.transfer import Transfer

# The budget of a round whose cascade has a paid judge and whose recipe sets no budget.
MONEY = 5.0  # in the currency of `price` [Hone default]
TOKENS = 2_000_000  # without a `price`: 5.00 at 2.50 per million tokens [Hone default]
SLOTS = 32  # the endpoint judge's own default


def is_paid(parameters: Mapping[str, Any]) -> bool:
    """Whether a judge may cost money: it has an endpoint or a price."""
    return bool(parameters.get("url") or parameters.get("price"))


def default_budget(judges: Iterable[Mapping[str, Any]]) -> Budget:
    """The budget of a cascade that sets none.

    The limit is money if each paid judge has a price, otherwise tokens and money. Without a paid
    judge there is no limit.

    Args:
        judges: the parameters of each judge, including address and price.
    """
    paid = [one for one in judges if is_paid(one)]
    priced = [one for one in paid if one.get("price")]
    return Budget(
        money=MONEY if priced else None, tokens=TOKENS if len(priced) < len(paid) else None
    )


def budget_of(given: Budget | str | None, judges: Iterable[Mapping[str, Any]]) -> Budget:
    """The limits of a section's `budget`: its own, none for null, or the default."""
    if given is None:
        return Budget()
    return given if isinstance(given, Budget) else default_budget(judges)


def format_limits(budget: Budget) -> str:
    """The limits of a budget in words, such as "at most 5 of money". Empty without a limit."""
    units = {"money": "{:,g} of money", "tokens": "{:,} tokens", "pairs": "{:,} pairs"}
    units |= {"minutes": "{:,g} minutes"}
    parts = [units[name].format(limit) for name, limit in budget if limit is not None]
    return f"at most {' and '.join(parts)}" if parts else ""


def format_price(price: Mapping[str, float] | None) -> str:
    """A price in words."""
    if not price:
        return "no `price` is set"
    return (
        f"{price.get('input', 0):g} per million input tokens and {price.get('output', 0):g} per "
        "million output tokens"
    )


def positives_of(parameters: Mapping[str, Any]) -> str:
    """The positives in a list of texts. Empty if the prompt shows none."""
    name = parameters.get("prompt")
    return "" if name and not load(name).shows_positives else ", their positives"


def judge_transfers(
    lines: Iterable[Mapping[str, Any]],
    judges: Mapping[str, Any],
    collections: Iterable[str],
    limit: str,
    queries: str = "training",
) -> list[Transfer]:
    """What judges send to endpoints.

    Args:
        lines: resolved judges: name, method, parameters.
        judges: the entries of params.yaml, with addresses and prices.
        collections: the collections of the questions.
        limit: the largest cost or number of pairs, in words. Empty: no limit.
        queries: the kind of queries: `training`, or those of a split.
    """
    found = []
    for one in lines:
        parameters = with_how(one, judges.get(one["name"]))
        if not parameters.get("url"):
            continue
        trim = parameters.get("trim")
        cut = f", each cut at {trim:,} tokens" if trim else ""
        slots = parameters.get("slots") or SLOTS
        texts = (
            f"{queries} queries{positives_of(parameters)} and the documents to judge{cut}; "
            f"concurrent requests: {slots}"
        )
        cost = f"{format_price(parameters.get('price'))}; {limit or 'no limit'}"
        found += [
            Transfer(
                f"judge {one['name']}",
                parameters["url"],
                parameters["model"],
                parameters.get("key"),
                collection,
                texts,
                cost,
            )
            for collection in collections
        ]
    return found
