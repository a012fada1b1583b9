"""Prefect artifacts of a flow: progress, a table of scores, the result of a study."""

from __future__ import annotations

from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from commands.console import spell
from hone.config.params import Params
from hone.files import read_json
from hone.ir.split_names import GENERATED
from hone.layout import STUDIES, metrics_file
from hone.pipeline.tracker import Result, Tracker


class Progress:
    """The percentage of stages that are up to date, from the tracker that `hone status` reads
    too.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.artifact: UUID = create_progress_artifact(
            0.0, key="progress", description=f"{len(tracker.stages)} stages"
        )

    def begin(self, stage: str) -> None:
        """A stage begins."""
        self.tracker.begin(stage)
        self._update(f"{stage} runs")

    def finish(self, stage: str, outcome: Result) -> None:
        """A stage is up to date, or does not run."""
        self.tracker.finish(stage, outcome)
        self._update(f"{stage}: {outcome}")

    def _update(self, sentence: str) -> None:
        state = self.tracker.state()
        left = f"; about {spell(state.seconds_left)} left" if state.seconds_left else ""
        update_progress_artifact(
            self.artifact, 100 * state.done / max(1, state.total), description=f"{sentence}{left}"
        )


def scores(given: Params) -> None:
    """Create a table with a row for each evaluated round and collection."""
    rows = score_rows(given)
    if rows:
        create_table_artifact(
            rows, key="scores", description="Test scores. Rounds are chosen by the dev scores."
        )


def study(name: str) -> None:
    """Create an artifact with the result of a study, if there is one."""
    file = STUDIES / name / "study.md"
    if file.exists():
        create_markdown_artifact(
            file.read_text(encoding="utf-8"),
            key="study",
            description=f"Results so far of the study {name}.",
        )


def score_rows(given: Params) -> list[dict[str, str | float | None]]:
    """Rows with round, collection, test measures, and dev nDCG@10."""
    rows = []
    for name in dict.fromkeys([*given.compare_with, *given.rounds]):
        for collection in given.evaluate_on:
            file = metrics_file(name, collection)
            if file.exists():
                found = read_json(file)
                dev = found.pop("dev", None) or {}
                found |= {
                    f"mteb {measure}": value
                    for measure, value in (found.pop("mteb", None) or {}).items()
                }
                measures = {measure: rounded(value) for measure, value in found.items()}
                rows.append(
                    {
                        "round": name,
                        "collection": collection,
                        **measures,
                        "dev ndcg_at_10": rounded(dev.get("ndcg_at_10")),
                        **({"dev queries": "generated"} if dev.get(GENERATED) else {}),
                    }
                )
    return rows


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
