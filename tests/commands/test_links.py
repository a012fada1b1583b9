"""Every link of every page leads to a file and a heading that exist, and the index lists every
page.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
INDEX = PROJECT / "docs/README.md"
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
NAMED = re.compile(r"(?<![\w/.-])docs/[\w/-]+\.(?:md|png)")
OTHERS = {
    "docs/experiments-vector-prf.md",
    "docs/reference/methods/gone.md",
}  # of Pyserini, and of a test


def list_tracked(*patterns: str) -> list[Path]:
    """Files of the project. Without git, such as in an export, those in its folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    ).stdout.split()
    return [PROJECT / name for name in listed if (PROJECT / name).is_file()]


PAGES = list_tracked("*.md")


def remove_code(text: str) -> str:
    """A page without its code blocks and code spans."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def make_anchor(heading: str) -> str:
    """GitHub's anchor of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def list_anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    anchors: dict[str, int] = {}
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        anchor = make_anchor(heading)
        number = anchors.get(anchor, 0)
        anchors[anchor] = number + 1
        found.add(f"{anchor}-{number}" if number else anchor)
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def list_faults(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    faults = []
    for target, anchor in LINK.findall(remove_code(page.read_text())):
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target) if target else page
        if not file.exists():
            faults.append(f"{target}: no such file")
        elif anchor and (file.suffix != ".md" or anchor not in list_anchors(file)):
            faults.append(f"{target}#{anchor}: no such heading")
    return faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path):
    assert list_faults(page) == []


def test_anchors_are_those_of_github():
    assert make_anchor("How `hide` works: a bound, or two?") == "how-hide-works-a-bound-or-two"
    assert make_anchor("[Leakage](leakage.md)") == "leakage"


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path):
    (tmp_path / "other.md").write_text("# One\n\n# One\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#one) [b](other.md#one-1) `[c](gone.md)` [d](https://a.org/b)\n"
        "```\n[e](gone.md)\n```\n[f](gone.md) [g](other.md#two) [h](#here)\n"
    )
    assert list_faults(page) == [
        "gone.md: no such file",
        "other.md#two: no such heading",
        "#here: no such heading",
    ]


def test_the_index_lists_every_page():
    linked = {
        os.path.normpath(INDEX.parent / target)
        for target, _ in LINK.findall(INDEX.read_text())
        if "://" not in target
    }
    pages = {
        str(page)
        for page in PAGES
        if page.is_relative_to(INDEX.parent)
        and page != INDEX
        and (page.parent.name != "methods" or page.name == "README.md")
    }
    assert pages - linked == set()


def test_pages_that_code_and_settings_name_exist():
    """Messages, comments and settings name pages by their path from the root."""
    missing = [
        f"{file.relative_to(PROJECT)}: {name}"
        for file in list_tracked("*.py", "*.yaml", "*.jinja", "*.toml", "Makefile", "*.md")
        if file != Path(__file__)
        for name in NAMED.findall(file.read_text(encoding="utf-8"))
        if name not in OTHERS and not (PROJECT / name).exists()
    ]
    assert missing == []
