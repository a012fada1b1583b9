"""Words and turns of phrase that Hone's prose does without, with what to write:
`python .ci/prose.py` lists where they stand.

It reads docstrings, comments and texts of the code, comments of YAML files, and the README. Each
rule has an example that it finds and one that it lets pass; `python .ci/prose.py --rules` prints
them and checks them.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CODE = ("hone", "tasks", "commands", "flows", "benchmarks", ".ci")
YAML = ("params.yaml", "dvc.yaml", "prefect.yaml", "recipes", "studies")
PAGES = ("README.md", "CONTRIBUTING.md", "docs")
# Texts that are hashed into what users have paid for, and this list.
LEFT_OUT = (
    "hone/judging/prompts/",
    "hone/generation/prompts/",
    ".ci/prose.py",
    "docs/explanation/studies/",
)
# Reasons that the ledgers of users hold: they keep their bytes.
STORED = ("a list is no list", "which is no document's number", "the score is no number")
WORDS = 4  # texts of the code with fewer are names or parts of sentences


@dataclass(frozen=True)
class Rule:
    """A pattern to avoid, what to write instead, a sentence that it finds, and one that it lets
    pass.
    """

    pattern: str
    write: str
    found: str
    passed: str


RULES = (
    Rule(
        r"(?:^|[.:;] )Of (?!course\b)[^.]*?[,:]",
        "the subject first",
        "Of ten queries, two have none.",
        "Two of ten queries have none.",
    ),
    Rule(
        r"(?<!here )\b(?:is|are|was) no (?!longer\b|more\b|such\b|one\b)",
        "is not a ...",
        "It is no number.",
        "There is no number.",
    ),
    Rule(r"\bby lot\b", "at random", "drawn by lot", "drawn at random"),
    Rule(
        r"\bknown answers?\b",
        "labelled positive",
        "a known answer of the query",
        "a labelled positive of the query",
    ),
    Rule(
        r"\bhidden answers?\b", "held-out positive", "two hidden answers", "two held-out positives"
    ),
    Rule(r"\bright answers?\b", "relevant document", "the right answer", "the relevant document"),
    Rule(
        r"\bheld against\b|\bhold against\b",
        "compared with",
        "rounds are held against r0",
        "rounds are compared with r0",
    ),
    Rule(
        r"\btold from chance\b|\btold apart\b",
        "significantly different",
        "cannot be told apart",
        "does not differ significantly",
    ),
    Rule(r"\bbeyond doubt\b", "significant", "better beyond doubt", "significantly better"),
    Rule(r"\bwhose word\b", "which verdict", "whose word counts", "which verdict is used"),
    Rule(
        r"\b[Mm]end(?:s|ed|ing)?\b",
        "repair, fix or correct",
        "it mends the file",
        "it repairs the file",
    ),
    Rule(r"\(ours\)|\bis ours\b", "Hone default", "7 (ours)", "7 (Hone default)"),
    Rule(r"\bfor ever\b", "permanently", "kept for ever", "kept permanently"),
    Rule(
        r"\bnobody has\b|\bnobody knows\b",
        "not ...",
        "nobody has labelled it",
        "it is not labelled",
    ),
    Rule(r"\bfull stops?\b", "period", "ends with a full stop", "ends with a period"),
    Rule(
        r"(?<![\w.)\]}/\\'\"`*?+-])\.\d+\b(?![\w.]*\()",
        "a leading zero",
        "a share of .95",
        "a fraction of 0.95, section 1.2",
    ),
    Rule(
        r"\b[Pp]aper \d{2,3}\b|\bthe design\b",
        "a citation",
        "see paper 171",
        "see RLHN (arXiv 2505.16967)",
    ),
)


def main() -> None:
    """Print every place that breaks a rule, and fail if there is one."""
    if "--rules" in sys.argv:
        check_rules()
        return
    found = [
        f"{file}:{line}: {rule.write!r}, not {text!r}"
        for file in files()
        for line, rule, text in faults(file)
    ]
    print("\n".join(found))
    sys.exit(f"{len(found)} turns of phrase to rewrite" if found else None)


def check_rules() -> None:
    """Each rule finds its own example and lets the other pass."""
    for rule in RULES:
        assert re.search(rule.pattern, rule.found), rule
        assert not re.search(rule.pattern, rule.passed), rule
        print(f"{rule.found!r} -> {rule.passed!r}")


def files() -> list[Path]:
    """Tracked files with prose of ours."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *CODE, *YAML, *PAGES], capture_output=True, text=True, check=True
    ).stdout
    named = [
        name
        for name in listed.split("\0")
        if name.endswith((".py", ".yaml", ".md", ".jinja")) and not name.startswith(LEFT_OUT)
    ]
    return [Path(name) for name in named if Path(name).exists()]


def faults(file: Path) -> Iterator[tuple[int, Rule, str]]:
    """Line, rule and text of each place in a file."""
    for line, text in prose(file):
        plain = re.sub(r"`[^`]*`", "`x`", text)
        for rule in RULES:
            for match in re.finditer(rule.pattern, plain):
                yield line + plain[: match.start()].count("\n"), rule, match.group().strip()


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """The parts of a file that people read, each with the line where it begins."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        yield from of_python(text)
    elif file.suffix == ".yaml":
        yield from (
            (number, line)
            for number, line in enumerate(text.splitlines(), start=1)
            if "#" in line or re.match(r"\s*[a-z]+: .* .* ", line)
        )
    else:
        yield from enumerate(text.splitlines(), start=1)


def of_python(text: str) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and texts of several words."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if len(text.split()) >= WORDS and not any(reason in text for reason in STORED):
            yield node.lineno, text


if __name__ == "__main__":
    main()
