"""Who may promote, and the sentence that says why not."""

from __future__ import annotations

import pytest

from hone.judging.reliability.gate import gate

ABOUT = {"judge": "cheap", "collection": "ours"}


def make_evidence(low: float | None, gold: int, n_positive: int = 80) -> dict:
    figures = (
        {"estimate": None, "low": None, "high": None}
        if low is None
        else {"estimate": low + 0.05, "low": low, "high": low + 0.08}
    )
    return ABOUT | {"precision_at_use": figures | {"gold": gold, "said_yes": n_positive}}


def test_a_shown_precision_opens_it():
    good, why = gate(make_evidence(0.83, 150))
    assert good
    assert why == (
        "the judge cheap on ours may promote: its precision at use is 0.88 (0.83 to 0.91) of 80 "
        "positive verdicts, "
        "and the lower end reaches 0.80."
    )


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        (ABOUT, "none of its candidates has a gold verdict, and positives alone do not show"),
        (ABOUT | {"precision_at_use": None}, "none of its candidates has a gold verdict"),
        (make_evidence(0.95, 149), "149 gold verdicts on candidates are too few, 150 are needed"),
        (
            make_evidence(None, 400, 0),
            "none of 400 candidates with a gold verdict has a positive verdict",
        ),
        (
            make_evidence(0.79, 400),
            "its precision at use is 0.84 (0.79 to 0.87) of 80 positive verdicts, and the lower "
            "end must reach 0.80",
        ),
    ],
)
def test_it_stays_shut_and_says_why(evidence: dict, message: str):
    good, why = gate(evidence)
    assert not good
    assert message in why


def test_the_bound_is_the_users():
    assert gate(make_evidence(0.79, 400), bound=0.7)[0]
    assert not gate(make_evidence(0.83, 400), bound=0.9)[0]
