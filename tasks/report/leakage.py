"""What the page says of leakage: what `tasks.leakage` found, by collection."""

from __future__ import annotations

from hone.errors import Refused
from hone.files import read_json
from hone.layout import LEAKAGE
from tasks.leakage.example_texts import with_texts
from tasks.leakage.sentences import asked, by_lot, sentence


def read_leakage(collections: list[str]) -> list[dict]:
    """The account of each collection, with its sentence and its splits in which something is asked.

    Raises:
        Refused: a collection was not looked at.
    """
    found = []
    for name in collections:
        file = LEAKAGE / f"{name}.json"
        if not file.exists():
            raise Refused(f"{file} is missing: `dvc repro leakage@{name}` looks for test queries in what is trained on.")
        account = with_texts(read_json(file))
        leaked = any(one["leaked"] for _, one in asked(account))
        found.append(account | {"told": sentence(account), "by_lot": by_lot(account), "asked": asked(account), "leaked": leaked})
    return found


def warn_of_leaks(found: list[dict]) -> list[str]:
    """A sentence for each collection of which something leaked."""
    return [f"Leakage on {one['collection']}: {one['told']} {explain_leak(one)}" for one in found if one["leaked"]]


def explain_leak(account: dict) -> str:
    """What a leak does to the figures: dev queries choose the round, test queries are its score."""
    if account["splits"]["test"]["leaked"] or not account["splits"]["test"]["queries"]:
        return "Its score is memory in part."
    return "What chooses the round there is memory in part."
