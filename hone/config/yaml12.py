"""YAML as settings are written: 1e-5 is a number, no name stands twice, and no file is larger inside than it looks."""

from __future__ import annotations

import re
from typing import Any

import yaml

EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$")
# Far more than any file of settings has, with what its aliases repeat counted each time; far less than what stops a page.
MOST_VALUES = 100_000


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with 1e-5 as a number, as YAML 1.2 and DVC have it; PyYAML takes it for a word unless it is 1.0e-5."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


class Unusable(yaml.MarkedYAMLError):
    """YAML that can be read and cannot be meant; `problem` is a whole sentence."""


def from_yaml(text: str) -> Any:
    """The values of a text in YAML.

    Raises:
        yaml.YAMLError: it is not YAML, a mapping has a name twice, it is nested too deeply, or its aliases repeat too much.
    """
    return read(text)[0]


def read(text: str) -> tuple[Any, yaml.Node | None]:
    """The values of a text in YAML, and its tree of nodes, which knows lines; see `from_yaml`."""
    try:
        root = yaml.compose(text, Loader)
        if root is not None:
            _size_of(root, {}, ())
        return yaml.load(text, Loader), root
    except RecursionError:
        raise Unusable(problem="it is nested too deeply: settings are a few levels deep.") from None


def _size_of(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """How many values a node holds, those behind an alias counted wherever they are repeated."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in above:
        raise Unusable(problem="an alias stands inside what it repeats, which has no end.", problem_mark=node.start_mark)
    if id(node) not in sizes:
        lines: dict[str, int] = {}
        total = 1
        for item in node.value:
            key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
            if key is not None:
                line, name = key.start_mark.line + 1, str(key.value)
                if name in lines:
                    problem = f"'{name}' stands twice (also on line {lines[name]}): join the two, or delete one."
                    raise Unusable(problem=problem, problem_mark=key.start_mark)
                lines[name] = line
            total += _size_of(value, sizes, (*above, id(node)))
        if total > MOST_VALUES:
            raise Unusable(
                problem=f"aliases repeat more than {MOST_VALUES:,} values: write out what is meant.", problem_mark=node.start_mark
            )
        sizes[id(node)] = total
    return sizes[id(node)]
