"""Judge parameters that do not affect the answers, such as an address. Changing them triggers no
new calls.
"""

from __future__ import annotations

from hone.config import methods


def how_of(method: str) -> frozenset[str]:
    """The names of these parameters, from HOW in the judge's module."""
    return methods.find("relabel.judges", method).beside("HOW", frozenset())


def without_how(line: dict) -> dict:
    """A judge's line without these parameters."""
    how = how_of(line["method"])
    return {
        "method": line["method"],
        "parameters": {
            name: value for name, value in line["parameters"].items() if name not in how
        },
    }


def with_how(line: dict, given: object) -> dict:
    """A line's parameters, with those that do not affect the answers taken from params.yaml.

    Args:
        line: method and parameters, resolved.
        given: the judge's entry in params.yaml; null for a judge that a recipe describes itself.
    """
    own = next(iter(given.values())) if isinstance(given, dict) and given else None
    return line["parameters"] | {
        name: value for name, value in (own or {}).items() if name in how_of(line["method"])
    }


def prompted(line: dict) -> bool:
    """Whether a judge sends prompts to a model, and so consumes tokens."""
    return "prompt" in line["parameters"]
