"""What training sees of what is asked: the same texts, near-duplicates, and answers that both sides share.

A near-duplicate is a text whose runs of four characters have an estimated Jaccard similarity of .8 or more (MinHash; Broder 1997):
the measure by which Hone's own splits keep queries together, and by which `hone audit` looks.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.alike import MOST, THRESHOLD, by_lot, near_pairs
from tasks.leakage.texts import SPLITS, Asked, Trained

SHOWN = 10  # examples
LONGER = 2  # than the longest asked query: a positive that is longer by so much resembles none (ours)
QUERY, POSITIVE = "query", "positive"


def found(trained: Trained, asked: Asked, draw: np.random.Generator, most: int = MOST) -> dict:
    """Counts, shares and examples.

    Args:
        trained: what is trained on.
        asked: what the collection asks.
        draw: which texts are looked at for near-duplicates where there are more than `most`.
        most: texts that are compared for near-duplicates; the same text is looked for in all.

    Returns:
        looked_at: texts of each kind, and how many of them were compared for near-duplicates.
        splits: for test and dev, how many judged queries there are and how many of them training sees: as the same text, as a
            near-duplicate, `leaked` either of the two, and its share (null where nothing is asked).
        training: training queries and training positives that are one of these.
        shared_answers: training and asked queries that have an answer in common, by its text.
        examples: at most ten pairs with their texts.
        take_out: the training queries that are, or are answered by, one of these texts.
    """
    texts = pl.concat([part.with_columns(kind=pl.lit(kind)) for part, kind in ((trained.queries, QUERY), (trained.positives, POSITIVE))])
    texts = texts.with_row_index("place")
    questions = asked.queries.with_row_index("other_place")
    compared, against = drawn(texts, questions, draw, most)
    near = (
        near_pairs(compared, against)
        if len(against) and len(compared)
        else pl.DataFrame(schema={"place": pl.UInt32, "other_place": pl.UInt32})
    )
    same = texts.filter(pl.col("same").is_in(questions["same"].implode()))
    asked_same = questions.filter(pl.col("same").is_in(texts["same"].implode()))
    seen = pl.concat([same["place"], near["place"]]).unique()
    return {
        "looked_at": {
            "threshold": THRESHOLD,
            "training_queries": len(trained.queries),
            "training_positives": len(trained.positives),
            "asked": len(questions),
            "compared": {kind: len(compared.filter(pl.col("kind") == kind)) for kind in (QUERY, POSITIVE)} | {"asked": len(against)},
        },
        "splits": {split: of_split(split, questions, asked_same, near) for split in SPLITS},
        "training": {
            kind: {"leaked": len(seen_of(texts, seen, kind)), "of": len(texts.filter(pl.col("kind") == kind))} for kind in (QUERY, POSITIVE)
        },
        "shared_answers": shared_answers(trained, asked),
        "examples": examples(texts, questions, same, near),
        "take_out": take_out(trained, seen_of(texts, seen, QUERY), seen_of(texts, seen, POSITIVE)),
    }


def drawn(texts: pl.DataFrame, questions: pl.DataFrame, draw: np.random.Generator, most: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is compared for near-duplicates: all queries and positives that are not far longer than any question, as far as `most` goes."""
    longest = questions["text"].str.len_chars().max() or 0
    short = texts.filter((pl.col("kind") == QUERY) | (pl.col("text").str.len_chars() <= LONGER * longest))
    against = by_lot(questions, max(1, most // 2), draw)
    return by_lot(short, most - len(against), draw), against


def seen_of(texts: pl.DataFrame, seen: pl.Series, kind: str) -> pl.DataFrame:
    return texts.filter((pl.col("kind") == kind) & pl.col("place").is_in(seen.implode()))


def of_split(split: str, questions: pl.DataFrame, same: pl.DataFrame, near: pl.DataFrame) -> dict:
    """How much of one split training sees."""
    own = questions.filter(pl.col("split") == split)
    exact = own.join(same, on="other_place", how="semi")
    nearly = own.join(exact, on="other_place", how="anti").join(near, on="other_place", how="semi")
    leaked = len(exact) + len(nearly)
    return {
        "queries": len(own),
        "same": len(exact),
        "near": len(nearly),
        "leaked": leaked,
        "share": leaked / len(own) if len(own) else None,
    }


def shared_answers(trained: Trained, asked: Asked) -> dict:
    """Queries of both sides that have an answer in common: usual where one corpus serves all splits, and no leak by itself."""
    training = trained.answered.filter(pl.col("same").is_in(asked.answered["same"].implode()))
    questions = asked.answered.filter(pl.col("same").is_in(trained.answered["same"].implode()))
    return {
        "training_queries": training["query_id"].n_unique(),
        "training_of": trained.answered["query_id"].n_unique(),
        "asked": questions.select("id", "split").n_unique(),
        "asked_of": asked.answered.select("id", "split").n_unique(),
    }


def examples(texts: pl.DataFrame, questions: pl.DataFrame, same: pl.DataFrame, near: pl.DataFrame) -> list[dict]:
    """At most ten pairs, each asked query once: test before dev, near-duplicates and the same in turn, so that both are seen."""
    first = same.unique("same", keep="first", maintain_order=True).select("same", "place")
    exact = questions.join(first, on="same", how="inner", maintain_order="left").select("place", "other_place", how=pl.lit("same"))
    nearly = near.join(exact, on="other_place", how="anti", maintain_order="left").with_columns(how=pl.lit("near"))
    pairs = pl.concat([exact, nearly.select(exact.columns)]).unique("other_place", keep="first", maintain_order=True)
    shown = (
        pairs.join(
            questions.select("other_place", "split", asked_id="id", asked="text"), on="other_place", how="inner", maintain_order="left"
        )
        .join(
            texts.select("place", "kind", "collection", training_id="id", training="text"), on="place", how="inner", maintain_order="left"
        )
        .with_columns(turn=pl.int_range(pl.len()).over("how", "split"), first=pl.col("split").replace_strict({"test": 0, "dev": 1}))
        .sort("first", "turn", "how", "other_place")
    )
    return shown.head(SHOWN).select("how", "kind", "collection", "training_id", "training", "split", "asked_id", "asked").to_dicts()


def take_out(trained: Trained, queries: pl.DataFrame, positives: pl.DataFrame) -> list[str]:
    """Ids of the training queries without which nothing would leak."""
    answered = trained.answered.filter(pl.col("same").is_in(positives["same"].implode()))["query_id"]
    return pl.concat([queries["id"], answered]).unique().sort().to_list()
