"""base: the base model and an empty place for a cross-encoder -> models/r0 and rankers/r0, from which every loop starts."""

from __future__ import annotations

from hone.config import stage_settings
from hone.encoders.model_folder import ModelFolder, copy_model, folder_of
from hone.files import folder_written_whole, write_json
from hone.layout import BASE, MODELS, RANKERS
from hone.stage import may_download, run, say


def main() -> None:
    """Copy the base model and check it, so that r1 finds what every later round finds: a model and a ranker of the round before."""
    model = stage_settings.of_stage("base")["model"]
    if model["fingerprint"] is None:
        may_download()
    with folder_written_whole(MODELS / BASE) as place:
        copy_model(folder_of(model["name"], model["revision"]), place)
        ModelFolder(place).refuse_unsafe()
    with folder_written_whole(RANKERS / BASE) as place:
        write_json(place / "ranker.json", {"ranker": "none"})
    say(f"base: {model['name']}")


if __name__ == "__main__":
    run(main)
