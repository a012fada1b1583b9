"""Where keys are found, whatever their order, their number and what they share."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hone.encoders.key_index import Index

KEYS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8
)  # few values: hashes that agree in one half


def keys(pairs: list[tuple[int, int]]) -> np.ndarray:
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


@given(st.lists(st.lists(KEYS, min_size=1, max_size=3), max_size=3), KEYS)
def test_a_key_is_found_where_it_was_first_and_no_other_is(
    steps: list[list[list[tuple[int, int]]]], requested: list[tuple[int, int]]
):
    index, expected, shards = Index(), {}, 0
    for step in steps:
        index.add(shards, [keys(shard) for shard in step])
        for shard in step:
            for row, key in enumerate(shard):
                expected.setdefault(key, [shards, row])
            shards += 1
    assert index.find(keys(requested)).tolist() == [
        expected.get(key, [-1, -1]) for key in requested
    ]
    assert (np.diff(index.high.astype(np.int64)) >= 0).all()
