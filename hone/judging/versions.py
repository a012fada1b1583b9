"""Parameters of a judge or generator that do not affect the answers, such as an address. Changing
them triggers no new calls.
"""

from __future__ import annotations

from hone.config import methods

JUDGES = "relabel.judges"


def how_of(method: str, place: str = JUDGES) -> frozenset[str]:
    """The names of these parameters, from HOW in the method's module."""
    return methods.find(place, method).beside("HOW", frozenset())


def without_how(line: dict, place: str = JUDGES) -> dict:
    """A line without these parameters."""
    how = how_of(line["method"], place)
    return {
        "method": line["method"],
        "parameters": {
            name: value for name, value in line["parameters"].items() if name not in how
        },
    }


def with_how(line: dict, given: object, place: str = JUDGES) -> dict:
    """A line's parameters, with those that do not affect the answers taken from params.yaml.

    Args:
        line: method and parameters, resolved.
        given: the entry in params.yaml; null for a line that a recipe describes itself.
        place: of the methods: judges or generators.
    """
    own = next(iter(given.values())) if isinstance(given, dict) and given else None
    return line["parameters"] | {
        name: value for name, value in (own or {}).items() if name in how_of(line["method"], place)
    }


def prompted(line: dict) -> bool:
    """Whether a judge sends prompts to a model, and so consumes tokens."""
    return "prompt" in line["parameters"]
