"""Splits by a hash of the text, and hiding."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.collect import split

TEXTS = [
    f"the sum of {number} things and {number * 7} others, as a query about topic {number % 13}"
    for number in range(400)
]


def frame(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts})


def test_shares_are_about_those_of_the_settings():
    texts = [f"{number * 7919:x} alone {number * 104729:x}" for number in range(2000)]
    counts = dict(split.by_text(frame(texts), dev=0.1, test=0.2).value_counts().iter_rows())
    assert 340 < counts["test"] < 460
    assert 150 < counts["dev"] < 250


def test_a_query_keeps_its_split_when_others_come_or_go():
    texts = [f"{number * 7919:x} alone {number * 104729:x}" for number in range(500)]
    all_of_them = split.by_text(frame(texts), dev=0.1, test=0.2).to_list()
    some = split.by_text(frame(texts[::3]), dev=0.1, test=0.2).to_list()
    assert some == all_of_them[::3]


def test_near_duplicates_share_a_split():
    originals = [
        f"compute the {number * 7919:x} transform of a signal along the given axis"
        for number in range(200)
    ]
    variants = [text.upper() + "." for text in originals]
    drawn = split.by_text(frame(originals + variants), dev=0.2, test=0.3).to_list()
    assert drawn[:200] == drawn[200:]
    assert len(set(drawn)) > 1


def test_the_same_text_in_another_spelling_shares_a_split():
    """Short texts whose runs of four characters differ wholly: by near-duplicates alone they
    would be drawn apart.
    """
    originals = [f"é{number}" for number in range(60)]
    variants = [f"e\u0301{number}" for number in range(60)]
    drawn = split.by_text(frame(originals + variants), dev=0.2, test=0.3).to_list()
    assert drawn[:60] == drawn[60:]
    assert len(set(drawn)) == 3


def test_a_query_keeps_the_split_that_older_versions_drew():
    """Worked with the form and the hash of the first version: quotes and dashes did not count as
    the same then.
    """
    texts = ["What’s new?", "the e‑mail module", "Find `x` in y", "ＡＢＣ", "plain words"]
    places = split.unit_hashes(
        ["what’s new", "the e‑mail module", "find `x` in y", "ａｂｃ", "plain words"]
    )
    expected = ["test" if place < 0.3 else "dev" if place < 0.5 else "train" for place in places]
    assert split.by_text(frame(texts), dev=0.2, test=0.3).to_list() == expected


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=30, unique=True
    ),
    share=st.floats(0, 1),
    seed=st.integers(0, 50),
)
def test_hiding_never_takes_a_querys_last_answer(
    labels: list[tuple[int, int]], share: float, seed: int
):
    positives = pl.DataFrame(
        {
            "query_id": [f"q{query}" for query, _ in labels],
            "doc_id": [f"d{doc}" for _, doc in labels],
        }
    )
    hidden = split.hidden(positives, share, seed)
    left = positives.filter(~hidden)
    assert left["query_id"].n_unique() == positives["query_id"].n_unique()
    assert hidden.sum() <= round(share * len(positives))
    shuffled = positives.sample(fraction=1.0, shuffle=True, seed=seed)
    again = shuffled.with_columns(hidden=split.hidden(shuffled, share, seed))
    assert sorted(again.filter("hidden").select("query_id", "doc_id").rows()) == sorted(
        positives.filter(hidden).rows()
    )


@given(seed=st.integers(0, 50), share=st.floats(0, 1), weight=st.floats(0.5, 200))
def test_equal_weights_hide_what_no_weights_hide(seed: int, share: float, weight: float):
    positives = pl.DataFrame(
        {
            "query_id": [f"q{number // 4}" for number in range(40)],
            "doc_id": [f"d{number}" for number in range(40)],
        }
    )
    plain = split.hidden(positives, share, seed)
    assert split.hidden(positives, share, seed, np.full(40, weight)).equals(plain)


def test_one_of_nine_times_the_weight_is_drawn_nine_times_as_readily():
    positives = pl.DataFrame({"query_id": ["q", "q"], "doc_id": ["rare", "likely"]})
    drawn = sum(split.hidden(positives, 0.5, seed, np.array([1.0, 9.0]))[1] for seed in range(2000))
    assert abs(drawn / 2000 - 0.9) < 4 * (0.9 * 0.1 / 2000) ** 0.5
