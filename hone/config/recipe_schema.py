"""A recipe as a whole: what it is, where it comes from, and its sections (hone/config/sections/)."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from hone.config.sections.common import Line, Section, Source
from hone.config.sections.rank import Rank
from hone.config.sections.relabel import Relabel
from hone.config.sections.sample import Sample
from hone.config.sections.train import Train


class Recipe(Section):
    """What one round does; a section that is missing means `none`: the stage passes data on.

    Attributes:
        about: one line of what it does.
        paper: where it is published, with its arXiv number or year; null: nowhere.
        fidelity: what it is to its paper: `faithful`, `adapted` (it does something otherwise) or `partial` (something is missing).
        differs: what it does otherwise and why, or what is missing.
        constants: where its constants come from, by their path, such as `sample.choose.top.n: paper`: `paper`, `authors' code`, `survey`,
            `Hone default` or `unverified`. A constant that is not named, and is not a default, is Hone's own.
    """

    about: str
    paper: str | None = None
    fidelity: Literal["faithful", "adapted", "partial"] | None = None
    differs: str | None = None
    constants: dict[str, Source] = {}
    retrieve: list[Line] = []
    rank: Rank | None = None
    score: list[Line] = []
    sample: Sample = Sample()
    relabel: Literal["none"] | Relabel = "none"
    train: Train = Train()

    @model_validator(mode="after")
    def says_how_it_differs(self) -> Recipe:
        if self.fidelity in ("adapted", "partial") and not self.differs:
            lacking = "what it does otherwise, and why" if self.fidelity == "adapted" else "what is missing"
            raise ValueError(f"`fidelity: {self.fidelity}` needs `differs`: {lacking}")
        return self
