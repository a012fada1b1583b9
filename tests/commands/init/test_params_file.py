"""How `hone init` replaces params.yaml: never without a copy of the user's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.init.params_file import DEMO, SHIPPED, backup_of, is_shipped, replace
from hone.errors import Refused
from tests.conftest import PROJECT

NEW = "seed: 1\n"


def test_the_copy_of_the_shipped_file_is_up_to_date():
    """If this fails after a change of params.yaml: cp params.yaml
    commands/init/shipped_params.yaml.
    """
    assert SHIPPED.read_bytes() == (PROJECT / "params.yaml").read_bytes()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_shipped_file_is_kept_as_the_demo(workspace: Path, ends: str):
    shipped = SHIPPED.read_text()
    Path("params.yaml").write_bytes(shipped.replace("\n", ends).encode())
    backup = backup_of(NEW, force=False)
    assert backup == DEMO
    replace(NEW, backup)
    assert Path("params.yaml").read_text() == NEW
    assert DEMO.read_text() == shipped


def test_a_demo_file_with_changes_is_not_overwritten(workspace: Path):
    Path("params.yaml").write_bytes(SHIPPED.read_bytes())
    DEMO.write_text("mine: 1\n")
    backup = backup_of(NEW, force=False)
    assert backup is not None
    replace(NEW, backup)
    assert DEMO.read_text() == "mine: 1\n"
    assert is_shipped(backup.read_bytes())


def test_settings_of_the_user_need_force_and_are_kept(workspace: Path):
    Path("params.yaml").write_text("seed: 7\n")
    with pytest.raises(Refused, match=r"Use --force to replace it.*params\.yaml\.bak-"):
        backup_of(NEW, force=False)
    assert Path("params.yaml").read_text() == "seed: 7\n"
    backup = backup_of(NEW, force=True)
    assert backup is not None
    replace(NEW, backup)
    assert backup.read_text() == "seed: 7\n"
    assert Path("params.yaml").read_text() == NEW


@pytest.mark.parametrize("current", [None, NEW])
def test_nothing_to_keep(workspace: Path, current: str | None):
    if current is not None:
        Path("params.yaml").write_text(current)
    assert backup_of(NEW, force=False) is None
