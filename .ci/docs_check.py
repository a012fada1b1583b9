"""Run the commands of README and tutorials, in order, in a fresh clone: `python .ci/docs_check.py`.

Every block with the info string `sh` runs. Further words of the info string skip it: `slow`
(minutes; `--slow` runs it), `network` and `example` (with placeholders) never run. The clone has
the last commit, the packages of this environment, and its own HONE_HOME. The quickstart uses a
small slice of the bundled dataset. A block may use what earlier blocks of its page have made.
inputs/ours has example data.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/tutorials/quickstart.md", "docs/tutorials/own-data.md")
FENCE = re.compile(r"^```sh(?P<words>[ \w]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED = ("network", "example")
SLICED = ("docs/tutorials/quickstart.md",)  # the other pages start with the shipped params.yaml
SLICE = {  # of params.yaml, for speed
    "train_queries: 2400 ": "options: {packages: [networkx]}\n    train_queries: 64 ",
    "max_length: 96 ": "max_length: 32 ",
}
LAST_LINES = 20


@dataclass(frozen=True)
class Block:
    """Commands of a page.

    Attributes:
        page: the page.
        line: the line of its first command.
        words: the words of the info string after `sh`.
        text: the commands.
    """

    page: str
    line: int
    words: tuple[str, ...]
    text: str


def read_blocks(page: str, text: str) -> Iterator[Block]:
    """The blocks of a page with commands, in order."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(page, line, tuple(found["words"].split()), found["text"])


def is_run(block: Block, slow: bool) -> bool:
    """Whether a block runs."""
    return not set(block.words) & set(SKIPPED) and (slow or "slow" not in block.words)


def make_clone(folder: Path, sliced: bool) -> dict[str, str]:
    """A clone with this environment and example data.

    Args:
        folder: where the clone and its HONE_HOME are.
        sliced: use a small slice of the bundled dataset.

    Returns:
        The environment variables of its commands.
    """
    clone = folder / "hone"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    make_environment(clone / ".venv")
    if sliced:
        slice_params(clone / "params.yaml")
    example = ["inputs/examples/handbook.py", "inputs/ours"]
    subprocess.run([sys.executable, *example], check=True, cwd=clone)
    path = f"{clone}/.venv/bin:{sys.prefix}/bin:{os.environ['PATH']}"
    return {**os.environ, "HONE_HOME": str(folder / "home"), "PATH": path}


def make_environment(folder: Path) -> None:
    """A .venv for which `make` has nothing to do. Its `hone` has the code of the clone: the command
    of this environment has that of the checkout for which it was installed.
    """
    commands = folder / "bin"
    commands.mkdir(parents=True)
    (commands / "activate").write_text("", encoding="utf-8")
    hone = commands / "hone"
    hone.write_text('#!/bin/sh\nexec python -m commands "$@"\n', encoding="utf-8")
    hone.chmod(0o755)
    (folder / "dev").touch()


def slice_params(file: Path) -> None:
    """Change params.yaml so that its stages are quick."""
    text = file.read_text(encoding="utf-8")
    for old, new in SLICE.items():
        if old not in text:
            sys.exit(f"{file.name} lacks `{old.strip()}`, which .ci/docs_check.py replaces.")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def run_block(block: Block, clone: Path, environment: dict[str, str]) -> bool:
    """Run a block, and print its result. Returns whether it succeeded."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        check=False,
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    place = f"{block.page}:{block.line}"
    if done.returncode == 0:
        print(f"ok    {place}", flush=True)
        return True
    print(f"error {place}: exit status {done.returncode}\n{block.text}", flush=True)
    print("\n".join(done.stdout.splitlines()[-LAST_LINES:]), flush=True)
    return False


def main() -> None:
    """Run the pages. Exits with status 1 if a command fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", default=PAGES)
    parser.add_argument("--slow", action="store_true", help="also run slow blocks (minutes)")
    given = parser.parse_args()
    good = True
    for page in given.pages:
        blocks = list(read_blocks(page, (PROJECT / page).read_text(encoding="utf-8")))
        with tempfile.TemporaryDirectory() as folder:
            environment = make_clone(Path(folder), page in SLICED)
            for block in blocks:
                if not is_run(block, given.slow):
                    print(f"skip  {page}:{block.line} ({' '.join(block.words)})", flush=True)
                elif not run_block(block, Path(folder) / "hone", environment):
                    good = False
                    break  # later blocks need what this one makes
    sys.exit(not good)


if __name__ == "__main__":
    main()
