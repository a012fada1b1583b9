"""`hone store`: what the store holds of vectors and of cross-encoders' scores, who needs it, and cleaning of what nobody here needs."""

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
from tasks.evaluate.reference import encoder_of
from tasks.evaluate.settings import EvaluateSettings, ReferenceSettings
from tasks.report.settings import ReportSettings
from tasks.resolve.recipe_models import TEXT, RecipeModels
from tasks.score.settings import ScoreSettings

CHECKPOINT_DAYS = 7
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Held:
    """One space of the store: what it is made of, who used it, and which models of this checkout need it now."""

    folder: Path
    description: dict
    uses: dict[str, str]
    bytes: int
    needed_by: tuple[str, ...]

    @property
    def what(self) -> str:
        """What is held: vectors of texts, or scores of pairs."""
        return "scores" if "scores" in self.description else "vectors"

    @property
    def count(self) -> int:
        """How many vectors, or scores."""
        from hone.encoders.store import Shard

        return sum(shard.rows for path in self.folder.glob("*.safetensors") if (shard := Shard.opened(path)))


def held() -> list[Held]:
    """Every space, with the models of this checkout whose present weights it belongs to."""
    needed = needed_spaces()
    return [Held(folder, about, uses, count, tuple(needed.get(folder, ()))) for folder, about, uses, count in spaces()]


def needed_spaces() -> dict[Path, list[str]]:
    """The folders of the spaces of the models that are here now, and of the teachers and references that are named.

    A teacher or reference that was never fetched has no vectors yet: it is left out, and nothing is downloaded.
    """
    found: dict[Path, list[str]] = {}
    reading = read_settings()
    if reading is None:
        return found
    machine = params.read().machine.model_dump()
    models = [folder for folder in sorted(MODELS.glob("*")) if (folder / "modules.json").exists()]
    used = [(folder.name, encoder_for(folder, reading, machine)) for folder in models]
    for name, revision in teachers().items():
        if folder := folder_here(name, revision):
            used.append((name, encoder_for(folder, reading | {"prompts": {}}, machine)))
    for settings in EvaluateSettings.existing():
        if task := task_of(settings.task):  # such a collection may have prompts of its own
            used += [
                (folder.name, encoder_for(folder, reading_for(task, settings.model, settings.task, folder), machine)) for folder in models
            ]
    for settings in ReferenceSettings.existing():
        given = settings.reference
        if given["kind"] in BUILT_IN:
            continue
        folder = folder_here(given["model"]["name"], given["model"]["revision"]) if given["kind"] == "model" else None
        if folder or given["kind"] == "endpoint":
            used.append((settings.name, encoder_of(settings.name, settings, task_of(settings.task), folder)))
    spaces_of = [(name, encoder.space(route).folder) for name, encoder in used for route in ("query", "document")]
    for name, folder in [*spaces_of, *spaces_of_rankers(reading["precision"], machine)]:
        users = found.setdefault(folder, [])
        if name not in users:
            users.append(name)
    return found


def spaces_of_rankers(precision: str, machine: dict) -> list[tuple[str, Path]]:
    """Where the scores lie of the cross-encoders that rounds train, and of those that recipes name: who needs them, and the folder."""
    device = device_of(machine["device"])
    found = [
        (f"ranker {file.parent.name}", CrossScorer(CrossModel(file.parent), None, precision, device).space().folder)
        for file in sorted(RANKERS.glob("*/ranker.json"))
        if read_json(file)["ranker"] != NONE
    ]
    for settings in ScoreSettings.existing():
        for scorer in settings.scorers.values():
            if scorer["method"] != "cross-encoder":
                continue
            asked, own = scorer["parameters"], RANKERS / settings.round
            named = settings.cross_encoders.get(asked["model"])
            folder = folder_here(named["name"], named["revision"]) if named else own if (own / "config.json").exists() else None
            if folder:
                exact = precision if asked["precision"] == "auto" else asked["precision"]
                space = CrossScorer(CrossModel(folder), asked["max_length"], exact, device).space().folder
                found.append((asked["model"] or f"ranker {settings.round}", space))
    return found


def read_settings() -> Reading | None:
    """How texts are read, as `resolve` made it plain; null before it ran."""
    if not ReportSettings.file().exists():
        return None
    model = ReportSettings.read().model
    return Reading(max_length=model["max_length"], prompts=model["prompts"], precision=model["precision"])


def teachers() -> dict[str, str | None]:
    """The encoders that the recipes and judges of params.yaml name beside the rounds' own, with their revisions."""
    given = params.read()
    rows = [row for round in given.rounds for row in RecipeModels.of(given, round).named(route=TEXT)]
    return dict(split_revision(row.name, row.revision) for row in rows)


def show() -> None:
    """A row for each space, and the totals."""
    found = held()
    rows = [
        (
            one.folder.name[:12], one.what, one.count, size(one.bytes), one.description.get("max_length"), one.description.get("precision"),
            one.description.get("prompt") or None, ", ".join(one.needed_by) or "nobody here", ", ".join(one.uses),
        )
        for one in found
    ]  # fmt: skip
    if rows:
        table(("space", "of", "number", "size", "tokens", "precision", "prompt", "needed by", "was used by"), rows)
    idle = sum(one.bytes for one in found if not one.needed_by)
    line(f"{root()}: {size(sum(one.bytes for one in found))} in {len(found)} spaces; no model here needs {size(idle)} of it.")
    others = {name: size_of(home() / name) for name in ("checkpoints", "downloads") if (home() / name).is_dir()}
    for name, count in others.items():
        line(f"{home() / name}: {size(count)}")
    if idle:
        line("`hone store clean` lists what would go; `hone store clean --yes` deletes it.")


def clean(yes: bool) -> None:
    """Delete, or list, what no model of this checkout needs: spaces, damaged and unfinished files, old checkpoints.

    Raises:
        Refused: nothing says what this checkout needs, or something is to be deleted while somebody encodes, trains or runs a study.
    """
    if read_settings() is None:
        raise Refused("nothing says yet which models this checkout needs: run `dvc repro resolve` first.")
    with no_work() if yes else nullcontext():
        going = [
            (one.folder, f"{one.what} that were used by {', '.join(one.uses) or 'nobody'}")
            for one in held()
            if not one.needed_by and all(abandoned(part) for part in one.folder.glob(f".*{PART}"))
        ]
        gone = {folder for folder, _ in going}
        going += [
            (file, "damaged" if file.suffix == ".damaged" else "unfinished")
            for kind in ("*.damaged", ".*.part")
            for file in sorted(root().rglob(kind))
            if file.parent not in gone and (file.suffix != PART or abandoned(file))
        ]
        going += [(folder, f"checkpoint, not touched for {CHECKPOINT_DAYS} days") for folder in old_checkpoints()]
        total = 0
        for path, what in going:
            count = size_of(path) if path.is_dir() else path.stat().st_size
            total += count
            line(f"{'deleted' if yes else 'would go'}: {path} ({size(count)}; {what})")
            if yes:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if not going:
        line("nothing to clean: all that is held belongs to a model of this checkout.")
    elif yes:
        line(f"freed {size(total)}")
    else:
        line(f"{size(total)} in all. Other checkouts that share {home()} may use it and would encode again. Delete with --yes.")


def abandoned(part: Path) -> bool:
    """Whether nobody goes on writing an unfinished file, as `hone.files` has it."""
    prefix = part.name.removesuffix(PART).rpartition(".")[0].rpartition(".")[0] + "."  # .NAME.OWNER.RANDOM.part
    try:
        return files.abandoned(part, prefix, time.time())
    except FileNotFoundError:  # put in its place meanwhile
        return False


def old_checkpoints() -> list[Path]:
    """Checkpoints of trainings that nobody has gone on with for a week."""
    limit = time.time() - CHECKPOINT_DAYS * SECONDS_PER_DAY
    folders = [folder for folder in (home() / "checkpoints").glob("*") if folder.is_dir()]
    return sorted(folder for folder in folders if max(file.stat().st_mtime for file in [folder, *folder.rglob("*")]) < limit)
