"""`python -m commands.docs`: make the pages that are made of docstrings and recipes; with `--check`, only say which are not current."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from commands.docs import methods_pages, recipes_page
from hone.stage import SWITCHES


def pages() -> dict[Path, str]:
    """What each page should be, by its path."""
    return {recipes_page.FILE: recipes_page.page()} | methods_pages.pages()


def stale(wanted: dict[Path, str]) -> list[Path]:
    """The pages that are not what they should be, those that no place has any more included."""
    changed = [file for file, text in wanted.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]
    return changed + [file for file in sorted(methods_pages.FOLDER.glob("*.md")) if file not in wanted]


def main(check: bool) -> None:
    """Write the pages, or end with 1 where they are not current."""
    os.environ.update(SWITCHES | os.environ)
    wanted = pages()
    files = stale(wanted)
    if check and files:
        sys.exit(f"{', '.join(map(str, files))}: not what the docstrings and recipes say now. `python -m commands.docs` makes them.")
    for file in files:
        if file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
        else:
            file.unlink()
        print(file)


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
