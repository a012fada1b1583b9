"""admit: the rule on leakage. Its file says that it passed and nothing else; `retrieve` depends on it, so no round mines before.

What it writes is the same whenever it passes: another test label, or another share below the bound, makes no round run again. No
text of a test query reaches a stage that trains in this way.
"""

from __future__ import annotations

from hone.errors import Refused
from hone.files import read_json, write_json
from hone.layout import ADMITTED, LEAKAGE, leakage_file
from hone.present.number_format import count, share
from hone.stage import run, say
from tasks.leakage.example_texts import with_texts
from tasks.leakage.sentences import asked, example, sentence
from tasks.leakage.settings import GateSettings

PASSED = {"leakage": "admitted"}


def main(settings: GateSettings) -> None:
    """Write rounds/admitted.json, unless training sees more of what is asked than params.yaml allows."""
    accounts = {name: read_json(leakage_file(name)) for name in settings.evaluate_on}
    refuse_leaks(accounts, settings.refuse_above)
    write_json(ADMITTED, PASSED)
    say(f"admit: what is asked of {count(len(accounts), 'collection')} leaks no more than params.yaml allows")


def refuse_leaks(accounts: dict[str, dict], refuse_above: float | None) -> None:
    """Raises Refused where a split of a collection has a greater share of leaked queries; names counts, an example and ways out."""
    if refuse_above is None:
        return
    over = {name: one for name, one in accounts.items() if any(part["share"] > refuse_above for _, part in asked(one))}
    if not over:
        return
    told = " ".join(f"{name}: {sentence(one)} For example {example(with_texts(one))}." for name, one in over.items())
    raise Refused(
        f"test or dev queries leak into training, more than params.yaml allows (leakage.refuse_above: {share(refuse_above)}). {told} "
        "Scores on them would be memory in part. Take out the training queries that "
        f"{LEAKAGE}/{next(iter(over))}.json lists (`take_out`: by collection, with the ids of its source), "
        "or evaluate on other queries. Where this is meant, raise "
        "`leakage: {refuse_above: ...}` or set it to null; the report tells "
        "what leaked all the same."
    )


if __name__ == "__main__":
    run(main)
