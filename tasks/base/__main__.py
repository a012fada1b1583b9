"""base: copy the base model to models/r0 and create an empty rankers/r0, the start of every
loop.
"""

from __future__ import annotations

from hone.encoders.model_folder import ModelFolder, copy_model, folder_of
from hone.files import folder_written_whole, write_json
from hone.layout import BASE, MODELS, RANKERS
from hone.stage import may_download, run, say
from tasks.base.settings import BaseModelSettings


def main(settings: BaseModelSettings) -> None:
    """Copy the base model and check it, so r1 has the same inputs as every later round: the
    previous round's model and ranker.
    """
    model = settings.model
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
