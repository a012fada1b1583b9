"""Whether a cascade may promote: a wrong positive poisons a query, so its last judge's precision must have been shown."""

from __future__ import annotations

import polars as pl

from hone.errors import listed
from hone.judging.reliability.gate import gate
from hone.judging.settings import ResolvedRelabel
from tasks.relabel.label_actions import DROP, PROMOTE


def may_promote(section: ResolvedRelabel) -> tuple[bool, str]:
    """Whether the section `relabel` may promote, and a sentence on why.

    Every collection that is trained on must have been checked and must pass.
    """
    if section.force:
        return True, "`force: true` promotes without a shown precision"
    last = section.cascade[-1]
    found = [item for item in last["evidence"] if not item["another"]]
    if last["evidence"] and not found:
        return False, f"nobody has shown how often the judge {last['name']} is right as it is now: {last['evidence'][0]['another']}"
    if not found:
        return False, (
            f"nobody has shown how often the judge {last['name']} is right among these candidates. "
            f"`hone judge check {last['name']} --on COLLECTION` with gold verdicts does; until then it may only drop or mask"
        )
    unchecked = [name for name in section.train_on if name not in {item["collection"] for item in found}]
    if unchecked:
        return False, f"the judge {last['name']} was not checked on {listed(unchecked)}, which the round trains on too"
    if elsewhere := next((item["elsewhere"] for item in found if item["elsewhere"] and (item["precision_at_use"] or {}).get("gold")), None):
        return False, f"the judge {last['name']} may not promote here: {elsewhere}"
    verdicts = [gate(item, section.precision) for item in found]
    return all(good for good, _ in verdicts), " ".join(dict.fromkeys(sentence for _, sentence in verdicts))


def only_shown(decided: pl.DataFrame, last: str) -> pl.DataFrame:
    """Decisions in which only what was shown promotes: a yes of the last judge. Any other pair is dropped instead.

    A yes of an earlier judge that was not passed on, and a band of `action` that reaches below a yes, have another precision.

    Args:
        decided: judge, verdict, action of judged pairs.
        last: the cascade's last judge, whose precision was shown.
    """
    wanted = pl.col("action") == PROMOTE
    shown = (pl.col("judge") == last) & (pl.col("verdict").cast(pl.String) == "positive")
    return decided.with_columns(action=pl.when(wanted & ~shown).then(pl.lit(DROP)).otherwise("action"))
