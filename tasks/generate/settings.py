"""The settings of `generate`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from hone.config.sections.generate import WritingBudget
from hone.config.stage_settings import MethodLine, Reading, StageSettings


class ResolvedGenerator(BaseModel):
    """The generator of a recipe.

    Attributes:
        name: in `generators` of params.yaml.
        method: its method.
        parameters: those that determine its texts.
        identity: the checksum of a local model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    method: str
    parameters: dict[str, Any]
    identity: dict[str, Any] = {}


class ResolvedGeneration(BaseModel):
    """A recipe of generation with all defaults.

    Attributes:
        recipe: its name.
        documents: which documents.
        shortest: minimum number of words of a document.
        methods: what is made of them, in order.
        filters: what is removed, in order.
        generator: null if no method needs one.
        prompts: the fingerprint of each prompt file, by name.
        judges: the judges of the filters, resolved, by name.
        dev: the fraction of the documents whose queries become dev queries; 0: none.
        budget: limits of this stage.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    documents: MethodLine
    shortest: int
    methods: list[MethodLine]
    filters: list[MethodLine]
    generator: ResolvedGenerator | None = None
    prompts: dict[str, str] = {}
    judges: dict[str, dict[str, Any]] = {}
    dev: float | None
    budget: WritingBudget


class GenerateSettings(StageSettings):
    """What is generated for one collection.

    Attributes:
        generate: the recipe; `none`: nothing, and the tables are empty.
        language: of the collection.
        min_relevance: the lowest relevance grade of a positive.
        seed: of all draws.
        model: how the base model reads texts. Null: the recipe needs no vectors.
        files: the user's files that the recipe reads, with their hashes.
    """

    place = "generate/{collection}"

    collection: str
    generate: Literal["none"] | ResolvedGeneration
    language: str
    min_relevance: int
    seed: int
    model: Reading | None = None
    files: dict[str, str] = {}
