"""The schema of a recipe: its description, its source, and its sections (hone/config/sections/)."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from hone.config.sections.common import Line, Section, Source
from hone.config.sections.rank import Rank
from hone.config.sections.relabel import Relabel
from hone.config.sections.sample import Sample
from hone.config.sections.train import Train


class Recipe(Section):
    """The definition of one round. A missing section means `none`: the stage passes its data on.

    Attributes:
        about: a one-line description.
        paper: the publication, with its arXiv number or year. Null: none.
        fidelity: how close it is to its paper: `faithful`, `adapted` (with differences) or
            `partial` (something is missing).
        differs: the differences with their reasons, or what is missing.
        constants: the source of each constant by its path, such as `sample.choose.top.n: paper`.
            Sources are `paper`, `authors' code`, `survey`, `Hone default` or `unverified`. A
            constant that is neither listed nor a default is Hone's own.
        retrieve: the sources of candidates.
        rank: how the in-loop cross-encoder is trained. Null: that of the starting round is kept.
        score: scorers of all candidates and positives, for filters and teachers.
        sample: how negatives are selected from the candidates.
        relabel: the cascade of judges that read the negatives. `none`: every mined negative is
            assumed to be non-relevant.
        train: how the model is trained.
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
            lacking = (
                "the differences and their reasons"
                if self.fidelity == "adapted"
                else "what is missing"
            )
            raise ValueError(f"`fidelity: {self.fidelity}` needs `differs`: {lacking}")
        return self
