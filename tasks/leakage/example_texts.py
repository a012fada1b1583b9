"""Leaking pairs: ids in the file that git tracks, texts from data/ for display."""

from __future__ import annotations

from functools import partial

import polars as pl

from hone.data import tables, training_set
from hone.data.eval_splits import evaluation_table

TEXTS = ("asked", "training")


def without_texts(account: dict) -> dict:
    """An account with only ids in its examples, because texts of a collection do not belong in
    git.
    """
    return account | {
        "examples": [
            {key: value for key, value in one.items() if key not in TEXTS}
            for one in account["examples"]
        ]
    }


def with_texts(account: dict) -> dict:
    """An account with texts in its examples. An id that is no longer in data/ is shown instead
    of its text.
    """
    examples = account["examples"]
    if all(text in one for one in examples for text in TEXTS):
        return account
    training = training_set.read()
    prefixes = {one.name: one.prefix for one in training}

    def named_in_training(one: dict) -> str:
        return (
            prefixes.get(one["collection"], "") + one["training_id"]
        )  # the file has the id of the source

    asked_of = partial(evaluation_table, account["collection"], "queries")
    evaluation_texts = {
        split: texts(tables.read("queries", asked_of(split)))
        for split in {one["split"] for one in examples}
    }
    documents = training.texts(
        [named_in_training(one) for one in examples if one["kind"] == "positive"]
    ).select("doc_id", "full_text")
    trained = {"query": texts(training.queries()), "positive": dict(documents.iter_rows())}
    named = [
        one
        | {
            "asked": evaluation_texts[one["split"]].get(one["asked_id"], one["asked_id"]),
            "training": trained[one["kind"]].get(named_in_training(one), one["training_id"]),
        }
        for one in examples
    ]
    return account | {"examples": named}


def texts(queries: pl.DataFrame) -> dict[str, str]:
    return dict(queries.select("query_id", "text").iter_rows())
