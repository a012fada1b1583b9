"""Recipes that keep by the known answer's score, on one library's functions: their negatives
against top-k's, as their papers say.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.layout import PAIR
from tests.prepared import NETWORKX, prepare
from tests.stages import retrieve, sample, score

GUARDS = ["labelled", "same-text", "near-duplicate", "same-parent"]
RECIPES = ("top-k", "semi-hard", "enterprise", "star", "nv-retriever")
QUALITY = {
    "sample": {
        "filters": [*GUARDS, {"query-quality": {"negative_share": 1.2}}],
        "on_shortage": "widen",
    }
}
ROUNDS = {f"r{name}": {"from": "r0", "recipe": name} for name in RECIPES} | {
    "rquality": {"from": "r0", "recipe": "top-k"} | QUALITY
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, encoded: Path) -> Path:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(
            "HONE_HOME", str(shutil.copytree(encoded, tmp_path_factory.mktemp("homes") / "home"))
        )
        prepare(**NETWORKX | {"rounds": ROUNDS})
        for name in ROUNDS:
            for stage in (retrieve, score, sample):
                stage(name)
    return folder


def chosen(project: Path, name: str) -> pl.DataFrame:
    """The negatives of a round beside the score of their query's lowest-scored known answer."""
    folder = project / "rounds" / f"r{name}"
    scores = tables.read("scores", project / "rounds/rsemi-hard/scores.parquet").filter(
        pl.col("scorer") == "dense"
    )
    labels = tables.read("labels", project / "rounds/r0/labels.parquet").filter(
        pl.col("label") == "positive"
    )
    known = labels.join(scores, on=PAIR).group_by("query_id").agg(positive=pl.col("score").min())
    return tables.read("negatives", folder / "negatives.parquet").join(
        known, on="query_id", maintain_order="left"
    )


def below(rows: pl.DataFrame) -> pl.Series:
    return rows.select(pl.col("positive") - pl.col("score")).to_series()


def test_top_k_takes_from_both_sides_of_the_answer(project: Path):
    """Else the tests below would show nothing."""
    rows = below(chosen(project, "top-k"))
    assert (rows < 0).any()
    assert (rows > 0).any()


def test_semi_hard_takes_none_above_the_answer_and_none_far_below(project: Path):
    rows = chosen(project, "semi-hard")
    assert len(rows) > 10
    assert below(rows).is_between(0, 0.1, closed="none").all()
    assert rows.join(chosen(project, "top-k"), on=PAIR, how="anti").height > len(rows) / 2


def test_enterprise_takes_only_what_is_above_the_answer_and_not_like_it_and_else_nothing(
    project: Path,
):
    rows, nearest = (together(project, name) for name in ("enterprise", "top-k"))
    assert 5 < len(rows) < len(nearest)
    both = (pl.col("score") > pl.col("positive")) & (pl.col("score") > pl.col("to_answer"))
    assert rows.select(both.all()).item()
    fulfilling = nearest.filter(both)
    # Where both conditions hold of top-k's own, what is chosen lies at least as near in the joined
    # space, whose order is another.
    beside = fulfilling.join(rows.select("query_id", chosen="score"), on="query_id", how="left")
    assert beside.select((pl.col("chosen") >= pl.col("score")).fill_null(False).all()).item()
    assert len(fulfilling) < len(nearest)
    # Of all that no rule removed, one that is nearest in the joined space is chosen (functions with
    # one text tie), for each query.
    removed = tables.read("removed", project / "rounds/renterprise/removed/sample.parquet")
    candidates = (
        tables.read("candidates", project / "rounds/renterprise/candidates.parquet")
        .select(PAIR)
        .unique()
    )
    scores = tables.read("scores", project / "rounds/renterprise/scores.parquet").filter(
        pl.col("scorer") == "ensemble"
    )
    left = candidates.join(removed, on=PAIR, how="anti").join(
        scores.select(*PAIR, "score"), on=PAIR
    )
    best = left.group_by("query_id").agg(pl.col("score").max())
    assert best.sort("query_id").equals(rows.select("query_id", "score").sort("query_id"))


def together(project: Path, name: str) -> pl.DataFrame:
    """The negatives of a round as the joined encoders see them: `score`, `to_answer`, and
    `positive` of the query's lowest known answer.
    """
    scores = tables.read("scores", project / "rounds/renterprise/scores.parquet")
    labels = tables.read("labels", project / "rounds/r0/labels.parquet").filter(
        pl.col("label") == "positive"
    )
    to_query, to_answer = (
        scores.filter(pl.col("scorer") == scorer).select(*PAIR, "score")
        for scorer in ("ensemble", "ensemble-to-positives")
    )
    known = (
        labels.select(PAIR)
        .join(to_query, on=PAIR)
        .group_by("query_id")
        .agg(positive=pl.col("score").min())
    )
    negatives = tables.read(
        "negatives", project / "rounds" / f"r{name}" / "negatives.parquet"
    ).select(PAIR)
    return (
        negatives.join(to_query, on=PAIR)
        .join(to_answer.rename({"score": "to_answer"}), on=PAIR)
        .join(known, on="query_id")
    )


def test_star_keeps_the_top_two_hundred_for_its_epochs_to_draw_from(project: Path):
    rows, nearest = chosen(project, "star"), chosen(project, "top-k")
    assert set(rows["query_id"]) == set(nearest["query_id"])
    assert (
        rows.group_by("query_id").len()["len"].min() > 100
    )  # 200 without known answers, their copies and the parts of their document
    assert rows["rank"].max() <= 200
    assert rows["rank"].median() > 50  # uniform: about 100; the nearest: about 1
    assert nearest["rank"].median() < 5


def test_nv_retriever_takes_none_above_its_share(project: Path):
    rows = chosen(project, "nv-retriever")
    assert (rows["score"] <= rows["positive"] * 0.95 + 1e-6).all()


def test_query_quality_removes_queries_whose_best_is_too_good_and_changes_no_other(project: Path):
    rows, nearest = chosen(project, "quality"), chosen(project, "top-k")
    too_good = nearest.filter(pl.col("score") > pl.col("positive") * 1.2 + 1e-6)
    assert len(too_good)
    assert rows.join(too_good, on="query_id", how="semi").is_empty()
    assert (
        rows.select(PAIR).rows()
        == nearest.join(too_good, on="query_id", how="anti", maintain_order="left")
        .select(PAIR)
        .rows()
    )
