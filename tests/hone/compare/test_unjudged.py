"""What is said of documents that nobody has judged."""

from __future__ import annotations

from hone.compare.unjudged import Judgments, bound_differences, describe_bounds
from tests.evaluate.ranked import qrels, ranked

JUDGED = Judgments("made-up", qrels(q={"a": 1}), 1)


def told(other: str) -> str:
    """Of a second ranking against the first, which is a b c."""
    runs = {"r0": ranked(q="abc"), "r1": ranked(q=other)}
    return describe_bounds(bound_differences(["r0", "r1"], "r0", JUDGED, runs.__getitem__)[1])


CHANGE = "more than r0 in rank-biased precision where what nobody has judged is wrong"


def test_two_that_differ_in_unjudged_documents():
    # a falls from .2 to .16; b, where it is right, rises by .04 and makes up for it; c stays.
    said = told("bac")
    assert said.startswith(f"r1 gives −0.040 {CHANGE}, between −0.040 and 0.000 whatever the 1 unjudged document ")
    assert said.endswith("its sign does not hang on them.")


def test_two_that_are_the_same():
    assert told("abc") == f"r1 gives 0.000 {CHANGE}; they rank no unjudged document differently."
