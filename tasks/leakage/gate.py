"""admit: the leakage gate. `retrieve` depends on its file, so no round mines before the gate has
passed.

Its file is always the same: a new test label, or another fraction below the limit, reruns no round.
No text of a test query reaches a training stage in this way.
"""

from __future__ import annotations

from hone.errors import Refused
from hone.files import read_json, write_json
from hone.layout import ADMITTED, LEAKAGE, leakage_file
from hone.present.number_format import count, share
from hone.stage import run, say
from tasks.leakage.example_texts import with_texts
from tasks.leakage.sentences import example, list_judged_splits, sentence
from tasks.leakage.settings import GateSettings

PASSED = {"leakage": "admitted"}


def main(settings: GateSettings) -> None:
    """Write rounds/admitted.json, unless training sees more evaluation queries than params.yaml
    allows.
    """
    accounts = {name: read_json(leakage_file(name)) for name in settings.evaluate_on}
    refuse_leaks(accounts, settings.refuse_above)
    write_json(ADMITTED, PASSED)
    say(f"admit: leakage check passed ({count(len(accounts), 'collection')})")


def refuse_leaks(accounts: dict[str, dict], refuse_above: float | None) -> None:
    """Raise Refused if the fraction of leaked queries of a split is too high. The message has
    counts, an example and fixes.
    """
    if refuse_above is None:
        return
    over = {
        name: one
        for name, one in accounts.items()
        if any(part["share"] > refuse_above for _, part in list_judged_splits(one))
    }
    if not over:
        return
    details = " ".join(
        f"{name}: {sentence(one)} For example {example(with_texts(one))}."
        for name, one in over.items()
    )
    raise Refused(
        "test or dev queries leak into the training data (limit leakage.refuse_above: "
        f"{share(refuse_above)}). {details} Their "
        "scores would partly reflect memorization. Remove the training queries listed in "
        f"{LEAKAGE}/{next(iter(over))}.json "
        "(`take_out`: by collection, with the ids of its source), or evaluate on other queries. "
        "If the overlap is intentional, "
        "raise `leakage: {refuse_above: ...}` or set it to null. The report shows the leakage "
        "in any case."
    )


if __name__ == "__main__":
    run(main)
