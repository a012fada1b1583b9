"""`hone doctor`: check this machine and this checkout. Each line is ok, a note, or a problem
with its fix.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from commands.console import line, size
from hone.errors import Refused, listed
from hone.layout import collection_table

if TYPE_CHECKING:
    from hone.data.source import Source

OK, NOTE, FAULT = "ok   ", "note ", "fault"
SHOWN = 3  # unread files of a collection
REQUIREMENTS = Path("requirements.txt")
RAISE = ". Split them into chunks (`parent_id`), or raise `model.max_length` (slower)"
MORE_REQUIREMENTS = (Path("requirements-build.txt"), Path("requirements-torch.txt"))


@dataclass(frozen=True)
class Line:
    """One finding. A fault prevents the loop from running. A note does not."""

    kind: str
    text: str


def doctor() -> bool:
    """Print every finding. Returns True if there is no fault."""
    good = True
    for examine in EXAMINATIONS:
        try:
            for found in examine():
                line(f"{found.kind} {found.text}")
                good = good and found.kind != FAULT
        except Refused as refusal:
            line(f"{FAULT} {refusal}")
            good = False
    line(
        "ready: run `hone run`" if good else "fix the problems above, then run `hone doctor` again"
    )
    return good


def python() -> Iterator[Line]:
    yield Line(OK, f"Python {platform.python_version()}")


def packages() -> Iterator[Line]:
    """Compare the installed packages with the pinned versions."""
    if not REQUIREMENTS.exists():
        raise Refused(f"{REQUIREMENTS} is missing. Run `hone doctor` in a checkout of Hone.")
    wrong, count = [], 0
    text = "".join(
        file.read_text(encoding="utf-8")
        for file in (REQUIREMENTS, *MORE_REQUIREMENTS)
        if file.exists()
    )
    for name, wanted in pinned(text):
        count += 1
        try:
            have = version(name).partition("+")[0]
        except PackageNotFoundError:
            have = "not installed"
        if have != wanted.partition("+")[0]:
            wrong.append(f"{name} is {have} (pinned: {wanted})")
    if wrong:
        yield Line(
            FAULT,
            f"packages: {'; '.join(wrong[:8])}{' ...' if len(wrong) > 8 else ''}. `make setup` "
            "installs the pinned versions",
        )
    else:
        yield Line(OK, f"packages: all {count} have the version pinned in {REQUIREMENTS}")


def pinned(text: str) -> Iterator[tuple[str, str]]:
    """Name and version of each pin that applies to this machine."""
    from packaging.requirements import Requirement

    for entry in text.splitlines():
        entry = (
            entry.partition(" #")[0].strip().removesuffix("\\").rstrip()
        )  # hashes are on separate lines
        if entry and not entry.startswith(("#", "-")):
            requirement = Requirement(entry)
            if requirement.marker is None or requirement.marker.evaluate():
                for one in requirement.specifier:
                    if one.operator == "==":
                        yield requirement.name, one.version


def own_code() -> Iterator[Line]:
    """Warn if git ignores the user's own methods or prompts."""
    from tasks.ignored_code import advice

    if found := advice():
        yield Line(NOTE, found)


def processor() -> Iterator[Line]:
    from hone.encoders.precision import device_of, precision_of

    device = device_of("auto")
    precision = precision_of("auto", device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Line(
        OK, f"device {device}, {cores} cores, precision `auto` is {precision} on this machine"
    )
    if device == "cpu" and precision == "fp32":
        yield Line(
            NOTE,
            "the CPU has no bf16 in hardware: encoding and training take two to three times as "
            "long",
        )


def judge() -> Iterator[Line]:
    """Check that the local judge models of params.yaml are available."""
    from hone.config import methods, params
    from hone.llm import gguf

    for name, given in params.read().judges.items():
        method, parameters = methods.line(given, f"params.yaml: judges.{name}")
        if method == "local":
            wanted = parameters.get("model", "qwen2.5-coder-1.5b")
            if reason := gguf.missing(wanted):
                known = gguf.KNOWN.get(wanted)
                room = f". The download needs {size(2 * known.size)} of disk" if known else ""
                yield Line(NOTE, f"judge {name}: {reason}{room}")
            else:
                yield Line(OK, f"judge {name}: its model is available")


def generator() -> Iterator[Line]:
    """Check the generator of each collection with `generate`. An unusable one is a fault if its
    queries do not exist yet.
    """
    from commands.plan.generated import is_generated
    from hone.config import generate_recipe, params
    from hone.generation import generators
    from tasks.resolve.generation import list_prompts

    given = params.read()
    for name, item in given.collections.items():
        if item.generation is None:
            continue
        recipe = generate_recipe.read(item.generation, name)
        what = f"collection {name}: recipe {item.generation.recipe}"
        if not list_prompts(generate_recipe.lines_of(recipe)):
            yield Line(OK, f"{what} needs no generator")
            continue
        used, chosen = generators.first_usable(given.generators, recipe.generator, what)
        if reason := generators.why_unusable(chosen):
            kind = NOTE if is_generated(name) else FAULT
            yield Line(kind, f"{what}: the generator {used} cannot be used: {reason}")
        else:
            model = generators.model_name(chosen)
            yield Line(OK, f"{what}: the generator {used} ({model}) can be used")


def memory() -> Iterator[Line]:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    yield Line(
        OK if total >= 4 * 1024**3 else NOTE,
        f"memory {size(total)}"
        + ("" if total >= 4 * 1024**3 else ": at least 4 GB are recommended"),
    )


def disk() -> Iterator[Line]:
    """Check the free space, and show the folders of Hone with their sizes."""
    from commands.doctor import disk_use
    from hone.files import home

    try:
        folder = home()
        probe = folder / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        yield Line(
            FAULT, f"HONE_HOME is not writable ({error}). Set it to a folder that you can write to"
        )
        return
    yield Line(OK, disk_use.environment_text())
    yield Line(OK, disk_use.home_text(folder))
    yield Line(OK, disk_use.checkout_text())
    need = disk_use.expected()
    yield Line(OK, need.describe())
    for names, free, wanted in disk_use.balances(folder, need):
        enough = free >= wanted
        yield Line(
            OK if enough else FAULT,
            f"{names}: {size(free)} free"
            + ("" if enough else f", but a complete run needs about {size(wanted)} more"),
        )


def model() -> Iterator[Line]:
    from hone.config import params
    from hone.encoders.model_folder import PACKAGED, ModelFolder, folder_of, packaged
    from hone.files import size_of

    given = params.read().model
    if package := packaged(given.name, given.revision):
        weight = size(size_of(folder_of(package)))
        copy = "" if package == given.name else f" as the package {package}; no network is needed"
        yield Line(
            OK,
            f"model {given.name}: installed{copy} ({weight}), with the published weights (SHA-256 "
            f"{PACKAGED[package][2][:12]}...)",
        )
    elif Path(given.name).is_dir():
        folder = ModelFolder(Path(given.name))
        folder.refuse_unsafe()
        weight = size(size_of(folder.path))
        yield Line(OK, f"model {given.name}: a folder with safetensors and without code ({weight})")
        if folder.unused_prompts and not any(given.prompts.model_dump().values()):
            yield Line(
                NOTE,
                f"model {given.name}: its configuration has prompts that Hone does not use "
                f"({listed(folder.unused_prompts)}). "
                "sentence-transformers applies `query` and `document` only. Set `model.prompts` "
                "if the model was trained with them",
            )
    else:
        yield Line(NOTE, f"model {given.name}: from the Hugging Face Hub; `dvc repro` downloads it")


def named_models() -> Iterator[Line]:
    """Whether the models that recipes and judges name are on this machine."""
    from hone.config import params
    from tasks.resolve.recipe_models import PROMPT, RecipeModels

    given = params.read()
    rows = {
        row
        for round in given.rounds
        for row in RecipeModels.of(given, round).named()
        if row.route != PROMPT
    }
    for row in sorted({row.name: row for row in rows}.values(), key=lambda row: row.name):
        roles = ", ".join(sorted({one.role for one in rows if one.name == row.name}))
        if row.here:
            yield Line(OK, f"model {row.name} ({roles}): on this machine")
        else:
            yield Line(NOTE, f"model {row.name} ({roles}): from the Hub; `dvc repro` downloads it")


def lengths() -> Iterator[Line]:
    """Check whether the model truncates documents of the collected collections."""
    from hone.config import params
    from hone.data.tables import Documents
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_here
    from hone.encoders.text_lengths import cut_documents

    given = params.read()
    folder = folder_here(given.model.name, given.model.revision)
    if folder is None or not any(folder.rglob("tokenizer.json")):
        return
    for name in dict.fromkeys([*given.train_on, *given.evaluate_on]):
        file = collection_table(name, "documents")
        if file.exists():
            found = cut_documents(
                Documents(file), ModelFolder(folder), Reading.of(given.model.model_dump())
            )
            yield Line(
                NOTE if found.cut else OK,
                f"collection {name}: {found.describe()}{RAISE if found.cut else ''}",
            )


def rates() -> Iterator[Line]:
    """Note learning rates that are high for the size of the model."""
    from commands.plan.rates import rate_lines
    from hone.config import params
    from tasks.resolve.stages import everything

    given = params.read()
    for sentence in rate_lines(given, everything(given)):
        yield Line(NOTE, sentence)


def outgoing() -> Iterator[Line]:
    """What leaves this machine: texts for endpoints, and results for remote databases."""
    from commands.outgoing import remote_results, transfers
    from hone.config import params
    from tasks.resolve.stages import everything

    given = params.read()
    found = transfers(given, everything(given))
    for one in found:
        yield Line(OK if one.is_local else NOTE, one.describe())
    remote = remote_results()
    for sentence in remote:
        yield Line(NOTE, sentence)
    if not remote and all(one.is_local for one in found):
        yield Line(OK, "no texts leave this machine: params.yaml uses no endpoint elsewhere")


def settings() -> Iterator[Line]:
    from hone.config import generate_recipe, params, recipe
    from tasks.resolve.stages import everything

    given = params.read()
    for name in recipe.names():
        recipe.read(name)
    for name in generate_recipe.names():
        generate_recipe.check(generate_recipe.FOLDER / f"{name}.yaml")
    everything(given)
    yield Line(
        OK,
        f"params.yaml and {len(recipe.names())} recipes: {len(given.rounds)} rounds on "
        f"{', '.join(given.train_on)}",
    )


def data() -> Iterator[Line]:
    """Check the collections in the user's own files, and report all problems of each at once."""
    from hone.config import methods, params
    from hone.encoders.model_folder import folder_here
    from tasks.collect.collection import prepared
    from tasks.resolve.stages import collect

    given = params.read()
    for name, item in given.collections.items():
        source, _, what = item.source.partition(":")
        if not methods.find("collect", source).beside("READS_FILES", False) or (
            what and not Path(what).exists()
        ):
            continue  # generated or downloaded by the stage `collect`
        try:
            settings = collect(given, name)
            if (
                settings.model
                and folder_here(settings.model["name"], settings.model["revision"]) is None
            ):
                text = "its chunks need the tokenizer of the model, which `dvc repro` downloads"
                yield Line(NOTE, f"collection {name}: {text}")
                continue
            examined = prepared(name, settings)
        except Refused as refusal:
            yield Line(FAULT, str(refusal))
        else:
            found = examined.source
            counts = (
                f"{len(found.documents):,} documents, {len(found.queries):,} queries, "
                f"{len(found.qrels):,} labels"
            )
            yield Line(OK, f"collection {name}: {counts}, no errors")
            if unread := examined.counts.get("unread_files"):
                yield Line(NOTE, f"collection {name}: {unread_text(found, unread)}")


def unread_text(source: Source, count: int) -> str:
    """The files that a source did not read, as a sentence without its subject."""
    rows = source.removed.head(SHOWN).select("doc_id", "detail").rows()
    more = f"; and {count - SHOWN:,} more" if count > SHOWN else ""
    shown = "; ".join(f"{listed([name])}: {detail}" for name, detail in rows)
    return f"{count:,} files are not read ({shown}{more})"


def tools() -> Iterator[Line]:
    for name in ("git", "dvc"):
        found = shutil.which(name)
        if found is None:
            yield Line(
                FAULT,
                f"{name} is not in PATH. "
                + (
                    "Install git" if name == "git" else "Run `. .venv/bin/activate` or `make setup`"
                ),
            )
        else:
            yield Line(OK, f"{name} in PATH")
    inside = (
        subprocess.run(
            ["git", "rev-parse", "--is-inside-work-tree"], check=False, capture_output=True
        ).returncode
        == 0
    )
    if not inside:
        yield Line(FAULT, "this folder is not a git repository, which DVC requires. Run `git init`")
    for name in ("prefect", "mlflow"):
        yield Line(OK, f"{name} {version(name)}")


def locks() -> Iterator[Line]:
    """Check for running processes and for files that a killed process damaged."""
    from filelock import FileLock, Timeout

    from hone.files import home

    for what, path in (
        ("torch", home() / "torch.lock"),
        ("this checkout's flow", Path(".dvc/tmp/flow.lock")),
    ):
        if not path.exists():
            continue
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            yield Line(
                NOTE,
                f"{what} is in use by another process. Other stages wait for it or stop with a "
                "message",
            )
            continue
    from hone.pipeline.repair import broken

    damaged = [str(file) for file in broken()]
    for file in damaged:
        yield Line(
            FAULT,
            f"{file} is incomplete because a process was killed. Run `python -m "
            "hone.pipeline.repair`",
        )
    if not damaged:
        yield Line(OK, "DVC's own files are complete")


def ledger() -> Iterator[Line]:
    """Check that the judgment log is on a suitable file system."""
    from hone.files import home
    from hone.llm.ledger.tables import plain, read
    from hone.mounts import shared_file_system

    url = read(given) if (given := os.environ.get("HONE_LEDGER")) else None
    if url is not None and url.get_backend_name() == "postgresql":
        yield Line(OK, f"judgments in {plain(url)}")
        return
    file = Path(url.database) if url is not None else home() / "judgments.db"
    if kind := shared_file_system(file.parent):
        yield Line(
            NOTE,
            f"judgments in {file}, on a network file system ({kind}). SQLite can lose or damage "
            "data there if two machines use it. "
            "Set HONE_HOME to a local folder, or use PostgreSQL (docs/how-to/team.md)",
        )
    else:
        yield Line(OK, f"judgments in {file}")


EXAMINATIONS: tuple[Callable[[], Iterator[Line]], ...] = (
    python,
    packages,
    processor,
    memory,
    disk,
    ledger,
    tools,
    locks,
    model,
    named_models,
    lengths,
    judge,
    generator,
    rates,
    settings,
    outgoing,
    data,
    own_code,
)
