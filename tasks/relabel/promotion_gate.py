"""The promotion gate of a cascade: its last judge needs a measured precision, because one wrong
positive harms a query's training.
"""

from __future__ import annotations

import polars as pl

from hone.errors import listed
from hone.judging.reliability.gate import gate
from hone.judging.resolved_relabel import ResolvedRelabel
from tasks.relabel.label_actions import DROP, PROMOTE


def may_promote(section: ResolvedRelabel) -> tuple[bool, str]:
    """Whether the section `relabel` may promote, with the reason.

    The judge must have been checked on every training collection, and pass.
    """
    if section.force:
        return True, "`force: true` promotes without a measured precision"
    last = section.cascade[-1]
    found = [item for item in last["evidence"] if not item["another"]]
    if last["evidence"] and not found:
        return (
            False,
            f"the precision of the judge {last['name']} is not measured in its present version: "
            f"{last['evidence'][0]['another']}",
        )
    if not found:
        return False, (
            f"the precision of the judge {last['name']} on these candidates is not measured, so "
            "it may only drop or mask. "
            f"Run `hone judge check {last['name']} --collection COLLECTION` with gold verdicts"
        )
    unchecked = [
        name for name in section.train_on if name not in {item["collection"] for item in found}
    ]
    if unchecked:
        return (
            False,
            f"the judge {last['name']} was not checked on {listed(unchecked)}, which is also a "
            "training collection",
        )
    if elsewhere := next(
        (
            item["elsewhere"]
            for item in found
            if item["elsewhere"] and (item["precision_at_use"] or {}).get("gold")
        ),
        None,
    ):
        return False, f"the judge {last['name']} may not promote here: {elsewhere}"
    verdicts = [gate(item, section.precision) for item in found]
    return all(good for good, _ in verdicts), " ".join(
        dict.fromkeys(sentence for _, sentence in verdicts)
    )


def require_last_verdict(decided: pl.DataFrame, last: str) -> pl.DataFrame:
    """Decisions in which only a positive verdict of the last judge promotes. Other pairs are
    dropped instead.

    The measured precision does not cover positives that an earlier judge did not escalate. It does
    not cover a band of `action` below a positive either.

    Args:
        decided: judge, verdict, action of judged pairs.
        last: the cascade's last judge, whose precision was measured.
    """
    wanted = pl.col("action") == PROMOTE
    confirmed = (pl.col("judge") == last) & (pl.col("verdict").cast(pl.String) == "positive")
    return decided.with_columns(
        action=pl.when(wanted & ~confirmed).then(pl.lit(DROP)).otherwise("action")
    )
