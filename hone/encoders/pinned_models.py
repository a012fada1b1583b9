"""Pins the encoders that recipes and judges name in addition to the round's own."""

from __future__ import annotations

from hone.encoders.model_folder import pinned, refuse_unwatched


def made_exact(named: dict[str, str | None]) -> dict[str, dict]:
    """Each model pinned, by its name.

    Args:
        named: a model's name and its revision. A name may contain it: NAME@REVISION.

    Raises:
        Refused: a folder that DVC does not track, or a missing model.
    """
    for name in named:
        refuse_unwatched(name)
    return {name: pinned(*split_revision(name, revision)) for name, revision in named.items()}


def split_revision(name: str, revision: str | None) -> tuple[str, str | None]:
    """A model's name and its revision, which the name may carry: NAME@REVISION."""
    own, at, after = name.partition("@")
    return (own, after) if at else (name, revision)
