"""What the dev and test queries of a collection can measure, before any model is trained."""

from __future__ import annotations

from hone.data.source import Source
from hone.stats.expected_effects import detectable_effects
from tasks.collect.settings import CollectSettings
from tasks.collect.split import DEV_LARGEST, DEV_MINIMUM


def count_labelled(source: Source, min_relevance: int) -> dict[str, int]:
    """The number of queries with a positive label, by split."""
    positives = source.qrels.filter(source.qrels["relevance"] >= min_relevance)
    found = source.queries.join(positives, on="query_id", how="semi")
    return dict(found["split"].value_counts().rows())


def describe_measurable(source: Source, settings: CollectSettings) -> list[str]:
    """Sentences: the minimum detectable effect of the test queries, and what follows if there are
    no dev queries.

    Args:
        source: with a split for every query.
        settings: of the stage.
    """
    counts = count_labelled(source, settings.min_relevance)
    sentences = []
    if settings.evaluate:
        split = "test" if counts.get("test") else "dev"
        sentences += describe_effects(split, counts.get(split, 0))
    if settings.train and counts.get("test") and not counts.get("dev"):
        sentences.append(
            "no dev queries, so no score selects a round: the last round is used."
            f"{describe_few(counts.get('train', 0), settings)}"
        )
    return sentences


def describe_effects(split: str, queries: int) -> list[str]:
    """The minimum detectable effect of a split; empty if it has fewer than two queries."""
    if queries < 2:
        return []
    base, rounds = (f"{min(1, effect):.3f}" for effect in detectable_effects(queries))
    return [
        f"{queries:,} labelled {split} queries detect a change in nDCG@10 of about {base} from "
        f"the base model, and of about {rounds} between two rounds (80 % power, deviations of "
        "the bundled collection)"
    ]


def describe_few(training: int, settings: CollectSettings) -> str:
    """Why no dev queries were drawn from the training queries, and how to draw some."""
    needed = round(DEV_MINIMUM / DEV_LARGEST)
    if settings.split.dev == 0 or training >= needed:
        return " Set `split.dev` to draw some from train."
    return (
        f" {training:,} labelled train queries are too few: from {needed} on, Hone draws "
        f"{DEV_MINIMUM} dev queries. "
        f"`split: {{divide: train, dev: {DEV_LARGEST}, test: 0}}` draws some anyway."
    )
