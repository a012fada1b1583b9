"""Collapse check: alignment and uniformity of a model compared with those of the base model.

A model can reduce its loss by moving all texts together. At first the scores on easy queries may
still look good.
"""

from __future__ import annotations

from hone.files import read_json
from hone.layout import BASE, metrics_file

# Fractions of the way from the base model's uniformity to 0, where all vectors are equal [Hone
# default].
MOVED, COLLAPSED = 0.25, 0.75
SLIGHTLY = 0.1  # sufficient if alignment has not improved either


def warning(name: str, collection: str, own: dict, other: str, base: dict) -> str | None:
    """A warning if a model collapses or begins to. Null if it does not, or if the values are
    missing.

    Uniformity that is 25 % closer to 0 is a warning in itself: a better alignment proves nothing
    then, because near texts align well. At 10 %, it is a warning only if alignment has not
    improved, which is a loss on both.

    Args:
        name, collection: the model and collection, for the message.
        own: alignment and uniformity of the model (`hone.ir.alignment_uniformity`). Either may be
            missing or null.
        other, base: name and measures of the model to compare with.
    """
    before, after = base.get("uniformity"), own.get("uniformity")
    if before is None or after is None or before >= 0:
        return None
    way = 1 - after / before
    share = f"{way:.0%}".replace("%", " %")
    figures = (
        f"uniformity changes from {number(before)} ({other}) to {number(after)}, {share} of the "
        "way to 0, where all documents have "
        "the same vector"
    )
    if way >= COLLAPSED:
        return f"The vectors of {name} have collapsed on {collection}: {figures}."
    if way >= MOVED:
        return f"The vectors of {name} begin to collapse on {collection}: {figures}."
    if way >= SLIGHTLY and not nearer(own.get("alignment"), base.get("alignment")):
        return (
            f"The vectors of {name} begin to collapse on {collection}, and alignment has not "
            f"improved: {figures}."
        )
    return None


def nearer(after: float | None, before: float | None) -> bool:
    return after is not None and before is not None and after < before


def warnings_of(name: str, collection: str) -> list[str]:
    """The warning for a finished evaluation, if the base model's evaluation exists."""
    files = [metrics_file(one, collection) for one in (name, BASE)]
    if name == BASE or not all(file.exists() for file in files):
        return []
    own, base = (read_json(file) for file in files)
    parts = [(one.get("dev", {}) if "uniformity" not in one else one) for one in (own, base)]
    found = warning(name, collection, parts[0], BASE, parts[1])
    return [found] if found else []


def number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
