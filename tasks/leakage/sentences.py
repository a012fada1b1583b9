"""Leakage results as sentences, for the stage, the error message and the report."""

from __future__ import annotations

from hone.ir.split_names import name_split
from hone.present.number_format import count, join_words, share, truncate
from tasks.leakage.texts import SPLITS

CHARACTERS = 100
GENERATED_DEV = "generated_dev"  # in an account: whether the dev queries are generated


def sentence(account: dict) -> str:
    """The counts of one collection's account from `found`."""
    parts = list_judged_splits(account)
    if not parts:
        return "no test or dev query is judged, so nothing can leak."
    if not any(one["leaked"] for _, one in parts):
        counts = join_words(
            [queries(split_name(account, split), one["queries"]) for split, one in parts]
        )
        return f"training data contains none of {counts}.{by_lot(account)}"
    leaks = [of_split(split_name(account, split), one) for split, one in parts]
    return f"training data contains {join_words(leaks)}, verbatim or nearly.{by_lot(account)}"


def of_split(split: str, part: dict) -> str:
    """The result for one split. An estimate if only a part was searched."""
    if part["compared"] < part["queries"]:
        return f"{share(part['share'])} of {queries(split, part['queries'])} (estimated)"
    return f"{part['leaked']:,} of {queries(split, part['queries'])} ({share(part['share'])})"


def by_lot(account: dict) -> str:
    """A sentence, after a space, on the sample of the near-duplicate search. Empty if all texts
    were searched.
    """
    could, were = (account["looked_at"][name] for name in ("comparable", "compared"))
    kinds = {"asked": "evaluation queries", "query": "training queries", "positive": "positives"}
    parts = [
        f"{were[kind]:,} of {could[kind]:,} {words}"
        for kind, words in kinds.items()
        if were[kind] < could[kind]
    ]
    if not parts:
        return ""
    least = (
        " Training texts outside the sample may be near-duplicates too, so this is a lower bound."
    )
    of_training = any(were[kind] < could[kind] for kind in ("query", "positive"))
    return (
        f" Near-duplicates were searched in {join_words(parts)}, sampled at "
        f"random.{least if of_training else ''}"
    )


def split_name(account: dict, split: str) -> str:
    """A split for readers: `test`, `dev`, or `generated dev`."""
    return name_split(split, account.get(GENERATED_DEV, False))


def queries(split: str, number: int) -> str:
    return count(number, f"{split} query", f"{split} queries")


def list_judged_splits(account: dict) -> list[tuple[str, dict]]:
    """The splits with evaluation queries."""
    return [
        (split, account["splits"][split]) for split in SPLITS if account["splits"][split]["queries"]
    ]


def example(account: dict) -> str:
    """One pair in words."""
    one = account["examples"][0]
    training_text, evaluation_text = (
        truncate(one[side], CHARACTERS) for side in ("training", "asked")
    )
    split = split_name(account, one["split"])
    return (
        f"the training {one['kind']} '{one['training_id']}' of {one['collection']} "
        f"({training_text!r}) and the {split} query '{one['asked_id']}' "
        f"({evaluation_text!r})"
    )
