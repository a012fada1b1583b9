"""The steps and pairs of a round's training, and the texts of its dev checks."""

from __future__ import annotations

import math

from hone.config.sections.train import Train


def training(section: Train, answered: int, unanswered: int = 0) -> dict[str, int]:
    """Queries, steps and pairs (query with positive or negative) of a round's training.
    Unanswered queries have no positive.
    """
    batch = section.batch["parameters"].get("size", 1)
    queries = answered + unanswered
    positives = answered / queries if unanswered else 1
    steps = section.steps or math.ceil(math.ceil(queries / batch) * section.epochs)
    return {
        "queries": queries,
        "steps": steps,
        "pairs": round(steps * batch * (positives + section.negatives)),
    }


def texts_of_checks(section: Train, steps: int, sizes: list[dict[str, int]]) -> int:
    """Texts that a round's dev checks encode: queries, one positive per query, and nearest
    documents, at each check.
    """
    from tasks.train.dev_checks import MOST_QUERIES, NEAREST

    if not section.dev_scores:
        return 0
    queries = min(MOST_QUERIES, sum(size["dev"] for size in sizes))
    documents = min((1 + NEAREST) * queries, sum(size["documents"] for size in sizes))
    return min(section.dev_checks, steps) * (queries + documents)
