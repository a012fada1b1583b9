"""`hone compare --slice`: the difference of two rankings on each query slice."""

from __future__ import annotations

from hone.compare.by_stratum import Level, adjust_p, compare_levels
from hone.compare.query_strata import PLACE, QuerySlices, Tables, list_strata, slice_queries
from hone.config import methods
from hone.config.params import Params
from hone.encoders.encoder import Reading
from hone.errors import Refused, nearest
from hone.present.number_format import format_change, format_p, score, span

KIND_COLUMNS = (
    "query slice",
    "queries",
    "before",
    "after",
    "difference",
    "95 % CI",
    "randomization test",
)


def refuse_stratum(by: str, one: str, other: str) -> None:
    """Raises Refused if the slices do not exist, or if one of the compared rankings defines
    them.
    """
    if by not in list_strata():
        raise Refused(f"--slice {by}: no query slices have this name: {nearest(by, list_strata())}")
    cutter = methods.find(PLACE, by).beside("CUT_BY")
    if cutter in (one, other):
        raise Refused(
            f"--slice {by}: the ranking of {cutter} defines these slices, and it is one of the two "
            "compared systems. Its difference "
            "would be biased by selection. Compare two other systems, or use other slices."
        )


def compare_slices(
    by: str, one: str, other: str, splits: dict[str, str], given: Params
) -> tuple[list[Level], dict[str, str]]:
    """The difference on each slice of each collection, with p adjusted for all slices; and the
    reason if a collection has no slices.

    Args:
        by: the method that defines the slices.
        one, other: the compared systems.
        splits: the split of each collection.
        given: params.yaml.

    Raises:
        Refused: no collection has two non-empty slices.
    """
    cut = {name: read_slices(by, name, split, given) for name, split in splits.items()}
    why = {name: found.left_out[by] for name, found in cut.items() if found.left_out}
    if len(why) == len(cut):
        raise Refused(
            f"--slice {by} does not separate the queries: "
            f"{'; '.join(f'{name}: {reason}' for name, reason in why.items())}."
        )
    found = [
        level
        for name, parts in cut.items()
        if name not in why
        for level in compare_levels(name, one, [other], parts, given.seed)
    ]
    return adjust_p(found), why


def read_slices(by: str, collection: str, split: str, given: Params) -> QuerySlices:
    item = given.collections[collection]
    reading = Reading.of(given.model.model_dump())
    return slice_queries(
        Tables(
            collection, split, item.min_relevance, item.language, reading, tuple(given.compare_with)
        ),
        (by,),
    )


def row(level: Level) -> tuple[str, ...]:
    """The table row of a slice, with the columns `KIND_COLUMNS`."""
    [inside] = level.rounds
    difference = inside.against.difference
    few = ", too few for a conclusion" if level.few else ""
    return (
        f"{level.level}: {level.meaning}{few}",
        f"{level.queries:,}",
        score(level.base),
        score(inside.mean),
        format_change(difference.mean, 4),
        span(difference),
        format_p(inside.against.p),
    )
