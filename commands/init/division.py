"""The division of labelled queries into train, dev and test.

Every number here is a Hone default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from hone.config.params import Split
from hone.data.source import SPLITS
from hone.errors import Refused
from tasks.collect.split import DEV_LARGEST, DEV_MINIMUM, by_place, places_of, smallest_fraction

FEWEST = 10  # labelled queries. With fewer, no split can measure anything
MANY = 300  # labelled queries from which the test split has a fixed minimum
TEST, TEST_MINIMUM, TEST_MAXIMUM = 0.2, 100, 1_000
SMALL = 0.3  # fraction of fewer than MANY queries for test
DEV, DEV_MAXIMUM = 0.1, 300


@dataclass(frozen=True)
class Division:
    """The setting `split` of a collection. Null: the files define all three splits.

    Attributes:
        split: the setting.
        counts: labelled queries of each split.
        absent: the splits that the files lack, if they have others.
    """

    split: Split | None
    counts: dict[str, int]
    absent: tuple[str, ...] = ()


def divide(labelled: pl.DataFrame, given_splits: bool) -> Division:
    """The division of the labelled queries.

    Args:
        labelled: the queries with a positive: text, and their split if the files define it.
        given_splits: whether they do.

    Raises:
        Refused: there are fewer than FEWEST of them.
    """
    if len(labelled) < FEWEST:
        raise Refused(
            f"only {len(labelled):,} queries have a positive label, which is too few to train and "
            f"to measure. Label at least {FEWEST}, better {MANY}."
        )
    if not given_splits:
        return drawn(labelled, None, SPLITS[1:])
    counts = {name: int((labelled["split"] == name).sum()) for name in SPLITS}
    absent = tuple(name for name in SPLITS if not counts[name])
    if not absent:
        return Division(None, counts)
    origin = "train" if counts["train"] else max(counts, key=counts.__getitem__)
    wanted = tuple(name for name in SPLITS[1:] if not counts[name] or name == origin)
    return drawn(labelled, origin, wanted, counts, absent)


def drawn(
    labelled: pl.DataFrame,
    origin: str | None,
    wanted: tuple[str, ...],
    counts: dict[str, int] | None = None,
    absent: tuple[str, ...] = (),
) -> Division:
    """The division of the queries of `origin`, or of all, with the smallest fractions that reach
    the targets of the `wanted` splits.
    """
    part = labelled if origin is None else labelled.filter(pl.col("split") == origin)
    places = places_of(part)
    targets = {name: target(len(part), name) if name in wanted else 0 for name in SPLITS[1:]}
    shares = fractions(places, targets["dev"], targets["test"])
    found = by_place(places, *shares)
    kept = {name: 0 if name == origin or counts is None else counts[name] for name in SPLITS}
    return Division(
        Split(dev=shares[0], test=shares[1], divide=origin),
        {name: kept[name] + int((found == name).sum()) for name in SPLITS},
        absent,
    )


def target(count: int, split: str) -> int:
    """The wanted number of dev or test queries among `count` labelled ones."""
    if split == "test":
        if count < MANY:
            return math.ceil(SMALL * count)
        return max(TEST_MINIMUM, min(TEST_MAXIMUM, round(TEST * count)))
    return min(max(DEV_MINIMUM, min(DEV_MAXIMUM, round(DEV * count))), int(DEV_LARGEST * count))


def fractions(places: pl.Series, dev: int, test: int) -> tuple[float, float]:
    """The smallest fractions for dev and test that give at least these numbers of queries.

    Args:
        places: the place of each query in [0, 1), which is below the fraction of its split.
        dev: wanted dev queries.
        test: wanted test queries.
    """
    of_test = smallest_fraction(places, test)
    return smallest_fraction(places, dev, of_test), of_test
