"""A DVC project of shell stages with the loop's names, so that a flow runs in seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

PARAMS = {
    "seed": 1,
    "collections": {"made-up": {"source": "folder", "path": "inputs"}},
    "train_on": ["made-up"],
    "evaluate_on": ["made-up"],
    "rounds": {
        "r1": {"from": "r0", "recipe": "warm-up"},
        "r2": {"from": "r1", "recipe": "warm-up"},
    },
}
# `resolve` copies what each stage depends on; a dev score of each round stands in inputs/<round>.
DVC = r"""
stages:
  resolve:
    cmd: mkdir -p resolved && for r in r0 r1 r2; do cp inputs/$r resolved/$r; done
    deps: [params.yaml, inputs]
    outs: [resolved]
  start:
    cmd: mkdir -p models && cp resolved/r0 models/r0
    deps: [resolved/r0]
    outs: [models/r0]
  train:
    foreach: ${rounds}
    do:
      cmd: cat models/${item.from} resolved/${key} > models/${key} && ./work --round ${key}
      deps: ["models/${item.from}", "resolved/${key}"]
      outs: ["models/${key}"]
  evaluate:
    matrix:
      round: ${rounds}
      collection: ${evaluate_on}
    cmd: ./measure --round ${item.round} --collection ${item.collection}
    deps: ["models/${item.round}"]
    outs: ["reports/metrics/${item.round}/${item.collection}.json"]
  evaluate-reference:
    matrix:
      reference: [r0]
      collection: ${evaluate_on}
    cmd: ./measure --reference ${item.reference} --collection ${item.collection}
    deps: ["models/r0"]
    outs: ["reports/metrics/${item.reference}/${item.collection}.json"]
  report:
    cmd: ./conclude
    deps: [reports/metrics]
    outs: [reports/page, reports/verdict.json, reports/report.md]
"""
MEASURE = """#!/bin/sh
score=$(tail -n 1 models/$2)
mkdir -p reports/metrics/$2
echo "{\\"ndcg_at_10\\": $score, \\"queries\\": 5, \\"dev\\": {\\"ndcg_at_10\\": $score, \\"queries\\": 5}}" > reports/metrics/$2/$4.json
"""  # noqa: E501
CONCLUDE = """#!/bin/sh
cat reports/metrics/*/*.json > reports/page
echo '{"ship": true, "name": "r2", "lines": ["Ship models/r2.", "Next: export it."]}' > reports/verdict.json
printf '# Results of the rounds\\n\\nr2 is better.\\n\\n## Scores\\n\\nA table.\\n\\n## Texts\\n\\nMore.\\n' > reports/report.md
"""  # noqa: E501


def made(folder: Path, dev: dict[str, float], work: str = "true", **params: object) -> None:
    """Write the project into an empty folder.

    Args:
        folder: the folder.
        dev: the dev score of r0, r1 and r2.
        work: what training does besides, as a shell command; `$1` is the round.
        params: sections of params.yaml.
    """
    (folder / "inputs").mkdir(parents=True)
    for name, score in dev.items():
        (folder / "inputs" / name).write_text(f"{score}\n")
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS | params))
    (folder / "dvc.yaml").write_text(DVC)
    script(folder / "work", f"#!/bin/sh\nshift\n{work}\n")
    script(folder / "measure", MEASURE)
    script(folder / "conclude", CONCLUDE)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, check=True, env=os.environ | {"DVC_NO_ANALYTICS": "1"})


def script(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
