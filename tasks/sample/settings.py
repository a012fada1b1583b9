"""The settings of `sample`."""

from __future__ import annotations

from hone.config.sections.sample import Sample
from hone.config.stage_settings import EncodingSettings


class SampleSettings(EncodingSettings):
    """How a round's negatives are selected from its candidates.

    Attributes:
        sample: the recipe's section. Every line has all parameters.
        before: the lineage of the starting model, if queries without a positive are trained on.
        unlabelled: whether they are trained on.
        refreshed: judges whose positives of earlier rounds this round replaces.
        sources: the names of the recipe's sources.
        files: the user's files that filters read, with their hashes.
    """

    place = "rounds/{round}/sample"

    sample: Sample
    before: list[str]
    unlabelled: bool
    refreshed: list[str]
    sources: list[str]
    files: dict[str, str]
