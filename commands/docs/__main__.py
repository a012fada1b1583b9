"""`python -m commands.docs`: generate the reference pages from code, docstrings and recipes; with
`--check`, only report outdated pages.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from commands.docs import (
    command_line_page,
    environment_page,
    methods_pages,
    params_page,
    recipes_page,
    report_page,
    tables_page,
)
from hone.stage import SWITCHES

SINGLE_PAGES = (
    command_line_page,
    environment_page,
    params_page,
    recipes_page,
    report_page,
    tables_page,
)


def pages() -> dict[Path, str]:
    """The current text of each page, by path."""
    return {part.FILE: part.page() for part in SINGLE_PAGES} | methods_pages.pages()


def stale(wanted: dict[Path, str]) -> list[Path]:
    """The outdated pages, including those whose place no longer exists."""
    changed = [
        file
        for file, text in wanted.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]
    return changed + [
        file for file in sorted(methods_pages.FOLDER.glob("*.md")) if file not in wanted
    ]


def main(check: bool) -> None:
    """Write the pages. With `check`, exit with code 1 if any is outdated."""
    os.environ.update(SWITCHES | os.environ)
    wanted = pages()
    files = stale(wanted)
    if check and files:
        sys.exit(
            f"{', '.join(map(str, files))}: outdated. Run `python -m commands.docs` to generate "
            "them."
        )
    for file in files:
        if file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
        else:
            file.unlink()
        print(file)


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
