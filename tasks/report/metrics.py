"""What the report reads from reports/metrics/ besides scores: geometry of embeddings, mteb's own
scorer, removed documents.
"""

from __future__ import annotations

from hone.compare.contrast import Score
from hone.files import read_json
from hone.ir.alignment_uniformity import NAMES as GEOMETRY
from hone.ir.collapse import warning
from hone.ir.results import OWN_DROPPED
from hone.layout import metrics_file


def read_metrics(name: str, collection: str) -> dict:
    """What `evaluate` measured of a ranking on a collection."""
    return read_json(metrics_file(name, collection))


def read_split_metrics(one: Score) -> dict:
    """The same of the split that the page is about."""
    measured = read_metrics(one.name, one.collection)
    return measured if one.split == "test" else measured.get(one.split, {})


def read_mteb(collection: str, found: list[Score]) -> list[tuple[str, str, float]]:
    """Name, measure and value of each ranking by mteb's own scorer, if the collection is an MTEB
    task.
    """
    own = [
        (one.name, read_metrics(one.name, collection))
        for one in found
        if one.collection == collection
    ]
    return [
        (name, measure, value)
        for name, measured in own
        for measure, value in measured.get("mteb", {}).items()
    ]


def read_removed_documents(collection: str, found: list[Score]) -> int | None:
    """Number of documents that share a query's id and are removed from its ranking; null if none
    are removed.
    """
    return read_split_metrics(next(score for score in found if score.collection == collection)).get(
        OWN_DROPPED
    )


def read_geometry(collection: str, found: list[Score]) -> list[dict]:
    """Alignment, uniformity and gap of the embeddings of each model that was evaluated on a
    collection.
    """
    measured = [
        (one.name, read_split_metrics(one)) for one in found if one.collection == collection
    ]
    return [
        {"name": name} | {key: own[key] for key in GEOMETRY}
        for name, own in measured
        if own.get("uniformity") is not None
    ]


def warn_of_collapse(geometry: dict[str, list[dict]], base: str, rounds: list[str]) -> list[str]:
    """A sentence for each round whose embeddings have collapsed on a collection, compared with
    the baseline.
    """
    found = []
    for collection, rows in geometry.items():
        by_name = {row["name"]: row for row in rows}
        found += [
            warning(name, collection, by_name[name], base, by_name.get(base, {}))
            for name in rounds
            if name in by_name
        ]
    return [sentence for sentence in found if sentence]
