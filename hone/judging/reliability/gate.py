"""The gate: whether a judge may promote. A wrong positive poisons a query, so its precision must have been shown where it is used."""

from __future__ import annotations

LEAST = 150  # gold verdicts, drawn from the candidates themselves; Hone's default


def gate(evidence: dict, bound: float = 0.8) -> tuple[bool, str]:
    """Whether promoting is allowed, and a sentence on why.

    Args:
        evidence: as `hone judge check` writes it.
        bound: what the lower end of the precision's 95 % interval must reach.
    """
    who = f"the judge {evidence.get('judge', '?')} on {evidence.get('collection', '?')}"
    found = evidence.get("precision_at_use") or {}
    gold = found.get("gold") or 0
    low, estimate = found.get("low"), found.get("estimate")
    if not gold:
        return False, (
            f"{who} may not promote: no candidate of it has a gold verdict, and positives alone cannot show how often it says yes to a "
            f"wrong one. `hone judge check` with --gold gives {LEAST} of them."
        )
    if gold < LEAST:
        return False, f"{who} may not promote: {gold:,} gold verdicts on candidates are too few, {LEAST} are needed (--pairs)."
    if low is None or estimate is None:
        return False, f"{who} may not promote: of {gold:,} candidates with a gold verdict it said yes to none."
    told = f"{estimate:.2f} ({low:.2f} to {found['high']:.2f}) of {found.get('said_yes', '?')} pairs it said yes to"
    if low < bound:
        return False, f"{who} may not promote: its precision at use is {told}, and the lower end must reach {bound:.2f}."
    return True, f"{who} may promote: its precision at use is {told}, and the lower end reaches {bound:.2f}."
