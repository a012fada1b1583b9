"""Print a plan: stages, work, disk space and time."""

from __future__ import annotations

from commands.console import line, spell, table
from commands.outgoing import transfers
from commands.plan import collecting, generating
from commands.plan.disk import disk
from commands.plan.judging import UNKNOWN, plan_judging
from commands.plan.rates import rate_lines
from commands.plan.speed import HIGH, LOW, SECONDS_PER_STAGE, measure_speed
from commands.plan.texts import cut_lines
from commands.plan.work import Work, downloads
from hone.config.params import Params
from hone.config.stage_settings import StageSettings

COLLECT = "hone plan --collect"


def show_work(given: Params, settings: dict[str, StageSettings], work: Work) -> None:
    """Print the stages, the texts and training steps of each model, judging, and disk space."""
    line(
        f"{len(work.stages)} stages may run (DVC skips a stage whose inputs do not change): "
        f"{', '.join(work.stages)}"
    )
    if work.unread:
        line(f"{collecting.sentence_of(work.unread)} Run `{COLLECT}`, which reads first.")
    if work.ungenerated:
        line(generating.sentence_of(work.ungenerated))
    if rows := shown_rows(work):
        table(("model", "texts to encode", "training queries", "steps", "pairs"), rows)
    if work.checked:
        line(
            f"dev checks during training encode about {sum(work.checked.values()):,} more texts, "
            "without caching (`train.dev_checks`)"
        )
    notes = [*downloads(given), *cut_lines(given, settings), *rate_lines(given, settings)]
    for sentence in [*work.unknown, *notes]:
        line(sentence)
    generating.plan_generation(given, settings, work.stages)
    plan_judging(given, settings, work.stages)
    for sentence in [one.describe() for one in transfers(given, settings, work.stages)]:
        line(f"endpoint: {sentence}")
    line(disk(work, settings).describe() if work.sized else "disk: unknown")


def rows_of(work: Work) -> list[tuple]:
    """A row for each model: texts to encode, training queries, steps and pairs. Null: unknown, or
    none.
    """
    return [
        (
            name,
            work.encode.get(name),
            *(work.train.get(name, {}).get(key) for key in ("queries", "steps", "pairs")),
        )
        for name in dict.fromkeys([*work.encode, *work.train])
    ]


def shown_rows(work: Work) -> list[tuple]:
    """The same rows for readers: `unknown` where generated queries are missing, and a blank where a
    model encodes or trains nothing.
    """
    return [
        (
            name,
            UNKNOWN if name in work.encode and texts is None else texts,
            *(UNKNOWN if name in work.train and value is None else value for value in numbers),
        )
        for name, texts, *numbers in rows_of(work)
    ]


def show_time(given: Params, settings: dict[str, StageSettings], work: Work, probe: bool) -> None:
    """Print the time, measured with `probe`."""
    if work.unread:
        line("time: unknown until the collections are read")
    elif work.ungenerated:
        line("time: unknown until the queries are generated")
    elif not probe:
        line("no time estimate (--no-probe)")
    elif not work.texts and not work.steps:
        line("time: seconds; no encoding and no training")
    elif not collecting.is_ready_for_probe():
        generates = collecting.stages_of(given) != [collecting.COLLECTING]
        command = f"dvc repro {collecting.COLLECTING}" if generates else COLLECT
        line(f"time: unknown until `dvc repro start` has run. Run `{command}`.")
    else:
        line("measuring this machine for about half a minute (`--no-probe` skips this) ...")
        show_estimate(work, *measure_speed(given, settings, work))


def estimate_seconds(work: Work, rate: float | None, step: float | None) -> float:
    """The time of the work in seconds; see `show_estimate`."""
    texts = work.texts + sum(work.checked.values())
    return (
        (texts / rate if rate else 0)
        + work.steps * (step or 0)
        + len(work.stages) * SECONDS_PER_STAGE
    )


def show_estimate(work: Work, rate: float | None, step: float | None, speed: str) -> None:
    """Print the time of the work at the measured speed.

    Args:
        work: the work of the run.
        rate: texts per second. Null: nothing to encode.
        step: seconds per training step. Null: nothing to train.
        speed: a sentence with both.
    """
    seconds = estimate_seconds(work, rate, step)
    line(speed)
    between = f"between {spell(LOW * seconds)} and {spell(HIGH * seconds)}"
    line(f"time: about {spell(seconds)} ({between}), if no other process uses this machine")
