"""The commands in the pages: `.ci/docs_check.py` finds and runs them, and every command and option
that a page names exists.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from commands.__main__ import app

PROJECT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```\w*[ \w]*\n(.*?)^```$|((?:^    .*\n)+)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(hone [^`\n]+)`")
OPTION = re.compile(r"--?[a-z][a-z-]*")
# Except the generated reference, and results of earlier versions.
PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *(
        page
        for page in sorted((PROJECT / "docs").rglob("*.md"))
        if page.name != "commands.md" and page.parent.name != "studies"
    ),
]
EVERYWHERE = {"--help", "--version"}

spec = importlib.util.spec_from_file_location("docs_check", PROJECT / ".ci/docs_check.py")
docs_check = importlib.util.module_from_spec(spec)
sys.modules["docs_check"] = docs_check
spec.loader.exec_module(docs_check)

PAGE = """# Page

```sh
echo one
```

    echo indented, not run

```sh slow
sleep 1000
```

```sh example
hone init YOURS
```

```python
print(1)
```

```sh
echo two > made
cat made
```
"""


def test_blocks_are_found_in_order_with_their_lines_and_words():
    blocks = list(docs_check.read_blocks("page.md", PAGE))
    assert [(one.line, one.words, one.text) for one in blocks] == [
        (4, (), "echo one\n"),
        (10, ("slow",), "sleep 1000\n"),
        (14, ("example",), "hone init YOURS\n"),
        (22, (), "echo two > made\ncat made\n"),
    ]
    assert [docs_check.is_run(one, slow=False) for one in blocks] == [True, False, False, True]
    assert [docs_check.is_run(one, slow=True) for one in blocks] == [True, True, False, True]


def test_a_command_that_fails_is_reported_with_its_line_and_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    good, bad = (
        docs_check.Block("page.md", line, (), text)
        for line, text in ((4, "echo fine\n"), (9, "echo before\nfalse\necho after\n"))
    )
    assert docs_check.run_block(good, tmp_path, {})
    assert not docs_check.run_block(bad, tmp_path, {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ok    page.md:4", "error page.md:9: exit status 1"]
    assert lines[-1] == "before"


def test_the_slice_fits_the_shipped_settings(tmp_path: Path):
    file = tmp_path / "params.yaml"
    file.write_text((PROJECT / "params.yaml").read_text())
    docs_check.slice_params(file)
    assert "packages: [networkx]" in file.read_text()


def commands_of(page: Path) -> list[list[str]]:
    """The words of every `hone` command in a page's code blocks and code spans."""
    text = page.read_text()
    blocks = ["".join(found) for found in BLOCK.findall(text)]
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += SPAN.findall(text)
    return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"hone [a-z]", line)]


def find_fault(words: list[str]) -> str | None:
    """What a command line names that does not exist. Null if everything exists."""
    command = typer.main.get_command(app)
    for place, word in enumerate(words):
        if not isinstance(command, TyperGroup):
            break
        if word.startswith("-") and place:
            break
        if word not in command.commands:
            return None if command.invoke_without_command else f"no command {word}"
        command = command.commands[word]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    used = [word.partition("=")[0] for word in words if OPTION.fullmatch(word.partition("=")[0])]
    return next((f"no option {name}" for name in used if name not in known | EVERYWHERE), None)


@pytest.mark.parametrize(
    "page",
    PAGES,
    ids=lambda page: str(page.relative_to(PROJECT)),
)
def test_every_command_and_option_of_a_page_exists(page: Path):
    found = [(words, find_fault(words)) for words in commands_of(page)]
    assert [(" ".join(words), fault) for words, fault in found if fault] == []


def test_a_command_that_does_not_exist_is_found():
    assert find_fault(["compare", "r0", "r1", "--by", "long"]) == "no option --by"
    assert find_fault(["threshold", "r1"]) == "no command threshold"
    assert find_fault(["judge", "holes", "x"]) == "no command holes"
    assert find_fault(["compare", "r0", "r1", "--slice", "long"]) is None
    assert find_fault(["cache"]) is None
