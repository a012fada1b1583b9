"""Leakage of evaluation queries into training, as `tasks.leakage` found it, by collection."""

from __future__ import annotations

from hone.errors import Refused
from hone.files import read_json
from hone.layout import leakage_file
from tasks.leakage.example_texts import with_texts
from tasks.leakage.sentences import by_lot, list_judged_splits, sentence, split_name


def read_leakage(collections: list[str]) -> list[dict]:
    """The findings of each collection, with a sentence, and its splits that have queries.

    Raises:
        Refused: a collection has not been checked.
    """
    found = []
    for name in collections:
        file = leakage_file(name)
        if not file.exists():
            raise Refused(
                f"{file} is missing. Run `dvc repro leakage@{name}` to look for evaluation "
                "queries in the training data."
            )
        account = with_texts(read_json(file))
        leaked = any(one["leaked"] for _, one in list_judged_splits(account))
        found.append(
            account
            | {
                "sentence": sentence(account),
                "by_lot": by_lot(account),
                "judged_splits": [
                    (split_name(account, split), part)
                    for split, part in list_judged_splits(account)
                ],
                "examples": [
                    one | {"split": split_name(account, one["split"])}
                    for one in account["examples"]
                ],
                "leaked": leaked,
            }
        )
    return found


def warn_of_leaks(found: list[dict]) -> list[str]:
    """A sentence for each collection with leaked queries."""
    return [
        f"Leakage on {one['collection']}: {one['sentence']} {explain_leak(one)}"
        for one in found
        if one["leaked"]
    ]


def explain_leak(account: dict) -> str:
    """The effect of a leak: test queries bias the score, dev queries the selection of the round."""
    if account["splits"]["test"]["leaked"] or not account["splits"]["test"]["queries"]:
        return "Its score partly reflects memorization."
    return "The selection of the round partly reflects memorization."
