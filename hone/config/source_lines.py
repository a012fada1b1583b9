"""Where in the user's files a recipe's setting stands: file and line, for whatever is wrong with it."""

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

Steps = Sequence[str | int]  # from a recipe's top to a setting: names of sections, parameters, and numbers in lists
WORD = 4  # letters from which on a value is looked for in a sentence that does not quote it


def loaded(file: Path) -> tuple[Any, yaml.Node | None]:
    """What a YAML file says, and its tree of nodes, which knows lines.

    Raises:
        Refused: it is no YAML, no UTF-8, or says the same setting twice; names the line.
    """
    try:
        return read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Refused(f"{file}, line {line}: this is not UTF-8: save the file as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        raise Refused(f"{file}{', line ' + str(error.problem_mark.line + 1) if error.problem_mark else ''}: {of_syntax(error)}") from None
    except yaml.YAMLError as error:
        raise Refused(f"{file} is not valid YAML: {error}".replace("\n", " ")) from None


def of_syntax(error: yaml.MarkedYAMLError) -> str:
    """What is wrong with a line that is no YAML, and what to do."""
    if isinstance(error, Unusable):
        return error.problem
    problem = f"{error.problem}{f' ({error.context})' if error.context else ''}"
    if "'\\t'" in problem:
        return "there is a tab, which YAML does not take: indent with spaces."
    if "mapping values are not allowed" in problem:
        return "a second ':' on the line, or this line is indented further than the one before: put a text with ': ' in quotes."
    if "expected ',' or" in problem:
        return f"the bracket that opens on line {error.context_mark.line + 1} is not closed before this, or a comma is missing."
    return f"this is not valid YAML: {problem}. Look at its indentation, quotes and brackets."


@dataclass(frozen=True)
class Layer:
    """A file that settings of a recipe come from: the recipe's own, or params.yaml `below` some names."""

    file: Path
    root: yaml.Node | None
    below: tuple[str, ...] = ()

    def line(self, path: Steps) -> tuple[int, int | None]:
        """How far the file follows a path, and the line where it ends; no line where it has nothing of it."""
        node, depth, line = self.root, 0, None
        for place, step in enumerate((*self.below, *path)):
            found = stepped(node, step)
            if found is None and isinstance(node, yaml.MappingNode) and isinstance(step, int):
                continue  # a single line stands where a list may
            if found is None:
                break
            (line, node), depth = found, place + 1
        reached = depth - len(self.below)
        return (reached, line) if reached > 0 else (0, None)


def stepped(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line and the node that a name or number leads to; null where there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line + 1, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


@dataclass
class Places:
    """The files that a recipe's settings come from, those that win first, and what was found wrong in them."""

    layers: list[Layer]
    faults: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # sections that are misspelt in the file

    def at(self, path: Steps) -> str:
        """`recipes/mine.yaml, line 7`: the file that a setting comes from, and its line as far as it can be told."""
        if path and path[0] in self.renamed:
            path = (self.renamed[str(path[0])], *path[1:])
        reached = [(*layer.line(path), layer.file) for layer in self.layers]
        _, line, file = max(reached, key=lambda found: found[0])
        return f"{self if line is None else file}{f', line {line}' if line else ''}"

    def __str__(self) -> str:
        """The recipe's own file."""
        return str(next(layer.file for layer in self.layers if not layer.below))

    def wrong(self, path: Steps, sentence: str) -> None:
        """Note what is wrong with a setting."""
        self.faults.append(f"{self.at(path)}: {sentence}")

    def checked(self, place: str, given: Any, *path: str | int) -> dict[str, Any]:
        """A method's line with its defaults; what cannot be meant is noted, and its method is then empty."""
        try:
            return methods.checked(place, given, ".".join(str(step) for step in path if not isinstance(step, int)))
        except Refused as refusal:
            self.wrong((*path, *refusal.path), str(refusal))
            return {"method": "", "parameters": {}}

    def noting(self, refuse: Callable[[Any, str], None], recipe: Any) -> None:
        """Note what a rule about a whole recipe refuses, at the line that its sentence speaks of."""
        try:
            refuse(recipe, str(self))
        except Refused as refusal:
            sentence = str(refusal).removeprefix(f"{self}: ")
            lines = [(layer.file, line_saying(layer.root, sentence)) for layer in self.layers if not layer.below]
            file, line = next(((file, line) for file, line in lines if line), (self, None))
            self.faults.append(f"{file}{f', line {line}' if line else ''}: {sentence}")

    def refuse(self) -> None:
        """Raises Refused where anything was wrong, with a line for each."""
        if self.faults:
            raise Refused("\n".join(self.faults))


def line_saying(root: yaml.Node | None, sentence: str) -> int | None:
    """The line of the first word of a file that a sentence quotes, else of one that it has without quotes; null where it has none."""
    quoted = re.findall(r"'([^']+)'", sentence)  # what is wrong comes first, and a nearer name after it
    found = [(str(node.value), node.start_mark.line + 1) for node in words_of(root)]
    exact = (line for wrong in quoted for word, line in found if word == wrong)
    plain = [word.strip(".,:;()`'") for word in sentence.split()]
    return next(exact, next((line for said in plain for word, line in found if len(said) >= WORD and word == said), None))


def words_of(root: yaml.Node | None) -> list[yaml.ScalarNode]:
    """Every name and every value of a tree that is no mapping or list, in the order of the file."""
    if isinstance(root, yaml.ScalarNode):
        return [root]
    if root is None:
        return []
    inner = [node for pair in root.value for node in pair] if isinstance(root, yaml.MappingNode) else root.value
    return [found for node in inner for found in words_of(node)]
