"""YAML with 1e-5 as a number, as YAML 1.2 and DVC have it; PyYAML takes it for a word unless it is written 1.0e-5."""

from __future__ import annotations

import re
from typing import Any

import yaml

EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$")


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, but for such numbers."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


def from_yaml(text: str) -> Any:
    """What a text in YAML says.

    Raises:
        yaml.YAMLError: it is none.
    """
    return yaml.load(text, Loader)
