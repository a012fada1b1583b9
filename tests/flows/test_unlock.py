"""DVC's lock file after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import unlock


@pytest.mark.parametrize(("text", "stays"), [("", False), ('{"a":', False), ("{}", True), (None, False)])
def test_only_what_cannot_be_read_is_removed(workspace: Path, text: str | None, stays: bool):
    unlock.FILE.parent.mkdir(parents=True)
    if text is not None:
        unlock.FILE.write_text(text)
    unlock.main()
    assert unlock.FILE.exists() is stays
