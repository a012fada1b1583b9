"""What leaked, in sentences: for the stage, the refusal and the report."""

from __future__ import annotations

from tasks.leakage.texts import SPLITS
from tasks.report.words import count, joined, share

CHARACTERS = 100


def sentence(account: dict) -> str:
    """Counts of one collection's account, as `found` gives it."""
    parts = asked(account)
    if not parts:
        return "no test or dev query is judged, so nothing can leak."
    if not any(one["leaked"] for _, one in parts):
        return f"training sees none of {joined([queries(split, one['queries']) for split, one in parts])}."
    told = [f"{one['leaked']:,} of {queries(split, one['queries'])} ({share(one['share'])})" for split, one in parts]
    return f"training sees {joined(told)}, as the same text or nearly."


def queries(split: str, number: int) -> str:
    return count(number, f"{split} query", f"{split} queries")


def asked(account: dict) -> list[tuple[str, dict]]:
    """The splits in which something is asked."""
    return [(split, account["splits"][split]) for split in SPLITS if account["splits"][split]["queries"]]


def example(account: dict) -> str:
    """One pair in words."""
    one = account["examples"][0]
    return (
        f"the training {one['kind']} '{one['training_id']}' of {one['collection']} ({cut(one['training'])!r}) and the {one['split']} "
        f"query '{one['asked_id']}' ({cut(one['asked'])!r})"
    )


def cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[:CHARACTERS].rstrip() + " …"
