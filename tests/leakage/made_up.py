"""Both sides of a leak, counted by hand."""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.leakage.detect import found
from tasks.leakage.texts import EvaluationTexts, Trained, hashed

TRAINED = {
    "q1": "kiwi fruit for irritable bowel syndrome",
    "q2": "Broccoli sprouts",
    "q3": "processed meat",
    "q4": "how to sort a list",
}
POSITIVES = {
    "d1": "plant-based diets",
    "d2": "an answer of no question at all",
    "d3": "what both sides are answered by",
}
ANSWERED = [("q1", "d2"), ("q2", "d3"), ("q3", "d2"), ("q4", "d1")]
EVALUATION = {
    ("t1", "test"): "Kiwifruit for irritable bowel syndrome",  # nearly q1
    ("t2", "test"): "  broccoli SPROUTS?",  # q2 but for what does not count
    ("t3", "test"): "plant-based diet",  # nearly d1, an answer of q4
    ("t4", "test"): "nothing of the kind",
    ("v1", "dev"): "how to sort a list",  # q4
    ("v2", "dev"): "something else again",
}


def trained(
    queries: dict[str, str] = TRAINED,
    positives: dict[str, str] = POSITIVES,
    answered: list[tuple[str, str]] = ANSWERED,
) -> Trained:
    sides = [
        hashed(
            pl.DataFrame(
                {
                    "id": list(texts),
                    "own": list(texts),
                    "collection": "ours",
                    "text": list(texts.values()),
                },
                schema_overrides=WORDS,
            )
        )
        for texts in (queries, positives)
    ]
    pairs = pl.DataFrame(answered, schema={"query_id": pl.String, "id": pl.String}, orient="row")
    return Trained(
        *sides,
        pairs.join(sides[1].select("id", "same"), on="id", how="inner", maintain_order="left").drop(
            "id"
        ),
    )


def evaluation_texts(
    texts: dict[tuple[str, str], str] = EVALUATION, answers: dict[str, str] | None = None
) -> EvaluationTexts:
    rows = [(name, split, text) for (name, split), text in texts.items()]
    answered = [
        (name, split, (answers or {}).get(name, f"the answer of {name}")) for name, split, _ in rows
    ]
    frames = [
        hashed(
            pl.DataFrame(
                part, schema={"id": pl.String, "split": pl.String, "text": pl.String}, orient="row"
            )
        )
        for part in (rows, answered)
    ]
    return EvaluationTexts(frames[0], frames[1].drop("text"))


WORDS = {"id": pl.String, "own": pl.String, "text": pl.String}


def account(**sides: object) -> dict:
    return found(
        sides.get("trained", trained()),
        sides.get("evaluation", evaluation_texts()),
        np.random.default_rng(0),
    )
