"""train: labels -> a model, from the base or the previous round's weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tasks import methods, resolved, tables, training_set
from tasks.encode.encoder import Reading
from tasks.encode.lock import torch_lock
from tasks.encode.model import ModelFolder
from tasks.encode.precision import device_of
from tasks.files import fingerprint, fingerprint_of_file, folder_written_whole, home
from tasks.seeds import seed_of
from tasks.stage import run, say
from tasks.train.examples import examples
from tasks.train.teacher import teacher_of


def main(round: str) -> None:
    """Write models/<round> and the table of what each step saw."""
    settings = resolved.of_round(round, "train")
    section, folder = settings["train"], Path("rounds") / round
    start = Path("models") / ("r0" if section["init"] == "base" else settings["from"])
    training = training_set.read()
    labels = tables.read("labels", folder / "labels.parquet")
    learning = learns_from_grades(section)
    teacher = teacher_of(labels, f"the loss {learning}") if learning else None
    made = examples(labels, training.queries(), training.texts(labels["doc_id"].unique()), section["negatives"], teacher)
    model = ModelFolder(start)
    reading = Reading.of(settings["model"])
    checkpoints = home() / "checkpoints" / address(settings, folder, model)[:32]
    device = device_of(resolved.machine()["device"])
    with torch_lock(device), folder_written_whole(Path("models") / round) as place:
        from tasks.train.card import write_card
        from tasks.train.trainer import train, trainer

        loaded = model.load(reading.length(model), device)
        prompts = {route: reading.prompt(model, route) for route in ("query", "document")}
        loaded.prompts = loaded.prompts | prompts
        shares = {collection.name: collection.share for collection in training if collection.share}
        ready = trainer(loaded, made, section, prompts, shares, seed_of(settings["seed"], round, "train"), checkpoints)
        trained = train(ready)
        loaded.save_pretrained(str(place))
        write_card(place, settings, training, trained)
    tables.write("trained", trained, folder / "trained.parquet")
    shutil.rmtree(checkpoints, ignore_errors=True)
    say(f"train {round}: {trained['step'].max():,} steps on {made.pairs['query'].n_unique():,} queries, from {start.name}")


def learns_from_grades(section: dict) -> str | None:
    """The first loss of a recipe that wants a teacher's grades; null where none does."""
    losses = (methods.find("train.losses", line["method"]) for line in section["losses"])
    return next((loss.name for loss in losses if loss.beside("LEARNS_FROM_GRADES", False)), None)


def address(settings: dict, folder: Path, model: ModelFolder) -> str:
    """What the training is computed from: a checkpoint of anything else must not be gone on from."""
    return fingerprint(
        json.dumps(settings, sort_keys=True),
        fingerprint_of_file(folder / "labels.parquet"),
        fingerprint_of_file(training_set.LIST),
        *(model.fingerprint(route) for route in ("query", "document")),
    )


if __name__ == "__main__":
    run(main)
