"""What git keeps below inputs/, and whose code and prompts it would lose."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from commands.doctor import command as doctor
from tasks.ignored_code import advice
from tests.prepared import PROJECT

TRACKED = (
    "README.md",
    "ours.dvc",
    ".gitignore",
    "methods/mine.py",
    "methods/deep/more.py",
    "prompts/strict.md",
    "labels/overrides.csv",
    "labels/fitness/strong@ours.json",
    "labels/filled/ours@strong.parquet",
    "examples/few.jsonl",
    "overrides.csv",
    "retries.json",
    "fitness/strong@ours.json",
    "filled/ours@strong.parquet",
)
IGNORED = (
    "ours/documents.jsonl",
    "clicks.csv",
    "model/model.safetensors",
    "mine.py",
    "private.parquet",
    "ours",
)


@pytest.fixture
def repository(workspace: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], check=True)
    shutil.copy(PROJECT / ".gitignore", ".gitignore")
    Path("recipes").mkdir()
    return workspace


def put(*files: str) -> None:
    for name in files:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")


def recipe(method: str) -> None:
    Path("recipes/mine.yaml").write_text(yaml.safe_dump({"sample": {"choose": {method: {"n": 2}}}}))


def test_git_takes_no_texts_or_models_by_accident(repository: Path):
    put(*(f"inputs/{name}" for name in TRACKED + IGNORED[:-1]))
    subprocess.run(["git", "add", "inputs"], check=True)
    added = subprocess.run(
        ["git", "ls-files", "inputs"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert added == sorted(f"inputs/{name}" for name in TRACKED)


@pytest.mark.parametrize(
    ("file", "method"),
    [
        ("inputs/mine.py", "inputs.mine.rule"),
        ("inputs/own/mine.py", "inputs.own.mine.rule"),
        ("inputs/own/__init__.py", "inputs.own.rule"),
    ],
)
def test_a_method_that_no_commit_would_have_is_named(repository: Path, file: str, method: str):
    put(file)
    recipe(method)
    assert f"git ignores '{file}', which params.yaml or a recipe names" in advice()
    assert [found.text for found in doctor.own_code()] == [advice()]
    subprocess.run(["git", "add", "--force", file], check=True)
    assert advice() is None


def test_a_prompt_of_a_judge_is_named_too(repository: Path):
    put("inputs/strict.md", "inputs/prompts/strict.md")
    Path("params.yaml").write_text(
        "judges: {a: {local: {prompt: inputs/strict.md}}, b: {local: {prompt: "
        "inputs/prompts/strict.md}}}"
    )
    assert "git ignores 'inputs/strict.md', which" in advice()


def test_code_that_git_keeps_and_data_that_it_ignores_are_right(repository: Path):
    put("inputs/methods/mine.py", "inputs/ours/documents.jsonl", "inputs/clicks.csv")
    recipe("inputs.methods.mine.rule")
    Path("params.yaml").write_text(
        "collections: {ours: {source: folder, path: inputs/ours}, gone: {source: inputs.gone.rule}}"
    )
    assert advice() is None


def test_without_a_repository_or_with_a_broken_file_there_is_no_advice(workspace: Path):
    put("inputs/mine.py")
    Path("recipes").mkdir()
    recipe("inputs.mine.rule")
    assert advice() is None
    Path("params.yaml").write_text("{")
    assert advice() is None
