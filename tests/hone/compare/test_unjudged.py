"""What is said of documents that nobody has judged."""

from __future__ import annotations

from hone.compare.unjudged import Judgments, bound_differences, describe_bounds
from tests.evaluate.ranked import qrels, ranked

JUDGED = Judgments("made-up", qrels(q={"a": 1}), 1)


def sentence_of(other: str) -> str:
    """Of a second ranking against the first, which is a b c."""
    runs = {"r0": ranked(q="abc"), "r1": ranked(q=other)}
    return describe_bounds(bound_differences(["r0", "r1"], "r0", JUDGED, runs.__getitem__)[1])


CHANGE = "The difference of r1 from r0 in rank-biased precision is"


def test_two_that_differ_in_unjudged_documents():
    # a falls from .2 to .16; b, where it is right, rises by .04 and makes up for it; c stays.
    text = sentence_of("bac")
    assert text.startswith(f"{CHANGE} −0.040 if all unjudged documents are non-relevant.")
    assert text.endswith(
        "They rank 1 unjudged document differently: judging these could move it to any value from "
        "−0.040 to 0.000, "
        "which cannot reverse its sign."
    )


def test_two_that_are_the_same():
    assert sentence_of("abc") == (
        f"{CHANGE} 0.000 if all unjudged documents are non-relevant. Both rank all unjudged "
        "documents alike."
    )
