"""The generated queries that exist already."""

from __future__ import annotations

from hone.data import tables
from hone.data.eval_splits import has_generated_dev
from hone.files import read_json
from hone.layout import generated_table, generation_account


def is_generated(collection: str) -> bool:
    """Whether queries were generated for a collection, even if none of them was kept."""
    file = generation_account(collection)
    return file.exists() and read_json(file)["recipe"] is not None


def generated_queries(collection: str) -> dict[str, list[str]]:
    """The texts of generated queries: those for training, and the dev queries if evaluation reads
    them. Empty: nothing was generated.
    """
    files = {"train": generated_table(collection, "queries")}
    if has_generated_dev(collection):
        files["dev"] = generated_table(collection, "queries", "dev")
    return {
        split: tables.read("queries", file)["text"].to_list()
        for split, file in files.items()
        if file.exists()
    }
