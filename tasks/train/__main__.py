"""train: train a model on the labels, from the base model or the previous round."""

from __future__ import annotations

import shutil

from hone.config import stage_settings
from hone.data import tables, training_set
from hone.encoders.device_lock import torch_lock
from hone.encoders.model_folder import ModelFolder
from hone.encoders.precision import device_of
from hone.files import folder_written_whole, home, write_json
from hone.layout import MODELS, round_account, round_table
from hone.seeds import seed_of
from hone.stage import run, say
from tasks.train.dev_checks import checks_of
from tasks.train.fit import address, examples_of, fitted
from tasks.train.settings import TrainSettings


def main(settings: TrainSettings) -> None:
    """Write models/<round>, the table of training steps, and the record of the dev checks."""
    round = settings.round
    section = settings.train
    start = MODELS / ("r0" if section.init == "base" else settings.parent)
    training = training_set.read(unlabelled=settings.unlabelled)
    labels = tables.read("labels", round_table(round, "labels"))
    made = examples_of(labels, training, section)
    model = ModelFolder(start)
    checkpoints = home() / "checkpoints" / address(settings, model)[:32]
    device = device_of(stage_settings.machine()["device"])
    with torch_lock(device), folder_written_whole(MODELS / round) as place:
        from tasks.train.card import dev_means, dev_runs, write_card

        seed = seed_of(settings.seed, settings.draws, "train")
        runs = dev_runs(start, start.name, settings, training)
        before, checks = (
            dev_means(runs, training),
            checks_of(training, runs, section.dev_checks, settings.seed),
        )
        del runs  # the dev rankings need not be in memory during training
        loaded, trained = fitted(
            made, training, section, settings.model, model, seed, checkpoints, device, checks
        )
        loaded.save_pretrained(str(place))
        checked = checks.record()
        write_card(place, settings, training, trained, before, checked)
    tables.write("trained", trained, round_table(round, "trained"))
    write_json(round_account(round, "dev_checks"), checked)
    shutil.rmtree(checkpoints, ignore_errors=True)
    say(
        f"train {round}: {trained['step'].max():,} steps on {made.pairs['query'].n_unique():,} "
        f"queries, from {start.name}"
    )
    if checked["better_before"]:
        say(f"train {round}: {checked['better_before']}")


if __name__ == "__main__":
    run(main)
