"""What `hone judge check` found, as tables and sentences."""

from __future__ import annotations

from pathlib import Path

from commands.console import line, table


def show(evidence: dict, verdict: str, file: Path) -> None:
    """Print it.

    Args:
        evidence: as it is written.
        verdict: the gate's sentence.
        file: where it was written.
    """
    line(f"{evidence['judge']} on {evidence['collection']}, split {evidence['split']}")
    table(
        ("pairs", "asked", "no answer", "says yes", "95 %", "mean probability", "95 %"),
        [
            (name, found["pairs"], found["unknown"], *figure(found["yes"]), *figure(found["probability"]))
            for name, found in evidence["sets"].items()
        ],
    )
    for reason, count in evidence["left_out"].items():
        if count:
            line(f"left out: {count:,} {reason}")
    line()
    table(("figure", "estimate", "95 %", "pairs"), rows_of(evidence))
    if evidence["by_stratum"]:
        line()
        table(("source", "rank", "negatives", "false among them", "95 %", "gold"), strata_of(evidence["by_stratum"]))
        line()
    if curve := evidence["coverage_at_use"] or evidence["coverage"]:
        line()
        read = "gold pairs" if evidence["coverage_at_use"] else "these pairs"
        line(f"Accuracy on the pairs with the highest confidence ({read}; for `escalate: confidence`):")
        table(
            ("fraction of pairs", "accuracy", "confidence from"),
            [(f"{one['coverage']:.1f}", *map(number, list(one.values())[1:])) for one in curve],
        )
        line()
    for sentence in remarks(evidence):
        line(sentence)
    if evidence.get("people"):
        line()
        shown = ((found["one"], found["other"], found["pairs"], *figure(found), found["count"]) for found in evidence["people"])
        table(("one", "other", "pairs", "kappa", "95 %", "count"), shown)
    line()
    line(f"{verdict[:1].upper()}{verdict[1:]}")
    line(f"Written to {file}.")


def rows_of(evidence: dict) -> list[tuple]:
    """Figure, estimate, interval, pairs."""
    given = evidence["calibration_account"].get("brier") or {}
    named = [
        (f"AUC, answers over {evidence['against']} (by {evidence['scored_by']})", evidence["auc"]),
        *((f"AUC, {pair}", found) for pair, found in evidence["auc_by_set"].items()),
        ("AUC at use (gold pairs)", evidence["auc_at_use"]),
        ("precision on these pairs", evidence["precision"]),
        ("recall", evidence["recall"]),
        ("kappa with the truth", evidence["kappa"]),
        *((f"Brier score, held-out half, {kind}", found) for kind, found in given.items()),
        *((f"{name} a pair", evidence["cost"][name]) for name in ("money", "tokens", "seconds") if evidence["cost"][name]["estimate"]),
        ("false negatives among candidates", evidence["share_of_false_negatives"]),
        ("candidates it says yes to", evidence["share_of_yes"]),
        ("precision at use", evidence["precision_at_use"]),
    ]
    return [(name, *figure(found), found.get("gold", found.get("count"))) for name, found in named if found is not None]


def strata_of(strata: list[dict]) -> list[tuple]:
    """Source, rank band, negatives, share of false ones, interval, gold verdicts."""
    return [(one["source"], one["band"], one["negatives"], *figure(one), one["count"]) for one in strata]


def figure(found: dict) -> tuple[str, str]:
    """An estimate and its interval, short; dashes for what cannot be said."""
    if found["estimate"] is None:
        return "-", "-"
    return number(found["estimate"]), "-" if found["low"] is None else f"{number(found['low'])} to {number(found['high'])}"


def number(value: float) -> str:
    """Three places, or two digits of what is smaller than these show."""
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def remarks(evidence: dict) -> list[str]:
    """What one must know to read the figures."""
    said = []
    if evidence["auc"]["estimate"] is None:
        said.append("AUC cannot be given: answers and others are both needed, and the judge answered for one kind only.")
    if evidence["against"] == "random":
        said.append("Too few documents were judged not relevant: answers are held against random ones, which are easier than candidates.")
    account = evidence["calibration_account"]
    mended = evidence["calibration"]
    if mended:
        said.append(
            f"Probabilities are mended by {mended['kind']} regression on {account['from']}, of which {account['share_positive']:.0%} are "
            "answers; among candidates another share holds" + (" unless gold says." if "gold" not in account["from"] else " as gold says.")
        )
    else:
        said.append(f"Probabilities stay as they are: {account['why_not']}.")
    if not any(evidence["cost"][name]["estimate"] for name in ("money", "tokens")):
        said.append("It costs no money and no tokens.")
    if votes := evidence["votes"]:
        said.append(
            f"The majority of its votes is right on {votes['accuracy']:.1%} of {votes['pairs']:,} of these pairs; no majority can be right "
            f"on more than {votes['ceiling']:.1%}, for on the others all votes are wrong."
        )
    if evidence["gold"] is None:
        said.append("Precision here is that of these pairs. Among a round's candidates it may be far lower: --gold asks there.")
    return said
