"""Forgetting and embedding drift, as `tasks.drift` found them, with the texts of the examples."""

from __future__ import annotations

import polars as pl

from hone.data.training_set import TrainingSet
from hone.errors import Refused
from hone.files import read_json
from hone.layout import DRIFT
from hone.present.number_format import truncate


def read_drift(training: TrainingSet) -> dict:
    """The findings, with the texts of the examples.

    Raises:
        Refused: `tasks.drift` has not run.
    """
    if not DRIFT.exists():
        raise Refused(
            f"{DRIFT} is missing. Run `dvc repro drift` to score the training pairs of earlier "
            "rounds with later models."
        )
    account = read_json(DRIFT)
    examples = [one for found in account["trained"].values() for one in found["examples"]]
    ids = {one[name] for one in examples for name in ("positive", "negative")}
    documents = (
        dict(training.texts(sorted(ids)).select("doc_id", "full_text").iter_rows()) if ids else {}
    )
    query_ids = {one["query_id"] for one in examples}
    queries = dict(
        training.queries()
        .filter(pl.col("query_id").is_in(list(query_ids)))
        .select("query_id", "text")
        .iter_rows()
    )
    for one in examples:
        one["query"] = queries.get(one["query_id"], one["query_id"])
        one.update(
            {
                f"{name}_text": truncate(documents.get(one[name], ""))
                for name in ("positive", "negative")
            }
        )
    return account
