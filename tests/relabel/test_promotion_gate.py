"""Promotion needs a shown precision on every collection that is trained on."""

from __future__ import annotations

import polars as pl

from hone.judging.resolved_relabel import ResolvedRelabel
from tasks.relabel.promotion_gate import may_promote, require_last_verdict


def section(
    *evidence: dict, train_on: tuple[str, ...] = ("a",), force: bool = False
) -> ResolvedRelabel:
    last = {"name": "strong", "fingerprint": "f", "evidence": list(evidence)}
    return ResolvedRelabel.model_construct(
        force=force, precision=0.8, train_on=list(train_on), cascade=[last]
    )


def check_evidence(
    collection: str, low: float, another: str | None = None, elsewhere: str | None = None
) -> dict:
    at_use = {"estimate": 0.95, "low": low, "high": 1.0, "gold": 200, "pairs": 200}
    return {
        "judge": "strong",
        "another": another,
        "elsewhere": elsewhere,
        "collection": collection,
        "precision_at_use": at_use,
    }


def test_a_measured_precision_allows_and_a_lower_one_does_not():
    assert may_promote(section(check_evidence("a", 0.9)))[0]
    assert not may_promote(section(check_evidence("a", 0.7)))[0]


def test_nobody_has_looked_or_at_another_judge():
    assert "hone judge check strong" in may_promote(section())[1]
    assert may_promote(section(check_evidence("a", 0.9, another="its prompt has changed"))) == (
        False,
        "the precision of the judge strong is not measured in its present version: its prompt has "
        "changed",
    )


def test_evidence_on_other_candidates_does_not_count():
    allowed, why = may_promote(
        section(
            check_evidence("a", 0.9, elsewhere="its gold is of round r1, which mines otherwise")
        )
    )
    assert (allowed, "r1, which mines otherwise" in why) == (False, True)


def test_each_collection_must_have_been_checked():
    allowed, why = may_promote(section(check_evidence("a", 0.9), train_on=("a", "b")))
    assert (allowed, "'b'" in why) == (False, True)
    assert may_promote(
        section(check_evidence("a", 0.9), check_evidence("b", 0.85), train_on=("a", "b"))
    )[0]


def test_force_overrides():
    assert may_promote(section(force=True))[0]


def test_only_a_yes_of_the_judge_that_was_checked_promotes():
    decided = pl.DataFrame(
        {
            "judge": ["strong", "cheap", "strong", "cheap"],
            "verdict": ["positive", "positive", "negative", "positive"],
            "action": ["promote", "promote", "promote", "keep"],
        }
    )
    assert require_last_verdict(decided, "strong")["action"].to_list() == [
        "promote",
        "drop",
        "drop",
        "keep",
    ]
