"""`hone init`: read a data folder, report what it has, and write a params.yaml that fits."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import polars as pl

from commands.console import line, shortened, table
from commands.init import data_folder, division, learning_rate, lengths, params_file
from commands.init.collection import Chosen, Collection, checks, choose, labelled, read
from commands.init.generation import REAL, RECIPE, Generation, generation_for, no_division
from commands.init.inventory import Entry, inventory
from commands.init.params_text import (
    LOCAL_MODEL,
    Findings,
    format_counts,
    format_grades,
    format_setting,
    text_of,
    why_length,
)
from hone.config import params
from hone.config.params import Model, Split
from hone.data.file_faults import Faults
from hone.encoders.model_folder import ModelFolder, folder_here
from hone.encoders.pinned_models import split_revision
from hone.errors import Refused, listed
from hone.llm import gguf
from hone.present.number_format import count, format_detectable
from hone.stage import say
from hone.stats.expected_effects import detectable_effects
from tasks.collect.refusals import examined
from tasks.resolve.stages import everything

NOTE = 120  # characters of a problem in the table; the error has all of it
FEW = 60  # expected test queries below which the report cannot show the usual gain [Hone default]


def init(given: Path | None, model: str | None = None, force: bool = False) -> None:
    """Read a data folder and write params.yaml.

    Args:
        given: the folder or file. Null: the only data folder below inputs/.
        model: the base model: a package, a folder below inputs/, or a Hub id on this machine
            (NAME@REVISION). Null: the default model.
        force: replace a params.yaml with settings of the user.

    Raises:
        Refused: the data is not usable yet, or params.yaml has settings of the user. Nothing is
            written.
    """
    path = data_folder.find(given)
    entries = inventory(path)
    show_entries(path, entries)
    chosen = choose(path, entries)
    name = data_folder.name_of(path)
    base = split_revision(model or Model().name, None)
    folder = model_folder(*base)
    collection = read(chosen, name, base)
    for note in collection.source.notes:
        line(f"{note[0].upper()}{note[1:]}.")
    parts = (
        no_division()
        if chosen.generated
        else division.divide(labelled(collection.source), collection.given_splits)
    )
    refuse_unusable(name, collection, parts, chosen.generated)
    found = findings(name, chosen, collection, parts, base, folder)
    text = text_of(found)
    refuse_invalid(text)
    backup = params_file.backup_of(text, force)
    params_file.replace(text, backup)
    show_decisions(found, path)
    show_end(found, backup)


def model_folder(name: str, revision: str | None) -> ModelFolder:
    """The base model on this machine.

    Raises:
        Refused: it is not here, or its folder is unsafe.
    """
    folder = folder_here(name, revision)
    if folder is None:
        raise Refused(
            f"the model '{name}' is not on this machine, so its length and size are unknown. "
            "Download it once, or copy its folder below inputs/."
        )
    model = ModelFolder(folder)
    model.refuse_unsafe()
    return model


def refuse_unusable(
    name: str, collection: Collection, parts: division.Division, generated: bool
) -> None:
    """Raise Refused if `collect` would refuse the collection with the chosen splits."""
    split = Split() if parts.split is None else parts.split
    wanted = checks(collection.settings, split, train=True, generated=generated)
    examined(name, collection.source, wanted, Faults())


def findings(
    name: str,
    chosen: Chosen,
    collection: Collection,
    parts: division.Division,
    base: tuple[str, str | None],
    model: ModelFolder,
) -> Findings:
    """Everything that params.yaml depends on."""
    source = collection.source
    grades = dict(source.qrels["relevance"].value_counts().iter_rows())
    positives = source.qrels.filter(pl.col("relevance") >= 1).group_by("query_id").len()
    parameters = learning_rate.parameters_of(model.path)
    say(f"init: counting tokens of at most {lengths.SAMPLE:,} documents")
    return Findings(
        name=name,
        source=chosen.source,
        path=chosen.path.as_posix(),
        settings=collection.settings,
        division=parts,
        grades=grades,
        several=int((positives["len"] > 1).sum()),
        model=base,
        length=lengths.choose(source.documents, model),
        rate=learning_rate.rate_for(parameters),
        parameters=parameters,
        generation=generation_for(source) if chosen.generated else None,
    )


def refuse_invalid(text: str) -> None:
    """Raise Refused if `dvc repro` would refuse the new params.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / params.FILE.name
        file.write_text(text, encoding="utf-8")
        everything(params.read(file))


def show_entries(path: Path, entries: list[Entry]) -> None:
    """Print what the folder has."""
    line(f"{path}:", "bold")
    rows = [
        (
            entry.name,
            entry.kind,
            entry.rows,
            ", ".join(entry.used),
            note_of(entry),
        )
        for entry in entries
    ]
    table(("file", "is", "rows", "columns", "note"), rows)


def note_of(entry: Entry) -> str:
    """What Hone does not use of a file."""
    if entry.problem:
        return f"not usable yet: {shortened(entry.problem, NOTE)}"
    if not entry.others:
        return ""
    what = "metadata" if entry.kind == "documents" else "not read"
    return f"{what}: {listed(entry.others)}"


def show_decisions(found: Findings, path: Path) -> None:
    """Print the chosen settings."""
    line()
    if found.generation is None:
        show_division(found)
    else:
        show_generation(found, found.generation)
    line(f"Maximum length: {found.length.tokens} tokens. {why_length(found)}.")
    for setting, (value, reason) in found.settings.items():
        line(f"Set {setting}: {format_setting(value)}, because {reason}.")
    if data_folder.is_outside(path):
        line(
            f"Warning: {path} is outside this checkout, so other machines do not have it. Copy it "
            "below inputs/ to keep it with the project."
        )


def show_generation(found: Findings, generation: Generation) -> None:
    """Print for how many documents queries are generated, by which model, and what is missing."""
    of_all = f" of {generation.documents:,}" if generation.count < generation.documents else ""
    line(
        f"Nothing is labelled, so queries are generated for {generation.count:,}{of_all} documents "
        f"(recipe {RECIPE}). Generated dev queries choose between rounds, and nothing measures the "
        f"result until {REAL} real test queries are labelled."
    )
    if generation.queries:
        line(
            f"The files have {count(generation.queries, 'query', 'queries')} without labels. No "
            "generated query resembles those of dev and test. Rounds train on the others only with "
            "`train: {queries: all}`. Label some of them first."
        )
    reason = gguf.missing(LOCAL_MODEL)
    line(
        f"The generator is {LOCAL_MODEL}, a model for code on this machine. For prose, name "
        "another model or an endpoint in `generators`."
        + (f" It cannot be used yet: {reason}." if reason else "")
    )


def show_division(found: Findings) -> None:
    """Print the splits, and what they can show."""
    counts = found.division.counts
    line(f"Splits: {format_counts(found.division)} queries with a positive.")
    base, rounds = map(format_detectable, detectable_effects(counts["test"]))
    line(
        f"Minimum detectable effect on test, in nDCG@10: about {base} against r0, {rounds} "
        "between two rounds (80 % power)."
    )
    if counts["test"] < FEW:
        line(
            f"Warning: {counts['test']:,} test queries cannot show a usual gain. Label more "
            f"queries: with {division.MANY} of them, {division.TEST_MINIMUM} are for test."
        )
    if found.division.split is not None and found.division.split.divide == "test":
        line(
            "Warning: the test queries of the files are divided, so results are not comparable "
            "with published ones."
        )
    if len([grade for grade in found.grades if grade > 0]) > 1:
        line(
            f"The labels have several grades: {format_grades(found.grades)}. Raise `min_relevance` "
            "if the lower ones do not answer a query."
        )


def show_end(found: Findings, backup: Path | None) -> None:
    """Print what was written, and the next commands."""
    line()
    line(f"Wrote {params.FILE}." + (f" The previous file is {backup}." if backup else ""))
    line("Next:")
    table(("command", "what it does"), next_commands(found))


def next_commands(found: Findings) -> list[tuple[str, str]]:
    """The next commands, each with what it does."""
    run = ("hone run", "run the rounds and print the verdict")
    if found.generation is None:
        return [
            (
                f"hone audit {shlex.quote(found.path)}",
                "find duplicates, leakage and false negatives; no training",
            ),
            ("hone plan", "show the stages that would run, and their time"),
            run,
        ]
    return [
        ("hone plan --collect", "read the documents, and show the stages and the calls"),
        (f"hone generate preview {found.name}", "write queries for ten documents, to judge them"),
        run,
    ]
