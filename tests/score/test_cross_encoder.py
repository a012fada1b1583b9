"""Scores by a cross-encoder that the recipe names."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.errors import Refused
from tasks.score.pair_scores import refuse_no_number
from tests.rank.collection import QUERIES, RIGHT, WRONG, prepared
from tests.stages import resolve, score
from tests.tiny_cross_encoder import tiny_cross_encoder

LINE = {"cross-encoder": {"model": "inputs/cross", "precision": "fp32"}}


def test_scores_are_the_models_probabilities(workspace: Path):
    tiny_cross_encoder(Path("inputs/cross"))
    prepared({"score": [LINE]})
    score("r1")
    made = tables.read("scores", Path("rounds/r1/scores.parquet"))
    by = {name: part for (name,), part in made.partition_by("scorer", as_dict=True).items()}
    assert list(by) == ["dense", "cross-encoder:cross"]
    assert (
        by["cross-encoder:cross"]
        .select("query_id", "doc_id")
        .equals(by["dense"].select("query_id", "doc_id"))
    )

    from sentence_transformers import CrossEncoder

    model, texts = CrossEncoder("inputs/cross", device="cpu"), RIGHT | WRONG
    rows = by["cross-encoder:cross"].select("query_id", "doc_id", "score").rows()
    true = model.predict([(QUERIES[query], texts[doc]) for query, doc, _ in rows])
    assert [value for *_, value in rows] == pytest.approx(true.tolist(), abs=1e-5)


def test_whatever_activation_the_model_has_scores_are_probabilities(workspace: Path):
    """Models trained on MS MARCO give logits; here they are brought to 0..1 like any others."""
    import torch
    from sentence_transformers import CrossEncoder

    tiny_cross_encoder(Path("inputs/cross"))
    prepared({"score": [LINE]})
    score("r1")
    before = tables.read("scores", Path("rounds/r1/scores.parquet"))
    model = CrossEncoder("inputs/cross", device="cpu", activation_fn=torch.nn.Identity())
    model.save_pretrained("inputs/cross")
    resolve()
    score("r1")
    after = tables.read("scores", Path("rounds/r1/scores.parquet"))
    assert after["score"].to_list() == pytest.approx(before["score"].to_list(), abs=1e-6)
    assert after.filter(pl.col("scorer") != "dense")["score"].is_between(0, 1).all()


def test_scores_that_are_no_numbers_stop_the_stage(workspace: Path):
    from tests.hone.encoders.test_cross_encoder_scores import without_numbers

    tiny_cross_encoder(Path("inputs/cross"))
    without_numbers(Path("inputs/cross"))
    prepared({"score": [LINE]})
    with pytest.raises(Refused, match="inputs/cross returned NaN or infinity for .* scores"):
        score("r1")
    assert not Path("rounds/r1/scores.parquet").exists()


def test_no_scorer_may_give_what_is_no_number():
    bad = tables.shaped(
        "scores",
        pl.DataFrame(
            {"query_id": ["q"], "doc_id": ["d"], "scorer": ["s"], "score": [float("nan")]}
        ),
    )
    with pytest.raises(
        Refused,
        match="the scorer s returned NaN or infinity for 1 scores, .* document 'd' for the query "
        "'q'",
    ):
        refuse_no_number(bad)
