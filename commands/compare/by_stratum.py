"""`hone compare --by`: the difference of two rankings in every kind of query of one stratum."""

from __future__ import annotations

from hone.compare.by_stratum import Level, adjust_p, compare_levels
from hone.compare.query_strata import PLACE, QuerySlices, Tables, list_strata, slice_queries
from hone.config import methods
from hone.config.params import Params
from hone.encoders.encoder import Reading
from hone.errors import Refused, nearest
from hone.present.number_format import format_change, format_p, score, span

KIND_COLUMNS = ("kind of query", "queries", "before", "after", "difference", "95 %", "randomisation")


def refuse_stratum(by: str, one: str, other: str) -> None:
    """Raises Refused where there is no such stratum, or where it is cut by one of the two that are compared."""
    if by not in list_strata():
        raise Refused(f"--by {by}: there is no stratum of that name: {nearest(by, list_strata())}")
    cutter = methods.find(PLACE, by).beside("CUT_BY")
    if cutter in (one, other):
        raise Refused(
            f"--by {by}: it is cut by the ranking of {cutter}, which is one of the two that are compared: chance alone "
            "would make it look better on what it was lucky with. Compare two others, or choose another stratum."
        )


def in_kinds(by: str, one: str, other: str, splits: dict[str, str], given: Params) -> tuple[list[Level], dict[str, str]]:
    """Every level of a stratum on each collection, p adjusted for all of them; and why a collection has none.

    Args:
        by: the stratum.
        one, other: what is compared.
        splits: of each collection, whose queries.
        given: params.yaml.

    Raises:
        Refused: it parts the queries of no collection.
    """
    cut = {name: cut_of(by, name, split, given) for name, split in splits.items()}
    why = {name: found.left_out[by] for name, found in cut.items() if found.left_out}
    if len(why) == len(cut):
        raise Refused(f"--by {by}: it does not part the queries: {'; '.join(f'{name}: {reason}' for name, reason in why.items())}.")
    found = [level for name, parts in cut.items() if name not in why for level in compare_levels(name, one, [other], parts, given.seed)]
    return adjust_p(found), why


def cut_of(by: str, collection: str, split: str, given: Params) -> QuerySlices:
    item = given.collections[collection]
    reading = Reading.of(given.model.model_dump())
    return slice_queries(Tables(collection, split, item.min_relevance, item.language, reading, tuple(given.compare_with)), (by,))


def row(level: Level) -> tuple[str, ...]:
    """A level's line of the table, under `KIND_COLUMNS`."""
    [inside] = level.rounds
    difference = inside.against.difference
    few = ", too few to say much" if level.few else ""
    return (
        f"{level.level}: {level.meaning}{few}", f"{level.queries:,}", score(level.base), score(inside.mean),
        format_change(difference.mean, 4), span(difference), format_p(inside.against.p),
    )  # fmt: skip
