"""Every `hone ...` that code, docs or recipes name is a command that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from commands.__main__ import app
from tests.conftest import PROJECT

NAMED = re.compile(r"`hone ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(?=[ `\n])")
FOLDERS = ("hone", "tasks", "commands", "flows", "recipes", "studies", "docs", "inputs")
FILES = [
    *PROJECT.glob("*.md"),
    *(
        file
        for folder in FOLDERS
        for suffix in ("py", "md", "jinja", "yaml")
        for file in (PROJECT / folder).rglob(f"*.{suffix}")
    ),
]


def list_commands(panel: typer.Typer) -> dict[str, set[str]]:
    """The subcommands of every command; none for a command that has none."""
    found = {
        (one.name or one.callback.__name__.replace("_", "-")): set()
        for one in panel.registered_commands
    }
    return found | {
        group.name: set(list_commands(group.typer_instance)) for group in panel.registered_groups
    }


def unknown_in(text: str, known: dict[str, set[str]]) -> list[str]:
    return [
        f"hone {word} {sub}".strip()
        for word, sub in NAMED.findall(text)
        if word not in known or (known[word] and sub and sub not in known[word])
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_named_commands_exist(file: Path):
    if file.name == "CHANGELOG.md":
        pytest.skip("it also names commands of the past")
    assert not unknown_in(file.read_text(encoding="utf-8"), list_commands(app))


def test_a_wrong_name_is_found():
    known = list_commands(app)
    assert {"explain", "judge", "cache"} <= known.keys()
    assert unknown_in("see `hone why Q D` and `hone judge holes JUDGE`", known) == [
        "hone why",
        "hone judge holes",
    ]
    assert unknown_in("`hone judge check NAME`, `hone explain q d`, `hone cache`", known) == []
