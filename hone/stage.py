"""Entry point of every stage (`python -m tasks.<stage>`): settings, command-line options and
error messages.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_type_hints

from hone.errors import Refused, printable
from hone.files import describe_full_disk
from hone.pipeline import progress

# No library may send telemetry, and a local model folder must not wait for an unreachable Hub.
SWITCHES = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "TOKENIZERS_PARALLELISM": "true",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
}


def may_download() -> None:
    """Let this process download from the Hub. Stages do so only if something is not on this disk.

    The Hub's libraries read the switch at import, and another library may have imported them
    already.
    """
    os.environ["HF_HUB_OFFLINE"] = "0"
    for library in ("huggingface_hub.constants", "datasets.config"):
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            if hasattr(sys.modules.get(library), name):
                setattr(sys.modules[library], name, False)


def run(main: Callable[..., None]) -> None:
    """Call `main` with its settings and the command-line options (see `call`).

    If the work is refused or the disk is full, end the process with status 1. The message is on
    standard error.
    """
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    parser = argparse.ArgumentParser(prog=_module_name(main), description=inspect.getdoc(main))
    for name, default in options_of(main).items():
        required = default is inspect.Parameter.empty
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            required=required,
            default=None if required else default,
        )
    arguments = vars(parser.parse_args())
    with ended_by_sentences(_module_name(main)), progress.reported():
        call(main, **arguments)


def call(main: Callable[..., None], **options: str) -> None:
    """Call a stage's `main` with the settings that `resolve` wrote, and with the options that
    `main` declares.

    A stage has settings if its `main` has a parameter `settings`, annotated with a model of
    hone.config.stage_settings.
    """
    settings, own = settings_of(main), inspect.signature(main).parameters
    given = {name: value for name, value in options.items() if name in own}
    if settings is not None:
        given["settings"] = settings.read(**{name: options[name] for name in settings.options()})
    main(**given)


def options_of(main: Callable[..., None]) -> dict[str, Any]:
    """A stage's command-line options with their defaults: those that locate its settings, and
    the parameters of `main`.
    """
    settings = settings_of(main)
    found = {} if settings is None else dict.fromkeys(settings.options(), inspect.Parameter.empty)
    return found | {
        name: item.default
        for name, item in inspect.signature(main).parameters.items()
        if name != "settings"
    }


def settings_of(main: Callable[..., None]) -> Any:
    """The model of a stage's settings. Null if it has none."""
    return get_type_hints(main).get("settings")


@contextmanager
def ended_by_sentences(name: str) -> Iterator[None]:
    """If work is refused or the disk is full, end the process with status 1. The message is
    prefixed with `name`. Other errors pass.
    """
    try:
        yield
    except Refused as refusal:
        sys.exit(printable(f"{name}: {refusal}"))
    except Exception as error:
        if sentence := describe_full_disk(error):
            sys.exit(printable(f"{name}: {sentence}"))
        raise


def say(message: str) -> None:
    """Print a timestamped log line to standard error."""
    print(f"{time.strftime('%H:%M:%S')} {printable(message)}", file=sys.stderr, flush=True)


class Progress:
    """Counts finished items. Logs progress with the remaining time every few seconds, and reports
    it for `hone status` and for the run (hone/pipeline/progress.py).
    """

    def __init__(self, what: str, total: int, every: float = 10.0) -> None:
        self.what, self.total, self.every = what, total, every
        self.done = 0
        self.began = self.last_logged = time.monotonic()
        self.last_reported = 0.0

    def add(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.last_reported >= progress.INTERVAL or self.done == self.total:
            self.last_reported = now
            progress.report(self.what, self.done, self.total, self._seconds_left(now))
        if now - self.last_logged >= self.every and self.done < self.total:
            self.last_logged = now
            rate = self.done / (now - self.began)
            left = self._seconds_left(now)
            pace = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
            say(f"{self.what}: {self.done:,} of {self.total:,}, {pace}, {_spell(left)} left")

    def _seconds_left(self, now: float) -> float:
        """At the pace so far."""
        return max(0, self.total - self.done) * (now - self.began) / max(1, self.done)


def _spell(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min"
        if hours
        else f"{minutes} min {seconds:02} s"
        if minutes
        else f"{seconds} s"
    )


def _module_name(main: Callable[..., None]) -> str:
    spec = sys.modules[main.__module__].__spec__
    return spec.name.removesuffix(".__main__") if spec else main.__module__
