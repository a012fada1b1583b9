"""Of a judge's parameters, those that say how it is asked and not what: changing an address must ask nothing again."""

from __future__ import annotations

from hone.config import methods


def how_of(method: str) -> frozenset[str]:
    """The names of these parameters: what the judge's module lists as HOW."""
    return methods.find("relabel.judges", method).beside("HOW", frozenset())


def without_how(line: dict) -> dict:
    """A judge's line without them."""
    how = how_of(line["method"])
    return {"method": line["method"], "parameters": {name: value for name, value in line["parameters"].items() if name not in how}}


def with_how(line: dict, given: object) -> dict:
    """A line's parameters with those of params.yaml that say how the judge is asked.

    Args:
        line: method and parameters, resolved.
        given: the judge's entry in params.yaml; null for a judge that a recipe describes itself.
    """
    own = next(iter(given.values())) if isinstance(given, dict) and given else None
    return line["parameters"] | {name: value for name, value in (own or {}).items() if name in how_of(line["method"])}


def prompted(line: dict) -> bool:
    """Whether a judge puts prompts to a model, and so costs tokens."""
    return "prompt" in line["parameters"]
