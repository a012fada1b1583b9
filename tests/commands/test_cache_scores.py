"""`hone cache` and what cross-encoders have scored: whose it is, and what may go."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import cache
from tests.rank.collection import RANK, prepared
from tests.stages import rank, score
from tests.tiny_cross_encoder import tiny_cross_encoder

NAMED = {"cross-encoder": {"model": "inputs/cross", "max_length": 24}}


def test_scores_belong_to_the_ranker_or_to_the_model_that_a_recipe_names(
    workspace: Path, capsys: pytest.CaptureFixture
):
    tiny_cross_encoder(Path("inputs/cross"))
    prepared({"rank": RANK | {"steps": 2}, "score": ["cross-encoder", NAMED]})
    rank("r1")
    score("r1")
    entries = {one.needed_by: one for one in cache.list_entries() if one.what == "scores"}
    assert set(entries) == {("ranker r1",), ("inputs/cross",)}
    assert entries["inputs/cross",].count == 9 * 24  # every training query with every document
    assert entries["ranker r1",].count == (9 + 6) * 24  # and of the dev queries the first 24 of 24
    cache.show()
    output = capsys.readouterr().out
    assert "scores" in output
    assert "vectors" in output
    cache.clean(yes=True)
    assert "Nothing to delete" in capsys.readouterr().out

    shutil.rmtree("rankers/r1")
    cache.clean(yes=True)
    assert "scores, used by ranker r1" in capsys.readouterr().out
    assert {one.needed_by for one in cache.list_entries() if one.what == "scores"} == {
        ("inputs/cross",)
    }
