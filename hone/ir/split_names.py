"""The splits of an evaluation, named for readers: generated dev queries are never called dev
queries.

It needs no tables: nothing is imported that takes long to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GENERATED = "generated_queries"  # in the measures of a split: its queries are generated

ONLY_CHOOSE = "Generated dev queries choose a round. They do not measure it."


def is_generated(metrics: Mapping[str, Any]) -> bool:
    """Whether the dev queries of an evaluation are generated.

    Args:
        metrics: of a model on a collection, as in reports/metrics.
    """
    return bool((metrics.get("dev") or {}).get(GENERATED))


def name_dev_queries(generated: Mapping[str, bool]) -> str:
    """The dev queries of several collections for readers: `dev queries`, `generated dev queries`,
    or which of them are generated.

    Args:
        generated: by collection with dev queries, whether these are generated.
    """
    made = [name for name, is_made in generated.items() if is_made]
    if not made:
        return "dev queries"
    if len(made) == len(generated):
        return "generated dev queries"
    return f"dev queries (generated on {', '.join(made)})"


def name_split(split: str, generated_dev: bool) -> str:
    """A split for readers: `test`, `dev`, or `generated dev`.

    Args:
        split: test or dev.
        generated_dev: whether the dev queries are generated.
    """
    return f"generated {split}" if split == "dev" and generated_dev else split
