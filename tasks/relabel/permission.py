"""Whether a cascade may promote: a wrong positive poisons a query, so its last judge's precision must have been shown."""

from __future__ import annotations

from tasks.errors import listed
from tasks.relabel.fitness.gate import gate


def may_promote(section: dict) -> tuple[bool, str]:
    """Whether the section `relabel` may promote, and a sentence on why.

    Every collection that is trained on must have been checked and must pass.
    """
    if section["force"]:
        return True, "`force: true` promotes without a shown precision"
    last = section["cascade"][-1]
    found = [item for item in last["evidence"] if item["fingerprint"] == last["fingerprint"]]
    if not found:
        return False, (
            f"nobody has shown how often the judge {last['name']} is right among these candidates. "
            f"`hone judge check {last['name']} --on COLLECTION` with gold verdicts does; until then it may only drop or mask"
        )
    unchecked = [name for name in section["train_on"] if name not in {item["collection"] for item in found}]
    if unchecked:
        return False, f"the judge {last['name']} was not checked on {listed(unchecked)}, which the round trains on too"
    verdicts = [gate(item, section["precision"]) for item in found]
    return all(good for good, _ in verdicts), " ".join(dict.fromkeys(sentence for _, sentence in verdicts))
