"""quota: places by shares, by hand, and what always holds of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods, recipe
from hone.data import tables
from hone.errors import Refused
from hone.mining.pool import merged
from tasks.sample.choose.quota import quota, seats

SOURCES = ("dense", "random", "siblings")


def candidates(*found: tuple[str, str, str, int]) -> pl.DataFrame:
    """query, source, document, rank."""
    rows = [(query, doc, source, rank, 1.0 / rank) for query, source, doc, rank in found]
    return tables.shaped("candidates", pl.DataFrame(rows, schema=tables.CANDIDATES, orient="row"))


def lists(**of: int) -> pl.DataFrame:
    """One query; of each source so many documents of its own, ranked."""
    return candidates(
        *(
            ("q", source, f"{source}{rank}", rank)
            for source, count in of.items()
            for rank in range(1, count + 1)
        )
    )


def chosen(
    found: pl.DataFrame,
    shares: dict[str, float],
    n: int,
    seed: int = 1,
    removed: tuple[str, ...] = (),
) -> pl.DataFrame:
    pool = merged(found).filter(~pl.col("doc_id").is_in(removed))
    return quota(pool, found, "r1", seed=seed, shares=shares, n=n)


def by_source(frame: pl.DataFrame) -> dict[str, list[str]]:
    return {
        source: sorted(docs) for source, docs in frame.group_by("source").agg("doc_id").iter_rows()
    }


def test_seats_by_hand():
    """10 at .2, .5, .3 are 2, 5, 3. 4 are .8, 2, 1.2: 0, 2, 1 and the one that is over goes to
    the largest remainder, .8.
    """
    lots = np.zeros((1, 3))
    assert seats([0.2, 0.5, 0.3], 10, lots).tolist() == [[2, 5, 3]]
    assert seats([0.2, 0.5, 0.3], 4, lots).tolist() == [[1, 2, 1]]


def test_equal_remainders_are_a_lot():
    """One place and two halves: about half of the queries give it to each."""
    made = seats([0.5, 0.5], 1, np.random.default_rng(0).random((1000, 2)))
    assert made.sum(axis=1).tolist() == [1] * 1000
    assert 430 < made[:, 0].sum() < 570


def test_a_source_gives_random_ones_of_its_list_if_the_recipe_sets_it():
    """Two of dense's nine a draw: in forty draws of each document 40 * 2 / 9 = 8.9 times on
    average, and all of one seat's shares hold.
    """
    found = lists(dense=9, random=9)
    shares = {"random": 0.5, "dense": 0.5}
    made = [
        by_source(
            quota(merged(found), found, "position 1", seed=seed, shares=shares, order="random", n=4)
        )
        for seed in range(40)
    ]
    assert all(len(one["dense"]) == len(one["random"]) == 2 for one in made)
    times = [sum(f"dense{rank}" in one["dense"] for one in made) for rank in range(1, 10)]
    assert sum(times) == 80
    assert 0 < min(times) <= max(times) < 20


def test_each_source_its_share_and_its_best_ranks_first():
    made = chosen(
        lists(dense=9, random=9, siblings=9), {"random": 0.2, "dense": 0.5, "siblings": 0.3}, 10
    )
    assert by_source(made) == {
        "random": ["random1", "random2"],
        "dense": [f"dense{rank}" for rank in range(1, 6)],
        "siblings": ["siblings1", "siblings2", "siblings3"],
    }


def test_what_several_found_takes_one_place_of_the_first_that_has_one():
    """Both sources found x first. merged gives it to dense; with the siblings first in `shares`
    it takes theirs, and dense goes on to y.
    """
    found = candidates(
        ("q", "dense", "x", 1),
        ("q", "dense", "y", 2),
        ("q", "siblings", "x", 1),
        ("q", "siblings", "z", 2),
    )
    assert merged(found).filter(pl.col("doc_id") == "x")["source"].item() == "dense"
    assert by_source(chosen(found, {"siblings": 0.5, "dense": 0.5}, 2)) == {
        "siblings": ["x"],
        "dense": ["y"],
    }
    assert by_source(chosen(found, {"dense": 0.5, "siblings": 0.5}, 2)) == {
        "dense": ["x"],
        "siblings": ["z"],
    }


def test_what_was_removed_takes_no_place():
    made = chosen(
        lists(dense=3, siblings=3), {"dense": 0.5, "siblings": 0.5}, 2, removed=("dense1",)
    )
    assert by_source(made) == {"dense": ["dense2"], "siblings": ["siblings1"]}


def test_a_source_that_is_short_is_filled_from_the_others_and_reported(capsys):
    made = chosen(lists(dense=9, siblings=1), {"siblings": 0.5, "dense": 0.5}, 6)
    assert by_source(made) == {
        "siblings": ["siblings1"],
        "dense": [f"dense{rank}" for rank in range(1, 6)],
    }
    assert made["doc_id"].to_list()[-2:] == [
        "dense4",
        "dense5",
    ]  # behind those that have a place of their own
    assert (
        "sources lacked 2 of 6 candidates; other named sources filled 2 of them"
        in capsys.readouterr().err
    )


def test_the_first_are_of_the_shares_too():
    """Training may use one of ten: over many queries it is of the source with half the places in
    about half of them.
    """
    found = pl.concat(
        [
            lists(dense=9, siblings=9).with_columns(query_id=pl.lit(f"q{number:03}"))
            for number in range(400)
        ]
    )
    first = (
        chosen(found, {"siblings": 0.5, "dense": 0.5}, 10)
        .group_by("query_id", maintain_order=True)
        .first()
    )
    assert 150 < (first["source"] == "dense").sum() < 250
    assert set(first["doc_id"]) == {"dense1", "siblings1"}  # each source in its own order


pair = st.tuples(
    st.sampled_from(["q1", "q2", "q3"]),
    st.sampled_from(SOURCES),
    st.sampled_from([f"d{number}" for number in range(8)]),
)


@given(
    pairs=st.lists(pair, min_size=1, max_size=50, unique=True),
    weights=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    n=st.integers(1, 9),
    seed=st.integers(0, 3),
)
def test_places_sum_and_are_never_exceeded(pairs, weights, n, seed):
    ranks: dict = {}
    found = candidates(
        *(
            (
                query,
                source,
                doc,
                ranks.setdefault((query, source), []).append(doc) or len(ranks[query, source]),
            )
            for query, source, doc in pairs
        )
    )
    shares = {
        source: weight / sum(weights) for source, weight in zip(SOURCES, weights, strict=True)
    }
    made = chosen(found, shares, n, seed)
    assert made.equals(chosen(found, shares, n, seed))
    assert not made.select("query_id", "doc_id").is_duplicated().any()
    assert made["query_id"].rle_id().n_unique() == made["query_id"].n_unique()
    available = {(query, source, doc) for query, source, doc in pairs}
    assert {
        (query, source, doc)
        for query, source, doc in made.select("query_id", "source", "doc_id").iter_rows()
    } <= available
    for query in {query for query, _, _ in pairs}:
        documents = {doc for other_query, _, doc in pairs if other_query == query}
        assert (made["query_id"] == query).sum() == min(n, len(documents))


@given(
    weights=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    n=st.integers(1, 30),
    seed=st.integers(0, 5),
)
def test_seats_are_the_share_rounded_down_or_up(weights, n, seed):
    shares = np.array(weights) / sum(weights)
    made = seats(shares.tolist(), n, np.random.default_rng(seed).random((7, len(weights))))
    assert (made.sum(axis=1) == n).all()
    assert (made >= np.floor(shares * n - 1e-6)).all()
    assert (made <= np.ceil(shares * n + 1e-6)).all()


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"dense": 0.5}, "sum to 1, but they sum to 0.5"),
        ({"dense": 1.2, "random": -0.2}, "each be above 0"),
        ({}, "but they sum to 0"),
    ],
)
def test_shares_that_cannot_be_meant(shares: dict, message: str):
    with pytest.raises(Refused, match=message):
        methods.checked("sample.choose", {"quota": {"shares": shares}}, "here")


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (
            {"dens": 1.0},
            "has a share for 'dens', which is not a source of the recipe; did you mean 'dense'",
        ),
        ({"dense": 1.0}, "has no share for 'random', which is a source of the recipe"),
    ],
)
def test_sources_of_another_name_are_refused_before_work_starts(
    workspace: Path, shares: dict, message: str
):
    file = workspace / "tried.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "about": "a",
                "retrieve": ["dense", "random"],
                "sample": {"choose": {"quota": {"shares": shares}}},
            }
        )
    )
    with pytest.raises(Refused, match=message):
        recipe.check(file)


def test_a_share_of_a_method_is_one_of_all_its_sources():
    """Both sources of siblings share three places, best ranks first; dense:b has a share of its
    own beside dense.
    """
    found = pl.concat(
        [
            lists(dense=4),
            candidates(
                *(
                    ("q", source, f"{source}{rank}", rank)
                    for source in ("dense:b", "siblings:column=x", "siblings:near")
                    for rank in (1, 2)
                )
            ),
        ]
    )
    made = chosen(found, {"siblings": 0.6, "dense": 0.2, "dense:b": 0.2}, 5)
    assert by_source(made) | {"siblings:column=x": None, "siblings:near": None} == {
        "dense": ["dense1"],
        "dense:b": ["dense:b1"],
        "siblings:column=x": None,
        "siblings:near": None,
    }
    assert len(made.filter(pl.col("source").str.starts_with("siblings"))) == 3


def test_nothing_to_choose_from():
    assert quota(
        tables.empty("candidates"),
        tables.empty("candidates"),
        "r1",
        seed=1,
        shares={"dense": 1.0},
        n=2,
    ).is_empty()
