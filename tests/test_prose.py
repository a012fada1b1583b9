"""The prose check of `make lint`: each rule finds what it is for, and where."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PROSE = runpy.run_path(str(Path(__file__).parent.parent / ".ci" / "prose.py"))


@pytest.mark.parametrize("rule", PROSE["RULES"], ids=lambda rule: rule.write)
def test_each_rule_finds_its_example_and_no_plain_sentence(rule, tmp_path: Path):
    file = tmp_path / "page.md"
    file.write_text(f"A first line.\n{rule.found}\n{rule.passed}\n")
    found = [(line, one.write) for line, one, _ in PROSE["faults"](file)]
    assert (2, rule.write) in found
    assert not [line for line, write in found if line == 3 and write == rule.write]


def test_it_reads_comments_docstrings_and_sentences_of_code_and_no_code(tmp_path: Path):
    file = tmp_path / "module.py"
    file.write_text(
        '"""It is no number."""\n\nshare = .95  # a share of .95\nby_lot = \'by lot\'\nraise '
        "ValueError('two of them are drawn by lot')\n"
    )
    assert sorted((line, rule.write) for line, rule, _ in PROSE["faults"](file)) == [
        (1, "is not a ..."),
        (3, "a leading zero"),
        (5, "at random"),
    ]


def test_quoted_code_and_prompts_are_left_alone(tmp_path: Path):
    file = tmp_path / "page.md"
    file.write_text("The value `is no number` stands in backquotes.\n")
    assert not list(PROSE["faults"](file))
    assert not [file for file in PROSE["files"]() if "prompts/" in str(file)]
