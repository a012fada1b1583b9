"""Pairs told by the beginning of their signatures are those that whole signatures tell."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.text.near_duplicates import PERMUTATIONS, signatures, similar, similarity


@given(
    differ=st.lists(st.integers(0, PERMUTATIONS), min_size=1, max_size=30),
    threshold=st.floats(0.01, 1)
    | st.integers(1, PERMUTATIONS).map(lambda count: count / PERMUTATIONS),
    front=st.booleans(),
)
def test_the_first_entries_leave_out_no_pair(differ: list[int], threshold: float, front: bool):
    """Row 0 against rows that differ from it in so many entries, at the front of the signature
    or at its end.
    """
    sketches = np.ones((1 + len(differ), PERMUTATIONS), dtype=np.uint32)
    for row, count in enumerate(differ, start=1):
        sketches[row, :count] = 2
    if not front:
        sketches = sketches[:, ::-1]
    left, right = np.zeros(len(differ), dtype=np.int64), np.arange(1, len(differ) + 1)
    places, alike = similar(sketches, left, right, threshold)
    whole = similarity(sketches[left], sketches[right])
    assert places.tolist() == np.flatnonzero(whole >= threshold).tolist()
    assert alike.tolist() == whole[places].tolist()


def test_texts():
    """Sets of three-word runs: the second has one run of 20 more (.95), the third none in
    common.
    """
    words = [f"w{number}" for number in range(21)]
    sketches = signatures(
        [" ".join(words), " ".join([*words, "more"]), "something else entirely here"]
    )
    places, alike = similar(sketches, np.array([0, 0, 1]), np.array([1, 2, 2]), 0.8)
    assert places.tolist() == [0]
    assert 0.85 < alike[0] < 1


def test_no_pairs():
    places, alike = similar(
        np.empty((0, PERMUTATIONS), dtype=np.uint32),
        np.array([], dtype=np.int64),
        np.array([], dtype=np.int64),
        0.8,
    )
    assert len(places) == len(alike) == 0
