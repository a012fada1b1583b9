"""What `resolve` says a stage's code is, against what the stage really imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.resolve import code

PROJECT = Path(__file__).parent.parent.parent
STAGES = ("collect", "start", "retrieve", "rank", "score", "sample", "relabel", "train", "evaluate", "report")

# Imports a stage's module and, as a run would, every module that its functions import when they are called.
PROBE = """
import importlib, json, sys
importlib.import_module("tasks.{stage}.__main__")
print(json.dumps(sorted(name for name in sys.modules if name.startswith("tasks."))))
"""


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_imports_is_fingerprinted(stage: str):
    done = subprocess.run([sys.executable, "-c", PROBE.format(stage=stage)], check=True, capture_output=True, text=True, cwd=PROJECT)
    imported = {name for name in json.loads(done.stdout) if code.path_of(name).name != "__init__.py"}
    known = set(code.fingerprints([f"tasks.{stage}.__main__"])["code"])
    assert imported <= known


def test_imports_inside_functions_count():
    """`train` imports torch's part only when it works; it is fingerprinted all the same."""
    known = code.fingerprints(["tasks.train.__main__"])
    assert {"tasks.train.trainer", "tasks.train.card", "tasks.evaluate.measures"} <= set(known["code"])
    assert {"torch", "sentence-transformers", "transformers"} <= set(known["packages"])


def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path):
    files = [tmp_path / f"{number}.py" for number in range(3)]
    files[0].write_text('"""One."""\n\n\ndef f(a):\n    """Two."""\n    return a + 1\n')
    files[1].write_text("# other\ndef f(a):  # more\n    return (a +\n            1)\n")
    files[2].write_text("def f(a):\n    return a + 2\n")
    same, again, other = (code.meaning(file) for file in files)
    assert same == again != other


def test_no_stage_imports_prefect_and_only_report_imports_mlflow():
    for stage in STAGES:
        packages = set(code.fingerprints([f"tasks.{stage}.__main__"])["packages"])
        assert "prefect" not in packages
        assert "mlflow" not in packages or stage == "report"


def test_a_page_template_counts_as_it_stands():
    known = code.fingerprints(["tasks.report.__main__", "tasks.report.page.render"])["code"]
    assert "tasks/report/page/page.html.jinja" in known
