"""File and line of a recipe's settings in the user's files, for error messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hone.config import methods
from hone.config.yaml12 import Unusable, read
from hone.errors import Refused

Steps = Sequence[
    str | int
]  # from the top of a recipe to a setting: section names, parameters, and list indices
WORD = 4  # minimum length of unquoted words that are looked up in a message


def loaded(file: Path) -> tuple[Any, yaml.Node | None]:
    """The content of a YAML file, and its tree of nodes, which has line numbers.

    Raises:
        Refused: it is not YAML or not UTF-8, or sets a name twice. The message names the line.
    """
    try:
        return read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Refused(f"{file}, line {line}: the file is not UTF-8. Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        raise Refused(
            f"{file}{', line ' + str(error.problem_mark.line + 1) if error.problem_mark else ''}: "
            f"{of_syntax(error)}"
        ) from None
    except yaml.YAMLError as error:
        raise Refused(f"{file} is not valid YAML: {error}".replace("\n", " ")) from None


def of_syntax(error: yaml.MarkedYAMLError) -> str:
    """The error in an invalid YAML line, and its fix."""
    if isinstance(error, Unusable):
        return error.problem
    problem = f"{error.problem}{f' ({error.context})' if error.context else ''}"
    if "'\\t'" in problem:
        return "a tab is not allowed in YAML indentation. Indent with spaces."
    if "mapping values are not allowed" in problem:
        return (
            "the line has a second ':' or is indented further than the previous one. Put a "
            "text with ': ' in quotes."
        )
    if "expected ',' or" in problem:
        return (
            f"the bracket opened on line {error.context_mark.line + 1} is not closed before "
            "this, or a comma is missing."
        )
    return f"this is not valid YAML: {problem}. Check indentation, quotes and brackets."


@dataclass(frozen=True)
class Layer:
    """A file with settings of a recipe: the recipe's own, or params.yaml `below` some names."""

    file: Path
    root: yaml.Node | None
    below: tuple[str, ...] = ()

    def line(self, path: Steps) -> tuple[int, int | None]:
        """How far the file contains a path, and the line where it ends. Null if it contains
        nothing of it.
        """
        node, depth, line = self.root, 0, None
        for place, step in enumerate((*self.below, *path)):
            found = stepped(node, step)
            if found is None and isinstance(node, yaml.MappingNode) and isinstance(step, int):
                continue  # a single item may replace a list
            if found is None:
                break
            (line, node), depth = found, place + 1
        reached = depth - len(self.below)
        return (reached, line) if reached > 0 else (0, None)


def stepped(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line and the node of a name or index. Null if there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(
            (
                (key.start_mark.line + 1, value)
                for key, value in node.value
                if key.value == str(step)
            ),
            None,
        )
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


@dataclass
class Places:
    """The files with a recipe's settings, highest priority first, and the errors found in them."""

    layers: list[Layer]
    faults: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # misspelled sections of the file

    def at(self, path: Steps) -> str:
        """The location of a setting, such as `recipes/mine.yaml, line 7`, as precisely as known."""
        if path and path[0] in self.renamed:
            path = (self.renamed[str(path[0])], *path[1:])
        reached = [(*layer.line(path), layer.file) for layer in self.layers]
        _, line, file = max(reached, key=lambda found: found[0])
        return f"{self if line is None else file}{f', line {line}' if line else ''}"

    def __str__(self) -> str:
        """The recipe's own file."""
        return str(next(layer.file for layer in self.layers if not layer.below))

    def wrong(self, path: Steps, sentence: str) -> None:
        """Add an error of a setting."""
        self.faults.append(f"{self.at(path)}: {sentence}")

    def checked(self, place: str, given: Any, *path: str | int) -> dict[str, Any]:
        """A method's line with its defaults. Errors are collected, and the method is then empty."""
        try:
            return methods.checked(
                place, given, ".".join(str(step) for step in path if not isinstance(step, int))
            )
        except Refused as refusal:
            self.wrong((*path, *refusal.path), str(refusal))
            return {"method": "", "parameters": {}}

    def collect_refusal(self, refuse: Callable[[Any, str], None], recipe: Any) -> None:
        """Collect the error of a check of the whole recipe, with the line that its message
        refers to.
        """
        try:
            refuse(recipe, str(self))
        except Refused as refusal:
            sentence = str(refusal).removeprefix(f"{self}: ")
            lines = [
                (layer.file, line_saying(layer.root, sentence))
                for layer in self.layers
                if not layer.below
            ]
            file, line = next(((file, line) for file, line in lines if line), (self, None))
            self.faults.append(f"{file}{f', line {line}' if line else ''}: {sentence}")

    def refuse(self) -> None:
        """Raise Refused with one line for each error, if there are any."""
        if self.faults:
            raise Refused("\n".join(self.faults))


def line_saying(root: yaml.Node | None, sentence: str) -> int | None:
    """The line of the first word in a file that a sentence quotes. Otherwise the line of a word
    that it contains without quotes. Null if there is none.
    """
    quoted = re.findall(
        r"'([^']+)'", sentence
    )  # the wrong word comes first, and the suggestion after it
    found = [(str(node.value), node.start_mark.line + 1) for node in words_of(root)]
    exact = (line for wrong in quoted for word, line in found if word == wrong)
    plain = [word.strip(".,:;()`'") for word in sentence.split()]
    return next(
        exact,
        next(
            (line for bare in plain for word, line in found if len(bare) >= WORD and word == bare),
            None,
        ),
    )


def words_of(root: yaml.Node | None) -> list[yaml.ScalarNode]:
    """Every name and every scalar value of a tree, in file order."""
    if isinstance(root, yaml.ScalarNode):
        return [root]
    if root is None:
        return []
    inner = (
        [node for pair in root.value for node in pair]
        if isinstance(root, yaml.MappingNode)
        else root.value
    )
    return [found for node in inner for found in words_of(node)]
