"""`hone generate preview`: what the stage `generate` would send and cost, and what it would write
for the first documents.
"""

from __future__ import annotations

import polars as pl

from commands.console import line, print_json
from commands.generate.estimate import estimate_stage, open_counting
from commands.generate.examples import Example, split_filters, write_examples
from commands.generate.plain import as_plain
from commands.generate.sending import JUDGE, confirm_sending
from commands.generate.text import describe_estimate, describe_examples, describe_work
from hone.config import params
from hone.config.generate_recipe import DOCUMENTS, FILTERS, METHODS
from hone.config.params import Generation, Params
from hone.errors import Refused, listed, nearest
from hone.layout import BASE_MODEL, collection_table
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger
from hone.transfer import announce, record_announced
from tasks.generate.choice import choose_ids
from tasks.generate.context import GenerationContext
from tasks.generate.settings import GenerateSettings, ResolvedGeneration
from tasks.generate.work import open_collection, spending_of, transfers_of
from tasks.resolve.generation import generate as resolve_generation
from tasks.resolve.generation import needs_encoder
from tasks.resolve.stages import reading, seed_of


def preview(
    name: str,
    recipe: str | None = None,
    number: int = 10,
    every_filter: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    as_json: bool = False,
) -> None:
    """Print the work of the stage, and examples.

    Args:
        name: a collection of params.yaml that has been read.
        recipe: of generation. Null: that of params.yaml.
        number: of documents.
        every_filter: apply filters that ask a judge or encode the collection.
        dry_run: send nothing, and print no examples.
        yes: send texts to an endpoint without asking.
        as_json: print JSON.

    Raises:
        Refused: the collection or the recipe does not exist, a model is missing, or the generator
            fails.
    """
    if number < 1:
        raise Refused(f"--number is {number}. Use 1 or more documents.")
    given = with_recipe(params.read(), name, recipe)
    settings = resolve_generation(given, name, seed_of(given, name), reading(given))
    if not collection_table(name, "documents").exists():
        raise Refused(f"Collection '{name}' has not been read yet. Run `dvc repro collect@{name}`.")
    filters, omitted = split_filters(settings.generate, every_filter)
    refuse_no_model(settings.generate, omitted)
    found, sent = estimate_stage(given, settings, Ledger(), encode=True), transfers_of(settings)
    if not as_json:
        for text in describe_estimate(found, sent):
            line(text)
    examples: list[Example] = []
    if not dry_run:
        used = [one for one in sent if every_filter or not one.sender.startswith(JUDGE)]
        documents = first_documents(settings, number)
        if not yes:
            confirm_sending(given, settings, used, documents, as_json)
        if as_json:
            announce(used, f"generate {name}")
        record_announced(used)
        examples = write_examples(settings.generate, open_paying(settings), documents, filters)
    after = estimate_stage(given, settings, Ledger(), encode=True) if examples else found
    if as_json:
        print_json(as_plain(after, sent, examples, omitted))
        return
    for text in describe_examples(examples, omitted):
        line(text)
    if after.left != found.left:
        line(f"Left after these calls: {describe_work(after)}")


def first_documents(settings: GenerateSettings, number: int) -> pl.DataFrame:
    """doc_id, text of the first documents that the recipe chooses."""
    section = settings.generate
    collection = open_counting(settings, Ledger())
    ids, _ = choose_ids(section.documents, collection, section.shortest)
    if ids.is_empty():
        raise Refused(
            f"recipe {section.recipe} chooses no document of {settings.collection}: none has "
            f"{section.shortest} words or more. Lower `shortest`, or change `documents`."
        )
    return collection.texts(ids.head(number))


def open_paying(settings: GenerateSettings) -> GenerationContext:
    """The collection with its generator and judges, on the account of the stage."""
    ledger = Ledger()
    limits = settings.generate.budget.model_dump()
    budget = Budget(**limits, spending=spending_of(settings, ledger))
    return open_collection(settings, ledger, budget)


def with_recipe(given: Params, name: str, recipe: str | None) -> Params:
    """params.yaml with a recipe of generation for a collection. The changes of params.yaml count if
    it names the same recipe.

    Raises:
        Refused: the collection does not exist, or neither names a recipe.
    """
    if name not in given.collections:
        raise Refused(
            f"Collection '{name}' is not in params.yaml: {nearest(name, given.collections)}"
        )
    item = given.collections[name]
    chosen = item.generation
    if recipe is not None and (chosen is None or chosen.recipe != recipe):
        chosen = Generation(recipe=recipe)
    if chosen is None:
        raise Refused(
            f"params.yaml has no `generate` for the collection {name}. Add it (docs/how-to/"
            "generate.md), or name a recipe: `--recipe questions`."
        )
    collections = given.collections | {name: item.model_copy(update={"generate": chosen})}
    return given.model_copy(update={"collections": collections})


def refuse_no_model(section: ResolvedGeneration, omitted: list[str]) -> None:
    """Raise Refused if the preview needs the base model, and it does not exist yet.

    Args:
        section: the recipe.
        omitted: names of filters that are not applied.
    """
    lines = [(DOCUMENTS, section.documents), *((METHODS, line) for line in section.methods)]
    lines += [(FILTERS, line) for line in section.filters if line["method"] not in omitted]
    named = [line["method"] for place, line in lines if needs_encoder(place, line)]
    if named and not (BASE_MODEL / "modules.json").exists():
        raise Refused(
            f"recipe {section.recipe}: {listed(named)} reads vectors of the base model, and "
            f"{BASE_MODEL} does not exist yet. Run `dvc repro base`."
        )
