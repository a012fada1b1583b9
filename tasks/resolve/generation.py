"""The settings of `generate` for one collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.config import code_fingerprint, generate_recipe, methods
from hone.config.generate_recipe import FILTERS, METHODS, lines_of
from hone.config.params import Collection, Params
from hone.config.sections.generate import GenerateRecipe, WritingBudget
from hone.config.stage_settings import NONE, Reading
from hone.data import user_tables
from hone.errors import Refused
from hone.files import fingerprint_of_file
from hone.generation import generators
from hone.generation.prompt import load
from hone.judging import fingerprint as judge_fingerprint
from hone.judging import settings as judges
from hone.judging.transfers import default_budget
from hone.judging.versions import without_how
from hone.layout import INPUTS
from tasks.generate.settings import GenerateSettings, ResolvedGeneration, ResolvedGenerator


def generate(given: Params, name: str, seed: int, model: Reading) -> GenerateSettings:
    """Settings of `generate` for one collection."""
    item = given.collections[name]
    chosen = item.generation
    if chosen is None:
        return settings_of(item, name, NONE, seed, ["tasks.generate.__main__"])
    where = f"params.yaml: collections.{name}.generate"
    recipe = generate_recipe.read(chosen, name)
    if name not in given.train_on:
        raise Refused(
            f"{where}: generated queries are for training, and {name} is not in `train_on`. Add it "
            "there, or delete the line."
        )
    lines = lines_of(recipe)
    section = resolve_recipe(given, chosen.recipe, recipe, lines, where)
    modules = ["tasks.generate.__main__"]
    modules += [methods.find(place, line["method"]).module for place, line in lines]
    if section.generator:
        modules.append(methods.find(generators.PLACE, section.generator.method).module)
    modules += [
        methods.find("relabel.judges", line["method"]).module for line in section.judges.values()
    ]
    needs_model = any(needs_encoder(place, line) for place, line in lines)
    return settings_of(
        item,
        name,
        section,
        seed,
        modules,
        model=model if needs_model else None,
        files=input_files(lines, where),
    )


def settings_of(
    item: Collection, name: str, section: Any, seed: int, modules: list[str], **more: Any
) -> GenerateSettings:
    """The settings with the code of their modules."""
    return GenerateSettings(
        collection=name,
        generate=section,
        language=item.language,
        min_relevance=item.min_relevance,
        seed=seed,
        **more,
        **code_fingerprint.fingerprints(modules),
    )


def resolve_recipe(
    given: Params,
    recipe_name: str,
    recipe: GenerateRecipe,
    lines: list[tuple[str, dict]],
    where: str,
) -> ResolvedGeneration:
    """A recipe with its generator, prompts and judges."""
    prompts = {}
    for line in recipe.methods:
        method = methods.find(METHODS, line["method"])
        uses = method.beside("PROMPTS", {})
        for parameter, value in line["parameters"].items():
            if not is_prompt(parameter) or value is None:
                continue
            prompt = load(value)
            if use := uses.get(parameter):
                named = f"{where}: recipe {recipe_name}: methods.{line['method']}.{parameter}"
                use.refuse_unfit(prompt, named)
            prompts[value] = prompt.fingerprint
    generator, called = None, []
    if prompts:
        name, line = generators.first_usable(
            given.generators, recipe.generator, f"{where}: recipe {recipe_name}"
        )
        called.append(line["parameters"])
        essential = generators.essential(line)
        generator = ResolvedGenerator(name=name, **essential)
    found_judges = {}
    for place, line in lines:
        if place == FILTERS and methods.find(place, line["method"]).beside("NEEDS_JUDGE"):
            judge = line["parameters"]["judge"]
            _, name, judge_line = judges.first_able(
                given, judge, f"{where}: recipe {recipe_name}: filters.{line['method']}"
            )
            refuse_comparing(judge_line, name, where)
            called.append(judge_line["parameters"])
            found_judges[judge] = {
                "name": name,
                **without_how(judge_line),
                "fingerprint": judge_fingerprint.fingerprint(judge_line),
            }
    return ResolvedGeneration(
        recipe=recipe_name,
        documents=recipe.documents,
        shortest=recipe.shortest,
        methods=recipe.methods,
        filters=recipe.filters,
        generator=generator,
        prompts=prompts,
        judges=found_judges,
        dev=recipe.dev,
        budget=budget_of(recipe, called),
    )


def budget_of(recipe: GenerateRecipe, called: list[dict[str, Any]]) -> WritingBudget:
    """The limits of a recipe: its own, none for null, or the default."""
    if recipe.budget is None:
        return WritingBudget()
    if isinstance(recipe.budget, WritingBudget):
        return recipe.budget
    limits = default_budget(called)
    return WritingBudget(money=limits.money, tokens=limits.tokens)


def list_prompts(lines: list[tuple[str, dict]]) -> list[str]:
    """The prompts that the methods of a recipe name. Empty: no model writes."""
    return [
        value
        for place, line in lines
        for parameter, value in line["parameters"].items()
        if place == METHODS and is_prompt(parameter) and value is not None
    ]


def is_prompt(parameter: str) -> bool:
    """Whether a parameter of a method names a prompt file."""
    return parameter == "prompt" or parameter.endswith("_prompt")


def refuse_comparing(line: dict[str, Any], name: str, where: str) -> None:
    """Raise Refused if a judge compares with another positive, which a generated query lacks."""
    from hone.judging.prompt import load as load_question

    prompt = line["parameters"].get("prompt")
    if prompt and load_question(prompt).shows_positives:
        raise Refused(
            f"{where}: the judge {name} compares with a known positive (prompt {prompt}), and a "
            "generated query has none. Define a judge with the prompt `yes-no-alone` or `graded`."
        )


def needs_encoder(place: str, line: dict[str, Any]) -> bool:
    """Whether a method reads vectors of the base model."""
    method = methods.find(place, line["method"])
    depends = method.beside("needs_encoder")
    return bool(depends(line["parameters"]) if depends else method.beside("NEEDS_ENCODER", False))


def input_files(lines: list[tuple[str, dict]], where: str) -> dict[str, str]:
    """The user's files that methods read, with their hashes."""
    found = {}
    for place, line in lines:
        file = line["parameters"].get("file")
        if file is None:
            continue
        path = Path(file)
        if not path.is_file() or not path.resolve().is_relative_to(INPUTS.resolve()):
            raise Refused(
                f"{where}: the recipe reads {file}, which is not a file below {INPUTS}/, the "
                "folder that DVC tracks. Correct the path."
            )
        if columns := methods.find(place, line["method"]).beside("FILE_COLUMNS"):
            user_tables.need(path, columns)
        found[file] = fingerprint_of_file(path)
    return found
