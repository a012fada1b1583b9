"""rank: labels -> a cross-encoder trained in the loop. A recipe without one passes its predecessor's on."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks import resolved
from tasks.files import folder_written_whole
from tasks.stage import run, say


def main(round: str) -> None:
    """Write rankers/<round>."""
    settings = resolved.of_round(round, "rank")
    with folder_written_whole(Path("rankers") / round) as place:
        shutil.copytree(Path("rankers") / settings["from"], place, dirs_exist_ok=True)
    say(f"rank {round}: none, that of {settings['from']} is passed on")


if __name__ == "__main__":
    run(main)
