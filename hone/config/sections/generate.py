"""A recipe of generation: a file in recipes/generate/."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hone.config.sections.common import Line, Section, Source


class WritingBudget(Section):
    """The maximum cost of writing and judging for one collection: hard limits. Null: no limit.

    Attributes:
        money: in the currency of the generator's `price`. [Hone default]
        tokens: prompt and completion tokens. [Hone default]
        minutes: duration of the stage. [Hone default]
    """

    money: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    minutes: Annotated[float, Field(ge=0)] | None = None


class GenerateRecipe(Section):
    """How queries are generated for the documents of a collection.

    Attributes:
        about: a one-line description.
        paper: the publication, with its arXiv number or year. Null: none.
        fidelity: how close it is to its paper: `faithful`, `adapted` (with differences) or
            `partial` (something is missing).
        differs: the differences with their reasons, or what is missing.
        constants: the source of each constant by its path, such as `methods.ict.keep: paper`.
        documents: which documents: `all`, or a number that is drawn (`random`), `spread` over
            clusters, or weighted by `clicks`. [Hone default]
        shortest: minimum number of words of a document. [Hone default]
        methods: what is made of each document, in order.
        filters: what is removed, in order. Queries that resemble a dev or test query are always
            removed. [Hone default]
        generator: the language model that writes: a name in `generators` of params.yaml. In a list,
            the first one that works here. Methods without a model do not use it. [Hone default]
        dev: the fraction of the documents whose queries become dev queries, with which rounds are
            chosen. Null: 0.1 if the collection has no labelled dev queries, else 0. [Hone default]
        budget: the maximum cost. `default`: 5.00 in the currency of `price`, or 2,000,000 tokens
            of an endpoint without one. Null: no limit. [Hone default]
    """

    about: str
    paper: str | None = None
    fidelity: Literal["faithful", "adapted", "partial"] | None = None
    differs: str | None = None
    constants: dict[str, Source] = {}
    documents: Line = "all"
    shortest: Annotated[int, Field(ge=0)] = 5
    methods: Annotated[list[Line], Field(min_length=1)]
    filters: list[Line] = ["length", "language", "near-duplicate"]
    generator: str | list[str] = ["endpoint", "local"]
    dev: Annotated[float, Field(ge=0, le=0.5)] | None = None
    budget: WritingBudget | Literal["default"] | None = "default"

    @model_validator(mode="after")
    def says_how_it_differs(self) -> GenerateRecipe:
        if self.fidelity in ("adapted", "partial") and not self.differs:
            raise ValueError(f"`fidelity: {self.fidelity}` needs `differs`: the differences")
        return self
