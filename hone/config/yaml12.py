"""YAML for settings: 1e-5 is a number, duplicate names are errors, and alias expansion is
limited.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$")
# Far more values than in any settings file, with repeated aliases counted each time. It prevents
# memory exhaustion.
MOST_VALUES = 100_000


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with 1e-5 as a number, as in YAML 1.2 and DVC. PyYAML reads it as a
    text unless it is 1.0e-5.
    """


Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


class Unusable(yaml.MarkedYAMLError):
    """Valid YAML with an invalid structure. `problem` is a whole sentence."""


def from_yaml(text: str) -> Any:
    """The values of a YAML text.

    Raises:
        yaml.YAMLError: it is not YAML, a mapping has a duplicate name, nesting is too deep, or
            aliases repeat too much.
    """
    return read(text)[0]


def read(text: str) -> tuple[Any, yaml.Node | None]:
    """The values of a YAML text, and its tree of nodes, which has line numbers (see
    `from_yaml`).
    """
    try:
        root = yaml.compose(text, Loader)
        if root is not None:
            _size_of(root, {}, ())
        return yaml.load(text, Loader), root
    except RecursionError:
        raise Unusable(
            problem="the nesting is too deep: settings have only a few levels. Simplify it."
        ) from None


def _size_of(node: yaml.Node, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """The number of values in a node, with the values behind an alias counted each time."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in above:
        raise Unusable(problem="an alias contains itself. Remove it.", problem_mark=node.start_mark)
    if id(node) not in sizes:
        lines: dict[str, int] = {}
        total = 1
        for item in node.value:
            key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
            if key is not None:
                line, name = key.start_mark.line + 1, str(key.value)
                if name in lines:
                    problem = (
                        f"'{name}' is defined twice (also on line {lines[name]}). Merge "
                        "both, or delete one."
                    )
                    raise Unusable(problem=problem, problem_mark=key.start_mark)
                lines[name] = line
            total += _size_of(value, sizes, (*above, id(node)))
        if total > MOST_VALUES:
            raise Unusable(
                problem=f"aliases expand to more than {MOST_VALUES:,} values. Write the values "
                "out.",
                problem_mark=node.start_mark,
            )
        sizes[id(node)] = total
    return sizes[id(node)]
