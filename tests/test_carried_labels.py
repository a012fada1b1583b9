"""What a round knows from the one it starts from, and what it finds anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from tasks import resolved, tables
from tasks.carried_labels import carried_labels
from tasks.relabel import __main__ as relabel
from tasks.retrieve import __main__ as retrieve
from tasks.sample import __main__ as sample
from tests.prepared import pairs, prepare, write_rows
from tests.tiny_model import tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
RECIPE = """
about: documents of the known answer's group become positives
retrieve: [{siblings: {column: kind, order: random, depth: 2}}, {random: {depth: 6}}]
sample: {choose: {quota: {shares: {siblings: 0.5, random: 0.5}, n: 4}}, on_shortage: fewer}
relabel: {cascade: [{judge: {group: {column: kind}}}], then: promote, force: true, refresh: REFRESH}
train: {negatives: 1}
"""


def labels_of(*rows: tuple) -> None:
    frame = pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "judge", "reason"], orient="row")
    tables.write("labels", tables.shaped("labels", frame), Path("rounds/r1/labels.parquet"))


def test_positives_of_the_judges_that_are_refreshed_are_left_behind(workspace: Path):
    labels_of(
        ("q", "a", "positive", "qrels", None), ("q", "b", "positive", "group", None), ("q", "c", "positive", "strong", None),
        ("q", "d", "unknown", "group", "dropped"), ("q", "e", "negative", "group", None), ("q", "f", "positive", None, None),
    )  # fmt: skip
    assert carried_labels("r1")["doc_id"].to_list() == list("abcdef")
    assert carried_labels("r1", ["group"])["doc_id"].to_list() == list("acdef")


def promoted(name: str) -> set[tuple]:
    labels = tables.read("labels", Path("rounds", name, "labels.parquet"))
    return set(labels.filter(pl.col("label") == "positive", pl.col("judge") == "group").select("query_id", "doc_id").rows())


def two_rounds(refresh: bool) -> list[set[tuple]]:
    """What `group` has promoted after each of two rounds: every query's group has nine documents beside its answer, a round finds two."""
    Path("recipes").mkdir()
    Path("recipes/grouped.yaml").write_text(RECIPE.replace("REFRESH", str(refresh).lower()))
    documents = [{"doc_id": f"d{n}", "text": f"text {n}", "metadata": {"kind": str(n % 4)}} for n in range(40)]
    queries = [{"query_id": f"q{n}", "text": f"query {n}", "split": "train"} for n in range(4)]
    queries.append({"query_id": "t", "text": "t", "split": "test"})
    write_rows(Path("inputs/ours"), documents, queries, pairs(*((f"q{n}", f"d{n}") for n in range(4)), ("t", "d9")))
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "grouped"}, "r2": {"from": "r1", "recipe": "grouped"}})
    for name in ("r1", "r2"):
        if name == "r2":
            shutil.copytree("models/r0", "models/r1")
        for stage in (retrieve, sample, relabel):
            if stage is sample:
                tables.write("scores", tables.empty("scores"), Path("rounds", name, "scores.parquet"))
            stage.main(name)
    return [promoted("r1"), promoted("r2")]


def test_promotions_of_a_recipe_that_refreshes_are_replaced(workspace: Path):
    first, second = two_rounds(refresh=True)
    assert {len([pair for pair in made if pair[0] == "q1"]) for made in (first, second)} <= {2, 3, 4}  # two siblings, or random ones too
    assert first - second  # what the second round did not find again is no positive any more
    assert resolved.of_round("r2", "sample")["refreshed"] == resolved.of_round("r2", "relabel")["refreshed"] == ["group"]


def test_promotions_of_other_recipes_add_up(workspace: Path):
    first, second = two_rounds(refresh=False)
    assert first < second
    assert resolved.of_round("r2", "sample")["refreshed"] == []
