"""The settings of `open`, `track` and `report`."""

from __future__ import annotations

from typing import Any

from hone.config.stage_settings import Reading, RoundItem, StageSettings


class OpenSettings(StageSettings):
    """What makes a loop in MLflow.

    Attributes:
        loop: training collections, base model and how it reads, seed.
        rounds: of each round its name, its parent, its recipe and every section.
    """

    place = "open"

    loop: dict[str, Any]
    rounds: list[dict[str, Any]]


class TrackSettings(StageSettings):
    """What is logged of a round or a reference.

    Attributes:
        evaluate_on: collections.
        made: as a round of `OpenSettings`; null: a reference.
        position: of the round, 0 for r0; null: another reference.
        measures: names of the measures that are logged.
    """

    place = "track/{round}"

    evaluate_on: list[str]
    made: dict[str, Any] | None
    position: int | None
    measures: list[str]


class ReportedReading(Reading):
    """How the base model reads texts, with its name and revision."""

    name: str
    revision: str | None


class ReportSettings(StageSettings):
    """What the report shows.

    Attributes:
        rounds: of params.yaml, in order.
        compare_with: references.
        evaluate_on: collections.
        abilities: what a collection is a diagnostic set for, by collection.
        min_relevance: the grade from which a document is a positive, by collection.
        language: by collection.
        train_on: collections.
        refuse_above: the maximum fraction of evaluation queries that training may see; null: any.
        seed: of the bootstrap and of the examples.
        recipes: every recipe with its defaults, by round.
        evidence: what is known of the last judge of each round.
        model: the base model.
        versions: of the packages that the stages import.
    """

    place = "report"

    rounds: dict[str, RoundItem]
    compare_with: list[str]
    evaluate_on: list[str]
    abilities: dict[str, str]
    min_relevance: dict[str, int]
    language: dict[str, str]
    train_on: list[str]
    refuse_above: float | None
    seed: int
    recipes: dict[str, dict[str, Any]]
    evidence: dict[str, list[dict[str, Any]]]
    model: ReportedReading
    versions: dict[str, str]
