"""How `hone init` chooses the maximum length."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from commands.init.lengths import Length, of_counts, sample


@pytest.mark.parametrize(
    ("counts", "limit", "tokens", "cut"),
    [
        ([10] * 100, 512, 64, 0.0),
        ([10] * 95 + [500] * 5, 512, 64, 0.05),  # exactly 5 % may be cut
        ([10] * 94 + [500] * 6, 512, 512, 0.0),
        ([10] * 94 + [100] * 6, 512, 128, 0.0),
        ([600] * 100, 512, 512, 1.0),  # the largest, although all are cut
        ([600] * 100, 8_192, 512, 1.0),
        ([100] * 100, 80, 80, 1.0),  # the model's limit
        ([70] * 100, 80, 80, 0.0),
        ([], 512, 64, 0.0),
    ],
)
def test_the_smallest_length_that_cuts_at_most_a_twentieth(
    counts: list[int], limit: int, tokens: int, cut: float
):
    expected = Length(tokens, cut, len(counts), 256, limit)
    assert of_counts(np.array(counts), 256, limit) == expected


def test_the_sample_is_seeded_and_in_order():
    texts = pl.Series([f"{number:05}" for number in range(5_000)])
    drawn = sample(texts)
    assert len(drawn) == 2_000
    assert drawn.n_unique() == 2_000
    assert drawn.is_sorted()
    assert drawn.equals(sample(texts))
    assert sample(texts.head(2_000)).equals(texts.head(2_000))
