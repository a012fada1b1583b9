"""Whether a model's vectors move into one corner: alignment and uniformity held against the base model's.

A loss can be brought down by drawing all texts together; scores may still look well on easy queries when that begins.
"""

from __future__ import annotations

from hone.files import read_json
from hone.layout import BASE, metrics_file

# Of the way from the base model's uniformity to 0, where all documents are one point. All three are ours.
MOVED, COLLAPSED = 0.25, 0.75
SLIGHTLY = 0.1  # enough where queries have not come nearer to their answers either


def warning(name: str, collection: str, own: dict, other: str, base: dict) -> str | None:
    """A sentence where a model collapses or begins to; null where it does not, or where it cannot be told.

    Uniformity a quarter of the way to 0 is a warning by itself: an alignment that is better then says nothing, for texts that lie
    together lie near their answers. A tenth of the way is one where alignment is no better, which is a loss on both.

    Args:
        name, collection: of what this is said.
        own: alignment and uniformity of the model (`hone.ir.alignment_uniformity`); either may be missing or null.
        other, base: the model that it is held against, by name, and its measures.
    """
    before, after = base.get("uniformity"), own.get("uniformity")
    if before is None or after is None or before >= 0:
        return None
    way = 1 - after / before
    share = f"{way:.0%}".replace("%", " %")
    told = f"uniformity goes from {number(before)} ({other}) to {number(after)}, {share} of the way to 0, where all documents are one point"
    if way >= COLLAPSED:
        return f"The vectors of {name} have collapsed on {collection}: {told}."
    if way >= MOVED:
        return f"The vectors of {name} draw together on {collection}: {told}."
    if way >= SLIGHTLY and not nearer(own.get("alignment"), base.get("alignment")):
        return f"The vectors of {name} draw together on {collection}, and queries come no nearer to their answers: {told}."
    return None


def nearer(after: float | None, before: float | None) -> bool:
    return after is not None and before is not None and after < before


def warnings_of(name: str, collection: str) -> list[str]:
    """The warning of an evaluation that has just been written, where the base model's is there already."""
    files = [metrics_file(one, collection) for one in (name, BASE)]
    if name == BASE or not all(file.exists() for file in files):
        return []
    own, base = (read_json(file) for file in files)
    parts = [(one.get("dev", {}) if "uniformity" not in one else one) for one in (own, base)]
    found = warning(name, collection, parts[0], BASE, parts[1])
    return [found] if found else []


def number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
