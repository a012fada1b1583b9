"""`hone cache`: list the entries of the embedding cache (vectors and cross-encoder scores), and
delete unused ones.
"""

from __future__ import annotations

import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from commands.console import line, size, table
from hone import files
from hone.config import params
from hone.config.params import BUILT_IN
from hone.config.stage_settings import Reading
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.device_lock import no_work
from hone.encoders.encoder import encoder_for
from hone.encoders.model_folder import folder_here
from hone.encoders.pinned_models import split_revision
from hone.encoders.precision import device_of
from hone.encoders.round_cross_encoders import NONE, RANKERS
from hone.encoders.store import root, spaces
from hone.errors import Refused
from hone.files import PART, home, read_json, size_of
from hone.ir.mteb import reading_for, task_of
from hone.layout import MODELS
from hone.present.number_format import count as count_of
from tasks.evaluate.reference import encoder_of
from tasks.evaluate.settings import EvaluateSettings, ReferenceSettings
from tasks.report.settings import ReportSettings
from tasks.resolve.recipe_models import TEXT, RecipeModels, pinned_encoders
from tasks.score.settings import ScoreSettings

CHECKPOINT_DAYS = 7
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Entry:
    """One entry of the embedding cache: its description, its past users, and the models of this
    checkout that need it.
    """

    folder: Path
    description: dict
    uses: dict[str, str]
    bytes: int
    needed_by: tuple[str, ...]

    @property
    def what(self) -> str:
        """The kind of the entry: vectors of texts, or scores of pairs."""
        return "scores" if "scores" in self.description else "vectors"

    @property
    def count(self) -> int:
        """The number of vectors or scores."""
        from hone.encoders.store import Shard

        return sum(
            shard.rows
            for path in self.folder.glob("*.safetensors")
            if (shard := Shard.opened(path))
        )


def list_entries() -> list[Entry]:
    """Every entry, with the models of this checkout whose current weights it belongs to."""
    needed = needed_spaces()

    return [
        Entry(folder, about, uses, count, tuple(needed.get(folder, ())))
        for folder, about, uses, count in spaces()
    ]


def needed_spaces() -> dict[Path, list[str]]:
    """The folders of the entries that current models, named teachers and references need.

    A teacher or reference that was never downloaded has no vectors yet. It is skipped, and nothing
    is downloaded.
    """
    found: dict[Path, list[str]] = {}
    reading = read_settings()
    if reading is None:
        return found
    machine = params.read().machine.model_dump()
    models = [folder for folder in sorted(MODELS.glob("*")) if (folder / "modules.json").exists()]
    used = [(folder.name, encoder_for(folder, reading, machine)) for folder in models]
    for name, revision in sorted(teachers(), key=str):
        if folder := folder_here(name, revision):
            used.append((name, encoder_for(folder, reading | {"prompts": {}}, machine)))
    for settings in EvaluateSettings.existing():
        if task := task_of(settings.task):  # an MTEB task may define its own prompts
            used += [
                (
                    folder.name,
                    encoder_for(
                        folder, reading_for(task, settings.model, settings.task, folder), machine
                    ),
                )
                for folder in models
            ]
    for settings in ReferenceSettings.existing():
        given = settings.reference
        if given["kind"] in BUILT_IN:
            continue
        folder = (
            folder_here(given["model"]["name"], given["model"]["revision"])
            if given["kind"] == "model"
            else None
        )
        if folder or given["kind"] == "endpoint":
            used.append(
                (settings.name, encoder_of(settings.name, settings, task_of(settings.task), folder))
            )
    spaces_of = [
        (name, encoder.space(route).folder)
        for name, encoder in used
        for route in ("query", "document")
    ]
    for name, folder in [*spaces_of, *spaces_of_rankers(reading["precision"], machine)]:
        users = found.setdefault(folder, [])
        if name not in users:
            users.append(name)
    return found


def spaces_of_rankers(precision: str, machine: dict) -> list[tuple[str, Path]]:
    """The score entries of the cross-encoders that rounds train or recipes name: (user, folder)."""
    device = device_of(machine["device"])
    found = [
        (
            f"ranker {file.parent.name}",
            CrossScorer(CrossModel(file.parent), None, precision, device).space().folder,
        )
        for file in sorted(RANKERS.glob("*/ranker.json"))
        if read_json(file)["ranker"] != NONE
    ]
    for settings in ScoreSettings.existing():
        for scorer in settings.scorers.values():
            if scorer["method"] != "cross-encoder":
                continue
            parameters, own = scorer["parameters"], RANKERS / settings.round
            named = settings.cross_encoders.get(parameters["model"])
            folder = (
                folder_here(named["name"], named["revision"])
                if named
                else own
                if (own / "config.json").exists()
                else None
            )
            if folder:
                exact = precision if parameters["precision"] == "auto" else parameters["precision"]
                space = (
                    CrossScorer(CrossModel(folder), parameters["max_length"], exact, device)
                    .space()
                    .folder
                )
                found.append((parameters["model"] or f"ranker {settings.round}", space))
    return found


def read_settings() -> Reading | None:
    """The resolved reading settings of the model; null before `resolve` has run."""
    if not ReportSettings.file().exists():
        return None
    model = ReportSettings.read().model
    return Reading(
        max_length=model["max_length"], prompts=model["prompts"], precision=model["precision"]
    )


def teachers() -> set[tuple[str, str | None]]:
    """Encoders, other than the rounds' own, that `resolve` has pinned or that recipes and judges of
    params.yaml name: name and revision.
    """
    given = params.read()
    rows = [
        row for round in given.rounds for row in RecipeModels.of(given, round).named(route=TEXT)
    ]
    return pinned_encoders() | {split_revision(row.name, row.revision) for row in rows}


def show() -> None:
    """Print one row per entry, and the totals."""
    found = list_entries()
    rows = [
        (
            one.folder.name[:12],
            one.what,
            one.count,
            size(one.bytes),
            one.description.get("max_length"),
            one.description.get("precision"),
            one.description.get("prompt") or None,
            ", ".join(one.needed_by) or "none",
            ", ".join(one.uses),
        )
        for one in found
    ]
    idle = sum(one.bytes for one in found if not one.needed_by)
    if rows:
        table(
            (
                "entry",
                "kind",
                "number",
                "size",
                "tokens",
                "precision",
                "prompt",
                "needed by",
                "used by",
            ),
            rows,
        )
        total = size(sum(one.bytes for one in found))
        line(
            f"Embedding cache: {total} in {count_of(len(found), 'entry', 'entries')}, of which "
            f"{size(idle)} unused ({root()})."
        )
    else:
        line(f"Embedding cache: empty ({root()}).")
    others = {
        name: size_of(home() / name)
        for name in ("checkpoints", "downloads")
        if (home() / name).is_dir()
    }
    for name, count in others.items():
        line(f"{home() / name}: {size(count)}")
    if idle:
        line("`hone cache clean` lists the unused entries. `hone cache clean --yes` deletes them.")


def clean(yes: bool) -> None:
    """Delete or list unused entries, damaged and unfinished files, and old checkpoints.

    Raises:
        Refused: `resolve` has not run, or `yes` is set while a process encodes, trains or runs a
            study.
    """
    if read_settings() is None:
        raise Refused(
            "The models of this checkout are not resolved yet. Run `dvc repro resolve` first."
        )
    with no_work() if yes else nullcontext():
        going = [
            (one.folder, f"{one.what}, used by {', '.join(one.uses) or 'no model'}")
            for one in list_entries()
            if not one.needed_by
            and all(is_abandoned(part) for part in one.folder.glob(f".*{PART}"))
        ]
        removed_folders = {folder for folder, _ in going}
        going += [
            (file, "damaged" if file.suffix == ".damaged" else "unfinished")
            for kind in ("*.damaged", ".*.part")
            for file in sorted(root().rglob(kind))
            if file.parent not in removed_folders and (file.suffix != PART or is_abandoned(file))
        ]
        going += [
            (folder, f"checkpoint, unused for {CHECKPOINT_DAYS} days")
            for folder in old_checkpoints()
        ]
        total = 0
        for path, what in going:
            count = size_of(path) if path.is_dir() else path.stat().st_size
            total += count
            line(f"{'deleted' if yes else 'would delete'}: {path} ({size(count)}; {what})")
            if yes:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if not going:
        line("Nothing to delete: a model of this checkout needs every entry.")
    elif yes:
        line(f"freed {size(total)}")
    else:
        line(
            f"{size(total)} in total. Other checkouts that share {home()} may need it and would "
            "have to encode again. Delete with --yes."
        )


def is_abandoned(part: Path) -> bool:
    """Whether the process that wrote an unfinished file has ended."""
    prefix = (
        part.name.removesuffix(PART).rpartition(".")[0].rpartition(".")[0] + "."
    )  # .NAME.OWNER.RANDOM.part
    try:
        return files.abandoned(part, prefix, time.time())
    except FileNotFoundError:  # finished in the meantime
        return False


def old_checkpoints() -> list[Path]:
    """Checkpoints that have not been used for a week."""
    limit = time.time() - CHECKPOINT_DAYS * SECONDS_PER_DAY
    folders = [folder for folder in (home() / "checkpoints").glob("*") if folder.is_dir()]
    return sorted(
        folder
        for folder in folders
        if max(file.stat().st_mtime for file in [folder, *folder.rglob("*")]) < limit
    )
