"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Collection = Annotated[str, typer.Option("--collection", "-c", help="A collection of params.yaml.")]
OptionalCollection = Annotated[
    str | None,
    typer.Option("--collection", "-c", help="A collection of params.yaml. [all, or the first]"),
]
Probe = Annotated[
    bool, typer.Option(help="Measure this machine for half a minute to estimate the time.")
]
