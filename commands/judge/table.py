"""The results of `hone judge check` as tables and sentences."""

from __future__ import annotations

from pathlib import Path

from commands.console import line, table


def show(evidence: dict, verdict: str, file: Path) -> None:
    """Print the results.

    Args:
        evidence: the results as written to the file.
        verdict: the sentence of the promotion gate.
        file: the file with the results.
    """
    line(f"{evidence['judge']} on {evidence['collection']}, split {evidence['split']}")
    table(
        ("set", "pairs", "unknown", "positive verdicts", "95 % CI", "mean probability", "95 % CI"),
        [
            (
                name,
                found["pairs"],
                found["unknown"],
                *figure(found["yes"]),
                *figure(found["probability"]),
            )
            for name, found in evidence["sets"].items()
        ],
    )
    for reason, count in evidence["left_out"].items():
        if count:
            line(f"excluded: {count:,} {reason}")
    line()
    table(("metric", "estimate", "95 % CI", "pairs"), rows_of(evidence))
    if evidence["by_stratum"]:
        line()
        table(
            ("source", "rank", "negatives", "false-negative rate", "95 % CI", "reference labels"),
            strata_of(evidence["by_stratum"]),
        )
        line()
    if curve := evidence["coverage_at_use"] or evidence["coverage"]:
        line()
        read = "reference pairs" if evidence["coverage_at_use"] else "these pairs"
        line(
            f"Accuracy on the pairs with the highest confidence ({read}; for `escalate: "
            "confidence`):"
        )
        table(
            ("fraction of pairs", "accuracy", "confidence from"),
            [(f"{one['coverage']:.1f}", *map(number, list(one.values())[1:])) for one in curve],
        )
        line()
    for sentence in remarks(evidence):
        line(sentence)
    if evidence.get("people"):
        line()
        agreement_rows = (
            (found["one"], found["other"], found["pairs"], *figure(found), found["count"])
            for found in evidence["people"]
        )
        table(("annotator", "other", "pairs", "kappa", "95 % CI", "count"), agreement_rows)
    line()
    line(f"{verdict[:1].upper()}{verdict[1:]}")
    line(f"Written to {file}.")


def rows_of(evidence: dict) -> list[tuple]:
    """Table rows: metric, estimate, interval, pairs."""
    given = evidence["calibration_account"].get("brier") or {}
    named = [
        (
            f"AUC, positives against {evidence['against']} (by {evidence['scored_by']})",
            evidence["auc"],
        ),
        *((f"AUC, {pair}", found) for pair, found in evidence["auc_by_set"].items()),
        ("AUC at use (reference pairs)", evidence["auc_at_use"]),
        ("precision on these pairs", evidence["precision"]),
        ("recall", evidence["recall"]),
        ("kappa with the labels", evidence["kappa"]),
        *((f"Brier score, held-out half, {kind}", found) for kind, found in given.items()),
        *(
            (f"{'cost' if name == 'money' else name} per pair", evidence["cost"][name])
            for name in ("money", "tokens", "seconds")
            if evidence["cost"][name]["estimate"]
        ),
        ("false-negative rate of candidates", evidence["share_of_false_negatives"]),
        ("positive verdicts on candidates", evidence["share_of_yes"]),
        ("precision at use", evidence["precision_at_use"]),
    ]
    return [
        (name, *figure(found), found.get("gold", found.get("count")))
        for name, found in named
        if found is not None
    ]


def strata_of(strata: list[dict]) -> list[tuple]:
    """Table rows: source, rank band, negatives, false-negative rate, interval, reference labels."""
    return [
        (one["source"], one["band"], one["negatives"], *figure(one), one["count"]) for one in strata
    ]


def figure(found: dict) -> tuple[str, str]:
    """Format an estimate and its interval; dashes if undefined."""
    if found["estimate"] is None:
        return "-", "-"
    return number(found["estimate"]), "-" if found[
        "low"
    ] is None else f"{number(found['low'])} to {number(found['high'])}"


def number(value: float) -> str:
    """Format with three decimal places, or with two significant digits below 0.01."""
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def remarks(evidence: dict) -> list[str]:
    """Sentences for the interpretation of the metrics."""
    sentences = []
    if evidence["auc"]["estimate"] is None:
        sentences.append(
            "AUC is undefined, because the judge returned verdicts on positives only or on "
            "negatives only."
        )
    if evidence["against"] == "random":
        sentences.append(
            "Positives are compared with random documents, because too few documents are judged "
            "not relevant. This is easier."
        )
    account = evidence["calibration_account"]
    fitted = evidence["calibration"]
    if fitted:
        sentences.append(
            f"Probabilities are calibrated by {fitted['kind']} regression on {account['from']} "
            f"({account['share_positive']:.0%} positives)."
            + (
                " The fraction among candidates may differ. Use --gold."
                if "gold" not in account["from"]
                else ""
            )
        )
    else:
        sentences.append(f"Probabilities are not calibrated: {account['why_not']}.")
    if not any(evidence["cost"][name]["estimate"] for name in ("money", "tokens")):
        sentences.append("The judge is free: no cost and no tokens.")
    if votes := evidence["votes"]:
        sentences.append(
            f"The majority vote is correct on {votes['accuracy']:.1%} of {votes['pairs']:,} "
            "pairs. The upper limit for any majority is "
            f"{votes['ceiling']:.1%}, because all votes on the other pairs are wrong."
        )
    if evidence["gold"] is None:
        sentences.append(
            "This is the precision on the test pairs. It may be much lower on a round's "
            "candidates. Measure that with --gold."
        )
    return sentences
