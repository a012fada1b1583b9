"""What a round knows from the one it starts from, and what it finds anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.labels import carried_labels
from tasks.relabel.label_actions import actions, relabelled, unconfirmed
from tasks.relabel.settings import RelabelSettings
from tasks.sample.settings import SampleSettings
from tests.prepared import pairs, prepare, write_rows
from tests.stages import relabel, retrieve, sample
from tests.tiny_model import tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
ONE = pl.DataFrame({"query_id": ["q"], "text": ["asked"], "collection": ["c"]})
TWO = pl.DataFrame({"query_id": ["q", "r"], "text": ["asked", "Asked "], "collection": ["c", "c"]})
VERDICT = pl.Enum(["positive", "negative", "unknown"])
RECIPE = """
about: documents of the known answer's group become positives
retrieve: [{siblings: {column: kind, order: random, depth: 2}}, {random: {depth: 6}}]
sample: {choose: {quota: {shares: {siblings: 0.5, random: 0.5}, n: 4}}, on_shortage: fewer}
relabel: {cascade: [{judge: {group: {column: kind}}}], action: promote, force: true, refresh: REFRESH}
train: {negatives: 1}
"""  # noqa: E501


def labels_of(*rows: tuple) -> None:
    frame = pl.DataFrame(
        rows, schema=["query_id", "doc_id", "label", "judge", "reason"], orient="row"
    )
    tables.write("labels", tables.shaped("labels", frame), Path("rounds/r1/labels.parquet"))


def test_positives_of_the_judges_that_are_refreshed_are_left_behind(workspace: Path):
    labels_of(
        ("q", "a", "positive", "qrels", None),
        ("q", "b", "positive", "group", None),
        ("q", "c", "positive", "strong", None),
        ("q", "d", "unknown", "group", "dropped"),
        ("q", "e", "negative", "group", None),
        ("q", "f", "positive", None, None),
    )
    assert carried_labels("r1", ONE)["doc_id"].to_list() == list("abcdef")
    assert carried_labels("r1", ONE, ["group"])["doc_id"].to_list() == list("acdef")


def test_what_nobody_has_confirmed_is_a_candidate_again(workspace: Path):
    """Five proposals, of which the confirming judge reads one and finds it: the other four are
    masked in this round alone.
    """
    rows = [
        ("q", doc, "positive", 0.9, "guide", None, place)
        for doc, place in zip("abcde", (1, 0, 0, 0, 0), strict=True)
    ]
    schema = ["query_id", "doc_id", "verdict", "probability", "judge", "reason", "place"]
    final = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        verdict=pl.col("verdict").cast(VERDICT),
        reason=pl.lit(None, dtype=pl.String),
        grade=pl.lit(None, dtype=pl.Float32),
    )
    known = tables.shaped(
        "labels",
        pl.DataFrame(
            {"query_id": ["q"], "doc_id": ["p"], "label": ["positive"], "judge": ["qrels"]}
        ),
    )
    mined = pl.DataFrame(
        {
            "query_id": "q",
            "doc_id": list("abcde"),
            "label": "negative",
            "rank": range(1, 6),
            "weight": 1.0,
        }
    )
    made = relabelled(
        pl.concat([known, tables.shaped("labels", mined)]),
        unconfirmed(actions(final, "drop"), "mask", 1),
        None,
    ).labels
    assert made.filter(pl.col("label") == "unknown")["doc_id"].to_list() == list("abcde")
    tables.write("labels", made, Path("rounds/r1/labels.parquet"))
    assert carried_labels("r1", ONE)["doc_id"].to_list() == ["p", "a"]


def test_a_shared_label_goes_where_its_reason_goes(workspace: Path):
    """`group` promoted q's b, so that r, which has the same text, does not know it as a
    negative: until the promotion is replaced.
    """
    labels_of(
        ("q", "a", "positive", "qrels", None),
        ("q", "b", "positive", "group", None),
        ("r", "b", "unknown", "same-query", "positive for the query q, which has the same text"),
    )
    pairs_of_r = pl.col("query_id") == "r"
    assert carried_labels("r1", TWO).filter(pairs_of_r)["doc_id"].to_list() == ["a", "b"]
    assert carried_labels("r1", TWO, ["group"]).filter(pairs_of_r)["doc_id"].to_list() == ["a"]
    assert carried_labels("r1", ONE).filter(pairs_of_r).is_empty()


def promoted(name: str) -> set[tuple]:
    labels = tables.read("labels", Path("rounds", name, "labels.parquet"))
    return set(
        labels.filter(pl.col("label") == "positive", pl.col("judge") == "group")
        .select("query_id", "doc_id")
        .rows()
    )


def two_rounds(refresh: bool) -> list[set[tuple]]:
    """What `group` has promoted after each of two rounds: every query's group has nine documents
    beside its answer, a round finds two.
    """
    Path("recipes").mkdir()
    Path("recipes/grouped.yaml").write_text(RECIPE.replace("REFRESH", str(refresh).lower()))
    documents = [
        {"doc_id": f"d{n}", "text": f"text {n}", "metadata": {"kind": str(n % 4)}}
        for n in range(40)
    ]
    queries = [{"query_id": f"q{n}", "text": f"query {n}", "split": "train"} for n in range(4)]
    queries.append({"query_id": "t", "text": "t", "split": "test"})
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((f"q{n}", f"d{n}") for n in range(4)), ("t", "d9")),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(
        model=MODEL,
        rounds={
            "r1": {"from": "r0", "recipe": "grouped"},
            "r2": {"from": "r1", "recipe": "grouped"},
        },
    )
    for name in ("r1", "r2"):
        if name == "r2":
            shutil.copytree("models/r0", "models/r1")
        for stage in (retrieve, sample, relabel):
            if stage is sample:
                tables.write(
                    "scores", tables.empty("scores"), Path("rounds", name, "scores.parquet")
                )
            stage(name)
    return [promoted("r1"), promoted("r2")]


def test_promotions_of_a_recipe_that_refreshes_are_replaced(workspace: Path):
    first, second = two_rounds(refresh=True)
    assert {len([pair for pair in made if pair[0] == "q1"]) for made in (first, second)} <= {
        2,
        3,
        4,
    }  # two siblings, or random ones too
    assert first - second  # what the second round did not find again is no positive any more
    assert (
        SampleSettings.read(round="r2").refreshed
        == RelabelSettings.read(round="r2").refreshed
        == ["group"]
    )


def test_promotions_of_other_recipes_add_up(workspace: Path):
    first, second = two_rounds(refresh=False)
    assert first < second
    assert SampleSettings.read(round="r2").refreshed == []
