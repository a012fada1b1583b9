"""Which collections are diagnostic sets, and which are derived from another collection of
params.yaml.
"""

from __future__ import annotations

from pathlib import Path

from hone.config import methods
from hone.config.params import Collection, Params
from hone.errors import Refused, nearest
from hone.ir import diagnostic
from hone.layout import DATA


def of_all(given: Params) -> dict[str, str]:
    """The ability of each diagnostic set in `evaluate_on`, as defined by its source or by the user.

    Raises:
        Refused: the measure does not exist, a diagnostic set is trained on, or there is nothing
            else to evaluate on.
    """
    found = {
        name: what for name in given.evaluate_on if (what := of_one(name, given.collections[name]))
    }
    for name, what in found.items():
        if name in given.train_on:
            raise Refused(
                f"params.yaml: train_on names {name}, which is a diagnostic set ({what}) for "
                "evaluation only. Remove it from `train_on`."
            )
    if len(found) == len(given.evaluate_on):
        raise Refused(
            f"params.yaml: evaluate_on names only diagnostic sets ({', '.join(found)}), which "
            "cannot select a round. Add another "
            "collection."
        )
    return found


def of_one(name: str, item: Collection) -> str | None:
    """The ability that one collection tests."""
    what = item.ability or methods.find("collect", item.source.partition(":")[0]).beside("ABILITY")
    known = methods.names(diagnostic.PLACE)
    if what is not None and what not in known:
        raise Refused(
            f"params.yaml: collections.{name}.ability: no measure is named '{what}'; "
            f"{nearest(what, known)}"
        )
    return what


def modules(suites: dict[str, str], name: str | None = None) -> list[str]:
    """The measures that are found by name, of one collection or of all, for the fingerprint of a
    stage's code.
    """
    return sorted(
        {
            diagnostic.module(what)
            for collection, what in suites.items()
            if name in (None, collection)
        }
    )


def measures(suites: dict[str, str]) -> list[str]:
    """The names of the measures of diagnostic sets."""
    return sorted(
        {methods.find(diagnostic.PLACE, what).beside("MEASURE") for what in suites.values()}
    )


def made_from(given: Params, name: str) -> bool:
    """Whether a collection is derived from the tables of another one of params.yaml, which need not
    exist yet.

    Raises:
        Refused: its source needs another collection, but `path` does not name one.
    """
    item = given.collections[name]
    if not methods.find("collect", item.source.partition(":")[0]).beside("OF_COLLECTION"):
        return False
    others = {str(DATA / other): other for other in given.collections if other != name}
    if str(Path(item.path)) not in others:
        raise Refused(
            f"params.yaml: collections.{name}: `path` is {item.path}, but {item.source} needs the "
            "name of another collection; "
            f"{nearest(item.path, others)}"
        )
    return True
