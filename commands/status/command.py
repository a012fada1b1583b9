"""`hone status`: the rounds, their scores, the best one, the cost so far, and a running stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from commands.console import line, print_json, table
from commands.run.display import describe_left, describe_stage
from commands.run.summary import list_names
from commands.status.cost import Cost, sum_cost
from commands.status.outdated import find_outdated
from commands.status.rounds import RoundStatus, choose_best, read_rounds
from hone.config import params
from hone.files import read_json
from hone.ir.split_names import ONLY_CHOOSE, name_split
from hone.layout import VERDICT
from hone.pipeline import graph as dvc
from hone.pipeline import progress


@dataclass(frozen=True)
class Status:
    """What `hone status` shows.

    Attributes:
        rounds: references and rounds.
        best: the model with the best dev scores; null: unknown.
        verdict: its first line; null if there is no report yet.
        verdict_up_to_date: whether all results are those of the verdict; null: unknown.
        outdated: the stages that a run would bring up to date; null: unknown, because DVC runs.
        stages: number of stages.
        cost: of all rounds so far.
        run: the run of this folder; null if none runs.
        running: the stages that report progress.
    """

    rounds: list[RoundStatus]
    best: str | None
    verdict: str | None
    verdict_up_to_date: bool | None
    outdated: list[str] | None
    stages: int
    cost: Cost
    run: progress.RunState | None
    running: list[progress.StageState]


def status(as_json: bool = False) -> None:
    """Print the status of this checkout, as text or as JSON."""
    found = read_status()
    if as_json:
        print_json(asdict(found))
        return
    for text in describe_run(found):
        line(text)
    print_rounds(found)
    line()
    for text in describe_results(found):
        line(text)


def read_status() -> Status:
    """The status of this checkout.

    Raises:
        Refused: params.yaml or dvc.yaml is invalid.
    """
    given = params.read()
    stages = [stage for stage in dvc.graph() if not stage.name.endswith(".dvc")]
    run, running = progress.read_run(), progress.read_stages()
    outdated = find_outdated(stages)
    names = [*(run.running if run else ()), *(one.stage for one in running)]
    rounds = read_rounds(given, stages, outdated, names)
    verdict = read_json(VERDICT)["lines"][0] if VERDICT.exists() else None
    known = None if outdated is None or verdict is None else not outdated
    return Status(
        rounds,
        choose_best(given, rounds),
        verdict,
        known,
        outdated,
        len(stages),
        sum_cost(given.rounds, given.collections),
        run,
        running,
    )


def describe_run(found: Status) -> list[str]:
    """What runs now."""
    if found.run is None and not found.running:
        return []
    counted = [f"{one.stage}: {describe_stage(one)}" for one in found.running if one.what]
    if found.run is None:
        names = ", ".join(one.stage for one in found.running)
        return [f"Running: {names} (started without `hone run`)", *counted, ""]
    parts = [
        f"Running: `{found.run.command}`, {found.run.done} of {found.run.total} stages done",
        ", ".join(found.run.running),
        describe_left(found.run.seconds_left),
    ]
    return [", ".join(part for part in parts if part), *counted, ""]


def print_rounds(found: Status) -> None:
    """Print a row for each reference and round."""
    collections = list(found.rounds[0].test) if found.rounds else []
    several = len(collections) > 1
    generated = {name for one in found.rounds for name in one.generated_dev}
    columns = [
        f"{name_split(split, name in generated)} nDCG@10{f' {name}' if several else ''}"
        for name in collections
        for split in ("dev", "test")
    ]
    best = "best on generated dev" if generated >= set(collections) else "best on dev"
    rows = [
        (
            one.name,
            one.start,
            one.recipe,
            describe_state(one),
            *(
                None if value is None else f"{value:.3f}"
                for name in collections
                for value in (one.dev[name], one.test[name])
            ),
            best if one.name == found.best else "",
        )
        for one in found.rounds
    ]
    table(("round", "from", "recipe", "state", *columns, ""), rows)
    if generated:
        line(ONLY_CHOOSE)


def describe_state(one: RoundStatus) -> str:
    """The state with the outdated stages."""
    return f"outdated: {', '.join(one.outdated)}" if one.state == "outdated" else one.state


def describe_results(found: Status) -> list[str]:
    """The verdict, the cost, and what comes next."""
    old = " (out of date)" if found.verdict_up_to_date is False else ""
    lines = [
        f"Verdict{old}: {found.verdict}" if found.verdict else "Verdict: none yet.",
        f"Cost so far: {found.cost.describe()}",
    ]
    if found.outdated is None:
        lines.append("Next: unknown while DVC runs.")
    elif found.outdated:
        lines.append(
            f"Next: `hone run` brings {len(found.outdated)} of {found.stages} stages up to date: "
            f"{list_names(found.outdated)}."
        )
    else:
        lines.append(f"All {found.stages} stages are up to date.")
    return lines
