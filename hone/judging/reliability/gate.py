"""The promotion gate: a judge may promote only with a measured precision, because one wrong
positive harms a query's training.
"""

from __future__ import annotations

LEAST = 150  # minimum number of gold verdicts on candidates [Hone default]


def gate(evidence: dict, bound: float = 0.8) -> tuple[bool, str]:
    """Whether promotion is allowed, with the reason.

    Args:
        evidence: written by `hone judge check`.
        bound: minimum for the lower end of the precision's 95 % interval.
    """
    who = f"the judge {evidence.get('judge', '?')} on {evidence.get('collection', '?')}"
    found = evidence.get("precision_at_use") or {}
    gold = found.get("gold") or 0
    low, estimate = found.get("low"), found.get("estimate")
    if not gold:
        return False, (
            f"{who} may not promote: none of its candidates has a gold verdict, and positives "
            "alone do not show how many of its positive "
            f"verdicts are wrong. Run `hone judge check` with --gold for {LEAST} gold verdicts."
        )
    if gold < LEAST:
        return (
            False,
            f"{who} may not promote: {gold:,} gold verdicts on candidates are too few, {LEAST} "
            "are needed (--sample).",
        )
    if low is None or estimate is None:
        return (
            False,
            f"{who} may not promote: none of {gold:,} candidates with a gold verdict has a "
            "positive verdict.",
        )
    precision = (
        f"{estimate:.2f} ({low:.2f} to {found['high']:.2f}) of {found.get('said_yes', '?')} "
        "positive verdicts"
    )
    if low < bound:
        return (
            False,
            f"{who} may not promote: its precision at use is {precision}, and the lower end must "
            f"reach {bound:.2f}.",
        )
    return (
        True,
        f"{who} may promote: its precision at use is {precision}, and the lower end reaches "
        f"{bound:.2f}.",
    )
