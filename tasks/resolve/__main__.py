"""resolve: params.yaml and all recipes -> the settings of each stage, with all defaults and code
fingerprints.

It checks everything before any stage runs. A typo in the last round's recipe is thus found before
the first round trains. Each stage depends on its own file below resolved/, so a change reruns only
the affected stages.
"""

from __future__ import annotations

from hone.config import params
from hone.files import folder_written_whole, write_json
from hone.layout import RESOLVED
from hone.stage import run, say
from tasks import ignored_code
from tasks.resolve.stages import everything


def main() -> None:
    """Check params.yaml and every recipe, and write the settings of every stage."""
    settings = everything(params.read())
    for sentence in params.renamed():
        say(f"resolve: {sentence}")
    with folder_written_whole(RESOLVED) as place:
        for name, values in settings.items():
            write_json(place / f"{name}.json", values.plain())
    say(f"resolve: {len(settings)} stages")
    if left_out := ignored_code.advice():
        say(left_out)


if __name__ == "__main__":
    run(main)
