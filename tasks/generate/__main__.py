"""generate: documents -> queries and labels that a language model or a rule has written.

Generated queries train. They become dev queries only where a collection has none of its own, and
never test queries.
"""

from __future__ import annotations

from hone.files import folder_written_whole
from hone.layout import GENERATED
from hone.stage import run, say
from tasks.generate.settings import GenerateSettings
from tasks.generate.tables import write_generated
from tasks.generate.work import Work, generate_rows


def main(settings: GenerateSettings) -> None:
    """Generate queries for one collection, or write empty tables."""
    work = Work() if settings.generate == "none" else generate_rows(settings)
    with folder_written_whole(GENERATED / settings.collection) as place:
        sentence = write_generated(place, work, settings)
    say(f"generate {settings.collection}: {sentence}")


if __name__ == "__main__":
    run(main)
