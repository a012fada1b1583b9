"""Leakage detection: equal texts, near-duplicates, and positives shared by training and evaluation
queries.

Near-duplicates are texts whose character 4-grams have an estimated Jaccard similarity of at least
0.8 (MinHash; Broder 1997). Hone's splits and `hone audit` use the same definition.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.text.alike import MOST, THRESHOLD, by_lot, near_pairs
from tasks.leakage.texts import SPLITS, EvaluationTexts, Trained

MAX_EXAMPLES = 10  # examples
# relative to the longest evaluation query: a positive above this factor cannot resemble one [Hone
# default]
LONGER = 2
QUERY, POSITIVE = "query", "positive"


def found(
    trained: Trained, evaluation: EvaluationTexts, draw: np.random.Generator, most: int = MOST
) -> dict:
    """Counts, fractions and examples.

    Args:
        trained: the training texts.
        evaluation: the collection's evaluation queries.
        draw: for sampling the near-duplicate search if there are more than `most` texts.
        most: maximum number of texts in the near-duplicate search. Equal texts are searched in all.

    Returns:
        looked_at: number of texts of each kind, how many are short enough for the near-duplicate
            search, and how many were searched. This
        is lower if they were sampled at random.
        splits: for test and dev: the number of judged queries and of searched ones, and how many of
            them training sees. They are counted as
        equal texts, as near-duplicates, and in total (`leaked`). `share` is the fraction of all
        judged queries (null if there are none). It is a lower bound if training texts were sampled.
        training: leaking training queries and positives.
        shared_answers: training and evaluation queries that share a positive, by text.
        examples: at most ten pairs with their texts.
        take_out: by collection, the training queries whose text or positive leaks, by the ids of
            their source.
    """
    texts = pl.concat(
        [
            part.with_columns(kind=pl.lit(kind))
            for part, kind in ((trained.queries, QUERY), (trained.positives, POSITIVE))
        ]
    )
    texts = texts.with_row_index("place")
    questions = evaluation.queries.with_row_index("other_place")
    short = short_enough(texts, questions)
    compared, against = drawn(short, questions, draw, most)
    near = (
        near_pairs(compared, against)
        if len(against) and len(compared)
        else pl.DataFrame(schema={"place": pl.UInt32, "other_place": pl.UInt32})
    )
    same = texts.filter(pl.col("same").is_in(questions["same"].implode()))
    verbatim_questions = questions.filter(pl.col("same").is_in(texts["same"].implode()))
    seen = pl.concat([same["place"], near["place"]]).unique()
    return {
        "looked_at": {
            "threshold": THRESHOLD,
            "training_queries": len(trained.queries),
            "training_positives": len(trained.positives),
            "asked": len(questions),
            "comparable": of_kinds(short) | {"asked": len(questions)},
            "compared": of_kinds(compared) | {"asked": len(against)},
        },
        "splits": {
            split: of_split(split, questions, verbatim_questions, near, against) for split in SPLITS
        },
        "training": {
            kind: {
                "leaked": len(seen_of(texts, seen, kind)),
                "of": len(texts.filter(pl.col("kind") == kind)),
            }
            for kind in (QUERY, POSITIVE)
        },
        "shared_answers": shared_answers(trained, evaluation),
        "examples": examples(texts, questions, same, near),
        "take_out": take_out(trained, seen_of(texts, seen, QUERY), seen_of(texts, seen, POSITIVE)),
    }


def short_enough(texts: pl.DataFrame, questions: pl.DataFrame) -> pl.DataFrame:
    """All training queries, and those positives that are not far longer than any evaluation
    query.
    """
    longest = questions["text"].str.len_chars().max() or 0
    return texts.filter(
        (pl.col("kind") == QUERY) | (pl.col("text").str.len_chars() <= LONGER * longest)
    )


def drawn(
    short: pl.DataFrame, questions: pl.DataFrame, draw: np.random.Generator, most: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The texts of the near-duplicate search, limited by `most`: a proportional part of each
    split's queries, at least one.
    """
    room = min(1.0, (most // 2) / max(1, len(questions)))
    own = [questions.filter(pl.col("split") == split) for split in SPLITS]
    against = pl.concat([by_lot(part, max(1, round(room * len(part))), draw) for part in own])
    return by_lot(short, most - len(against), draw), against


def of_kinds(texts: pl.DataFrame) -> dict[str, int]:
    return {kind: len(texts.filter(pl.col("kind") == kind)) for kind in (QUERY, POSITIVE)}


def seen_of(texts: pl.DataFrame, seen: pl.Series, kind: str) -> pl.DataFrame:
    return texts.filter((pl.col("kind") == kind) & pl.col("place").is_in(seen.implode()))


def of_split(
    split: str,
    questions: pl.DataFrame,
    same: pl.DataFrame,
    near: pl.DataFrame,
    against: pl.DataFrame,
) -> dict:
    """The leakage of one split.

    Equal texts were searched in all queries. For the other queries, the rate of near-duplicates is
    estimated from the sample. An empty sample counts as no near-duplicates.
    """
    own = questions.filter(pl.col("split") == split)
    exact = own.join(same, on="other_place", how="semi")
    others = own.join(exact, on="other_place", how="anti")
    compared = others.join(against, on="other_place", how="semi")
    nearly = compared.join(near, on="other_place", how="semi")
    in_all = len(nearly) * len(others) / len(compared) if len(compared) else 0
    return {
        "queries": len(own),
        "compared": len(own.join(against, on="other_place", how="semi")),
        "same": len(exact),
        "near": len(nearly),
        "leaked": len(exact) + len(nearly),
        "share": (len(exact) + in_all) / len(own) if len(own) else None,
    }


def shared_answers(trained: Trained, evaluation: EvaluationTexts) -> dict:
    """Queries of both sides that share a positive. This is usual if one corpus serves all
    splits, and not a leak.
    """
    training = trained.answered.filter(pl.col("same").is_in(evaluation.answered["same"].implode()))
    questions = evaluation.answered.filter(pl.col("same").is_in(trained.answered["same"].implode()))
    return {
        "training_queries": training["query_id"].n_unique(),
        "training_of": trained.answered["query_id"].n_unique(),
        "asked": questions.select("id", "split").n_unique(),
        "asked_of": evaluation.answered.select("id", "split").n_unique(),
    }


def examples(
    texts: pl.DataFrame, questions: pl.DataFrame, same: pl.DataFrame, near: pl.DataFrame
) -> list[dict]:
    """At most ten pairs, each evaluation query once: test before dev, near-duplicates and equal
    texts in turn.
    """
    first = same.unique("same", keep="first", maintain_order=True).select("same", "place")
    exact = questions.join(first, on="same", how="inner", maintain_order="left").select(
        "place", "other_place", how=pl.lit("same")
    )
    nearly = near.join(exact, on="other_place", how="anti", maintain_order="left").with_columns(
        how=pl.lit("near")
    )
    pairs = pl.concat([exact, nearly.select(exact.columns)]).unique(
        "other_place", keep="first", maintain_order=True
    )
    described_pairs = (
        pairs.join(
            questions.select("other_place", "split", asked_id="id", asked="text"),
            on="other_place",
            how="inner",
            maintain_order="left",
        )
        .join(
            texts.select("place", "kind", "collection", training_id="own", training="text"),
            on="place",
            how="inner",
            maintain_order="left",
        )
        .with_columns(
            turn=pl.int_range(pl.len()).over("how", "split"),
            first=pl.col("split").replace_strict({"test": 0, "dev": 1}),
        )
        .sort("first", "turn", "how", "other_place")
    )
    return (
        described_pairs.head(MAX_EXAMPLES)
        .select(
            "how", "kind", "collection", "training_id", "training", "split", "asked_id", "asked"
        )
        .to_dicts()
    )


def take_out(
    trained: Trained, queries: pl.DataFrame, positives: pl.DataFrame
) -> dict[str, list[str]]:
    """By collection, the training queries to remove so that no detected leak remains, by the ids
    of their source.
    """
    answered = trained.answered.filter(pl.col("same").is_in(positives["same"].implode()))[
        "query_id"
    ]
    leaking_queries = trained.queries.filter(
        pl.col("id").is_in(pl.concat([queries["id"], answered]).implode())
    )
    listed = (
        leaking_queries.select("collection", "own")
        .unique()
        .sort("collection", "own")
        .group_by("collection", maintain_order=True)
        .agg("own")
    )
    return dict(listed.iter_rows())
