"""Which collections are suites for one ability, and which are made from another collection of params.yaml."""

from __future__ import annotations

from pathlib import Path

from hone.config import methods
from hone.config.params import Collection, Params
from hone.errors import Refused, nearest
from hone.ir import diagnostic
from hone.layout import DATA


def of_all(given: Params) -> dict[str, str]:
    """The ability of each collection of `evaluate_on` that is a suite for one: what its source says, or what the user says of it.

    Raises:
        Refused: there is no measure of that name, such a collection is trained on, or there is nothing else to evaluate on.
    """
    found = {name: what for name in given.evaluate_on if (what := of_one(name, given.collections[name]))}
    for name, what in found.items():
        if name in given.train_on:
            raise Refused(f"params.yaml: train_on names {name}, which is a suite for one ability ({what}): it is there to evaluate on.")
    if len(found) == len(given.evaluate_on):
        raise Refused(
            f"params.yaml: evaluate_on has only suites for one ability ({', '.join(found)}), by which no round can be chosen: "
            "name a collection beside them."
        )
    return found


def of_one(name: str, item: Collection) -> str | None:
    """The ability that one collection is a suite for."""
    what = item.ability or methods.find("collect", item.source.partition(":")[0]).beside("ABILITY")
    known = methods.names(diagnostic.PLACE)
    if what is not None and what not in known:
        raise Refused(f"params.yaml: collections.{name}.ability: nothing measures '{what}': {nearest(what, known)}")
    return what


def modules(suites: dict[str, str], name: str | None = None) -> list[str]:
    """The measures that are found by name, of one collection or of all, for the fingerprint of a stage's code."""
    return sorted({diagnostic.module(what) for collection, what in suites.items() if name in (None, collection)})


def measures(suites: dict[str, str]) -> list[str]:
    """The names of the suites' own measures."""
    return sorted({methods.find(diagnostic.PLACE, what).beside("MEASURE") for what in suites.values()})


def made_from(given: Params, name: str) -> bool:
    """Whether a collection is made from the tables of another one of params.yaml, which need not be there yet.

    Raises:
        Refused: its source wants such a one, and `path` names none.
    """
    item = given.collections[name]
    if not methods.find("collect", item.source.partition(":")[0]).beside("OF_COLLECTION"):
        return False
    others = {str(DATA / other): other for other in given.collections if other != name}
    if str(Path(item.path)) not in others:
        raise Refused(
            f"params.yaml: collections.{name}: `path` is {item.path}, and {item.source} is made from another collection: "
            f"{nearest(item.path, others)}"
        )
    return True
