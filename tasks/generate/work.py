"""Everything that is generated for one collection: documents are chosen, methods write, filters
remove.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hone.config import methods, params, stage_settings
from hone.config.generate_recipe import METHODS
from hone.config.sections.relabel import Budget as Limits
from hone.files import fingerprint, fingerprint_of_file
from hone.generation import generators
from hone.generation.prompt import load
from hone.generation.rows import Generated, join_generated
from hone.generation.write import WritingDesk
from hone.generation.writer import Writer
from hone.judging.context import Desk, run_name
from hone.judging.transfers import format_limits, format_price, judge_transfers
from hone.judging.versions import with_how
from hone.layout import collection_table
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger
from hone.llm.spending import Spending
from hone.transfer import Transfer, announce
from tasks.generate.choice import choose_documents
from tasks.generate.context import GenerationContext
from tasks.generate.filtering import filtered
from tasks.generate.held_out import without_held_out
from tasks.generate.settings import GenerateSettings, ResolvedGeneration


@dataclass(frozen=True)
class Work:
    """What was generated for a collection.

    Attributes:
        rows: after all filters.
        documents: number of chosen documents.
        written: number of queries before the filters.
        cost: calls, tokens and money of the texts that were used, whenever they were paid.
        over: the limit that is used up; null: none.
    """

    rows: Generated = field(default_factory=Generated)
    documents: int = 0
    written: int = 0
    cost: dict[str, float] = field(default_factory=dict)
    over: str | None = None


def generate_rows(settings: GenerateSettings) -> Work:
    """Generate the rows of a collection."""
    section = settings.generate
    ledger = Ledger() if section.generator or section.judges else None
    spending = None if ledger is None else spending_of(settings, ledger)
    budget = Budget(**section.budget.model_dump(), spending=spending)
    collection = open_collection(settings, ledger, budget)
    announce(transfers_of(settings), f"generate {settings.collection}")
    documents, short = choose_documents(section.documents, collection, section.shortest)
    collection.log(f"{len(documents):,} documents chosen, {len(short):,} too short")
    parts = [
        methods.find(METHODS, line["method"])(
            line["parameters"], documents=documents, collection=collection
        )
        for line in section.methods
    ]
    rows = join_generated([Generated(removed=short), *parts])
    left = filtered(without_held_out(rows, collection), section.filters, collection)
    writer = collection.model_writer
    return Work(
        left,
        len(documents),
        len(rows.queries),
        ledger.cost_of(writer.answers) if writer and ledger else {},
        budget.over,
    )


def open_collection(
    settings: GenerateSettings, ledger: Ledger | None, budget: Budget
) -> GenerationContext:
    """The collection with its models, generator and judges."""
    section, name = settings.generate, settings.collection
    given = params.read()
    run = run_name(f"generate {name}")
    writer, desk = None, None
    if section.generator is not None:
        line = generator_line(section, given.generators)
        desk_of_writer = WritingDesk(ledger, run, settings.seed, f"generate {name}", budget)
        writer = Writer(line, desk_of_writer)
    if section.judges:
        desk = Desk(ledger, run, settings.seed, budget=budget)
    return GenerationContext(
        name,
        settings.language,
        settings.seed,
        settings.min_relevance,
        settings.model,
        stage_settings.machine(),
        writer,
        section.judges,
        desk,
    )


def generator_line(section: ResolvedGeneration, given: dict[str, Any]) -> dict[str, Any]:
    """The generator's method and parameters, with addresses and prices of params.yaml."""
    generator = section.generator
    line = {"method": generator.method, "parameters": generator.parameters}
    own = given.get(generator.name)
    every = methods.checked(generators.PLACE, own, "params.yaml")["parameters"] if own else {}
    parameters = every | with_how(line, own, generators.PLACE)
    return {"method": generator.method, "parameters": parameters}


def spending_of(settings: GenerateSettings, ledger: Ledger) -> Spending:
    """The accounts of this collection, recipe and documents, which all processes share."""
    section = settings.generate
    line = None
    names = [one["fingerprint"] for one in section.judges.values()]
    if section.generator is not None:
        line = generator_line(section, params.read().generators)
        names += [generators.fingerprint_of(line, load(prompt)) for prompt in section.prompts]
    documents = fingerprint_of_file(collection_table(settings.collection, "documents"))
    questions = fingerprint("generate", documents, *sorted(names))
    return Spending(ledger, questions, 0, names)


def transfers_of(settings: GenerateSettings) -> list[Transfer]:
    """What the generator and the judges send to endpoints."""
    section, given = settings.generate, params.read()
    limits = format_limits(Limits(**section.budget.model_dump()))
    found = judge_transfers(
        section.judges.values(), given.judges, [settings.collection], limits, "generated"
    )
    if section.generator is None:
        return found
    line = generator_line(section, given.generators)
    parameters = line["parameters"]
    if not parameters.get("url"):
        return found
    trim = parameters.get("trim")
    cut = f", each cut at {trim:,} tokens" if trim else ""
    examples = "".join(f", {more}" for more in list_more_texts(section))
    return [
        Transfer(
            f"generator {section.generator.name}",
            parameters["url"],
            parameters["model"],
            parameters.get("key"),
            settings.collection,
            f"the chosen documents{cut}{examples}",
            f"{format_price(parameters.get('price'))}; {limits or 'no limit'}",
        ),
        *found,
    ]


def list_more_texts(section: ResolvedGeneration) -> list[str]:
    """The texts beside the chosen documents that a generator receives, in a few words each."""
    found = []
    if any(load(prompt).shows_examples for prompt in section.prompts):
        found.append("training queries as examples")
    for line in section.methods:
        if sends := methods.find(METHODS, line["method"]).beside("sends"):
            found += sends(line["parameters"])
    return list(dict.fromkeys(found))
