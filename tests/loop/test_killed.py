"""The loop's graph with stand-ins for its stages: killed while a stage writes, it goes on to
what a run without a kill gives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from tests.loop.project import Project
from tests.loop.stand_in import HALF_WRITTEN

# A folder, several folders, several files, files beside a metric that DVC does not keep, and the
# last, which has all of these.
KILLED_IN = ("resolve", "start", "sample@r2", "evaluate@r2-python-api", "report")


class StandIns(Project):
    """A copy of the project in which every stage is a stand-in."""

    @property
    def environment(self) -> dict[str, str]:
        # Their outputs are made of every file that they depend on, so there must be no compiled
        # ones beside the code.
        return super().environment | {
            "GRAPH": str(self.graph),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def graph(self) -> Path:
        return self.home.with_name("graph.json")

    def replace_stages(self) -> dict[str, str]:
        """Put a stand-in in every stage's place. Returns the commands of the stages by their
        names.
        """
        from dvc.repo import Repo

        pipeline = self.folder / "dvc.yaml"
        pipeline.write_text(
            pipeline.read_text().replace("cmd: python -m ", "cmd: python stand_in.py ")
        )
        shutil.copyfile(Path(__file__).with_name("stand_in.py"), self.folder / "stand_in.py")
        with Repo(str(self.folder)) as repo:
            stages = {
                stage.name: (
                    stage.cmd,
                    [dep.def_path for dep in stage.deps],
                    [out.def_path for out in stage.outs],
                )
                for stage in repo.index.stages
            }
        wanted = sorted({dep for _, deps, _ in stages.values() for dep in deps})
        graph = {
            command.removeprefix("python stand_in.py "): {
                "deps": deps,
                "outs": {out: inside(out, wanted) for out in outs},
            }
            for command, deps, outs in stages.values()
        }
        self.graph.write_text(json.dumps(graph))
        return {
            name: command.removeprefix("python stand_in.py ")
            for name, (command, _, _) in stages.items()
        }

    def killed_at(self, command: str) -> None:
        """Run `dvc repro` and end it, with all that it started, by SIGKILL when the stage of
        this command has half of a file.
        """
        self.mend()
        with subprocess.Popen(
            ["dvc", "repro"],
            cwd=self.folder,
            env=self.environment | {"HELD": command},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if HALF_WRITTEN in line:
                    break
            else:
                raise AssertionError(f"'{command}' never wrote: {''.join(lines)}")
            os.killpg(process.pid, signal.SIGKILL)

    def outputs(self) -> dict[str, bytes]:
        """Everything that the stages wrote."""
        folders = ("resolved", "data", "rounds", "models", "rankers", "reports")
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for name in folders
            for file in sorted((self.folder / name).rglob("*"))
            if file.is_file() and file.name != ".gitignore"
        }


def inside(out: str, wanted: list[str]) -> list[str] | None:
    """The files that other stages read below an output, or one of no name where it is a folder
    of which none is named.
    """
    below = [
        str(PurePosixPath(name).relative_to(out)) for name in wanted if name.startswith(f"{out}/")
    ]
    return below or (None if PurePosixPath(out).suffix else ["content.txt"])


@pytest.fixture
def stand_ins(tmp_path: Path) -> Callable[[str], tuple[StandIns, dict[str, str]]]:
    def make(name: str) -> tuple[StandIns, dict[str, str]]:
        project = StandIns.made(tmp_path / name / "project", tmp_path / name / "home")
        return project, project.replace_stages()

    return make


def test_killed_while_stages_write_the_graph_goes_on_to_the_same_outputs(stand_ins):
    unbroken, commands = stand_ins("unbroken")
    ran = unbroken.repro().ran
    assert set(commands) == set(ran)
    expected = unbroken.outputs()
    broken, _ = stand_ins("broken")
    assert set(KILLED_IN) <= set(commands)
    for stage in KILLED_IN:
        broken.killed_at(commands[stage])
    broken.mend()
    assert broken.repro().ran == ["report"]  # what was whole before a kill is not made again
    assert broken.outputs() == expected
    assert not [str(file) for file in broken.folder.rglob("*.part") if ".dvc" not in file.parts]
    assert broken.repro().ran == []
