"""Shared parts of all sections."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Line = Any  # a method's name, or {name: {parameter: value}}
Source = Literal["paper", "authors' code", "survey", "Hone default", "unverified"]


class Section(BaseModel):
    """One section of a recipe. `renamed` holds the old names of its settings, which are refused
    with the new name.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    renamed: ClassVar[dict[str, str]] = {}
