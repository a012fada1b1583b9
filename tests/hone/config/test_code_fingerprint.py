"""What `resolve` says a stage's code is, against what the stage really imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hone.config import code_fingerprint
from tests.conftest import PROJECT

STAGES = (
    "collect",
    "base",
    "start",
    "retrieve",
    "rank",
    "score",
    "sample",
    "relabel",
    "train",
    "evaluate",
    "report",
)

# Imports a stage's module and, as a run would, every module that its functions import when they are
# called.
PROBE = """
import importlib, json, sys
importlib.import_module("tasks.{stage}.__main__")
print(json.dumps(sorted(name for name in sys.modules if name.startswith(("tasks.", "hone.")))))
"""


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_imports_is_fingerprinted(stage: str):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(stage=stage)],
        check=True,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    imported = {
        name
        for name in json.loads(done.stdout)
        if code_fingerprint.path_of(name).name != "__init__.py"
    }
    known = set(code_fingerprint.fingerprints([f"tasks.{stage}.__main__"])["code"])
    assert imported <= known


def test_imports_inside_functions_count():
    """`train` imports torch's part only when it works; it is fingerprinted all the same."""
    known = code_fingerprint.fingerprints(["tasks.train.__main__"])
    assert {"tasks.train.trainer", "tasks.train.card", "hone.ir.measures"} <= set(known["code"])
    assert {"torch", "sentence-transformers", "transformers"} <= set(known["packages"])


def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path):
    files = [tmp_path / f"{number}.py" for number in range(3)]
    files[0].write_text('"""One."""\n\n\ndef f(a):\n    """Two."""\n    return a + 1\n')
    files[1].write_text("# other\ndef f(a):  # more\n    return (a +\n            1)\n")
    files[2].write_text("def f(a):\n    return a + 2\n")
    same, again, other = (code_fingerprint.meaning(file) for file in files)
    assert same == again != other


@pytest.mark.parametrize(
    ("module", "old", "new", "again"),
    [
        ("hone.stats.bootstrap", "self.high < 0", "self.high <= 0", {"report"}),
        (
            "hone.encoders.search",
            "np.column_stack(",
            "np.stack(",
            {"collect", "rank", "sample", "train", "evaluate", "report"},
        ),
    ],
)
def test_a_changed_function_of_the_library_runs_the_stages_that_use_it(
    module: str,
    old: str,
    new: str,
    again: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Code of `hone/` counts as that of `tasks/` does: stages that do not reach the module stay
    as they are.
    """

    def codes() -> dict[str, dict[str, str]]:
        return {
            stage: code_fingerprint.fingerprints([f"tasks.{stage}.__main__"])["code"]
            for stage in STAGES
        }

    before, text = codes(), code_fingerprint.path_of(module).read_text()
    assert old in text
    changed = tmp_path / "changed.py"
    changed.write_text(text.replace(old, new))
    monkeypatch.setitem(code_fingerprint._modules(), module, changed)
    after = codes()
    assert {stage for stage in STAGES if before[stage] != after[stage]} == again


def test_no_stage_imports_prefect_and_only_report_imports_mlflow():
    for stage in STAGES:
        packages = set(code_fingerprint.fingerprints([f"tasks.{stage}.__main__"])["packages"])
        assert "prefect" not in packages
        assert "mlflow" not in packages or stage == "report"


def test_a_page_template_counts_as_it_stands():
    known = code_fingerprint.fingerprints(["tasks.report.__main__", "tasks.report.page.render"])[
        "code"
    ]
    assert "tasks/report/page/page.html.jinja" in known


@pytest.mark.parametrize(
    ("stage", "sections"),
    [
        ("retrieve", set()),
        ("rank", {"common", "rank"}),
        ("score", set()),
        ("sample", {"common", "sample"}),
        ("relabel", {"common", "relabel"}),
        ("train", {"common", "train"}),
        ("evaluate", set()),
    ],
)
def test_a_stage_reaches_its_own_section_of_a_recipe_alone(stage: str, sections: set[str]):
    """A new setting of another section must not run the stage again."""
    code = code_fingerprint.fingerprints([f"tasks.{stage}.__main__"])["code"]
    folder = "hone.config.sections."
    assert {name.removeprefix(folder) for name in code if name.startswith(folder)} == sections
    assert not {"hone.config.recipe", "hone.config.recipe_schema"} & set(code)
