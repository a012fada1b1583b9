"""The real loop: real data, the real encoder, DVC. What runs, what does not, and what is the same
afterwards.

The tests share one project and follow one another as a user's afternoon does.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from hone.layout import PAIR
from tests.loop.project import SMALL, Project, without_network

pytestmark = pytest.mark.loop


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, forks: Path) -> Project:
    folder = tmp_path_factory.mktemp("loop")
    return Project.made(folder / "project", folder / "home", forks=forks)


def changed(**sections: object) -> dict:
    return copy.deepcopy(SMALL) | sections


def table(project: Project, name: str) -> pl.DataFrame:
    return pl.read_parquet(project.folder / name)


def test_a_clean_run_without_network(project: Project):
    """Each stage a process of its own, as users have it; those of the tests below are forks,
    which must give the same bytes.
    """
    if not without_network():
        pytest.skip(
            "this machine does not let a process be cut off from the network (unshare --net)"
        )
    outcome = project.repro(offline=True)
    assert not outcome.restored
    assert {
        "resolve",
        "collect@python-api",
        "base",
        "generate@python-api",
        "start",
        "train@r1",
        "train@r2",
        "evaluate@r2-python-api",
    } <= set(outcome.ran)
    assert len(outcome.ran) == len(set(outcome.ran))


def test_nothing_to_do(project: Project):
    if not without_network():
        project.repro()  # the first one
    outcome = project.repro()
    assert (outcome.ran, outcome.restored) == ([], [])
    assert "up to date" in outcome.output


def test_the_commands_of_a_finished_loop(project: Project):
    """`hone run` prints the report's verdict last, and `hone status` and `hone report` agree."""
    done = hone(project, "run")
    verdict = json.loads((project.folder / "reports/verdict.json").read_text())["lines"]
    assert done.stdout.endswith("\n\n" + "\n".join(verdict) + "\n")
    assert "Nothing to run" in done.stderr
    status = json.loads(hone(project, "status", "--json").stdout)
    assert {one["state"] for one in status["rounds"]} == {"up to date"}
    assert [one["name"] for one in status["rounds"]] == ["r0", "bm25", "r1", "r2"]
    assert all(one["test"]["python-api"] is not None for one in status["rounds"])
    assert status["best"] in ("r0", "r1", "r2")
    assert (status["verdict"], status["outdated"]) == (verdict[0], [])
    assert (status["cost"]["steps"], status["cost"]["rounds"]) == (6, 2)
    text = hone(project, "report", "--text").stdout
    assert text.startswith("\n".join(verdict))
    assert "\n## " in text


def hone(project: Project, *words: str) -> subprocess.CompletedProcess:
    """A command of the project's own copy."""
    done = subprocess.run(
        [sys.executable, "-m", "commands", *words],
        check=False,
        cwd=project.folder,
        env=project.quick,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_all_that_a_stage_used_is_in_its_fingerprint(project: Project):
    """What each process of the clean run had imported when it ended, against the code that
    `resolve` noted for its stage.
    """
    checked = set()
    for note in project.notes.glob("*.json"):
        record = json.loads(note.read_text())
        settings = settings_of(record["arguments"])
        if settings is None:
            continue
        known = set(
            json.loads((project.folder / "resolved" / f"{settings}.json").read_text())["code"]
        )
        packages = {
            name
            for name in record["modules"]
            if (project.folder / name.replace(".", "/") / "__init__.py").exists()
        }
        assert set(record["modules"]) - packages <= known, settings
        checked.add(settings)
    assert {
        "base",
        "start",
        "collect/python-api",
        "generate/python-api",
        "rounds/r2/retrieve",
        "rounds/r2/train",
        "evaluate/python-api",
        "track/r2",
        "report",
    } <= checked
    assert {"leakage/python-api", "admit", "drift"} <= checked


def settings_of(arguments: list[str]) -> str | None:
    """The file below resolved/ of the stage that a command runs; null for what is no stage, or
    `resolve` itself.
    """
    module = next((word for word in arguments if word.startswith("tasks.")), "")
    given = {
        name.removeprefix("--"): value
        for name, value in pairwise(arguments)
        if name.startswith("--")
    }
    if module in ("", "tasks.resolve"):
        return None
    name = module.rpartition(".")[2]
    return {
        "collect": f"collect/{given.get('collection')}",
        "base": "base",
        "generate": f"generate/{given.get('collection')}",
        "start": "start",
        "evaluate": f"evaluate/{given.get('collection')}",
        "reference": f"reference/{given.get('reference')}/{given.get('collection')}",
        "leakage": f"leakage/{given.get('collection')}",
        "gate": "admit",
        "drift": "drift",
        "mlflow_loop": "open",
        "mlflow_rounds": f"track/{given.get('round')}",
        "report": "report",
    }.get(name, f"rounds/{given.get('round')}/{name}")


def test_candidates_are_chosen_removed_or_neither(project: Project):
    candidates = table(project, "rounds/r2/candidates.parquet").select(PAIR).unique()
    negatives = table(project, "rounds/r2/negatives.parquet")
    removed = table(project, "rounds/r2/removed/sample.parquet").filter(
        pl.col("doc_id").is_not_null()
    )
    assert len(candidates) > 0
    assert negatives.join(removed, on=PAIR, how="semi").is_empty()
    mined = negatives.filter(pl.col("source") != "random-fill")
    assert mined.join(candidates, on=PAIR, how="anti").is_empty()
    assert removed.join(candidates, on=PAIR, how="anti").is_empty()
    counts = json.loads((project.folder / "rounds/r2/sample.json").read_text())
    assert counts["candidates"] == len(candidates)
    assert sum(counts["removed"].values()) == len(removed)


def test_no_known_positive_is_trained_as_a_negative(project: Project):
    trained = table(project, "rounds/r2/trained.parquet")
    known = table(project, "data/python-api/train/qrels.parquet")
    assert trained.filter(pl.col("role") == "negative").join(known, on=PAIR, how="semi").is_empty()


def test_no_test_query_is_trained_on(project: Project):
    trained = table(project, "rounds/r2/trained.parquet")["query_id"].unique()
    evaluation_queries = pl.concat(
        [table(project, f"data/python-api/{split}/queries.parquet") for split in ("test", "dev")]
    )
    assert evaluation_queries.filter(pl.col("query_id").is_in(trained.implode())).is_empty()


def test_the_model_folder_loads_and_has_a_card(project: Project):
    from sentence_transformers import SentenceTransformer

    folder = project.folder / "models" / "r2"
    assert SentenceTransformer(str(folder), device="cpu").encode("a graph").shape == (384,)
    card = (folder / "README.md").read_text()
    for part in (
        "## Trained by Hone, round r2",
        "nv-retriever",
        "arXiv 2407.15831",
        "| python-api | r1 |",
        "| python-api | r2 |",
    ):
        assert part in card
    assert str(project.folder) not in card


def test_r1_and_r2_are_mined_and_measured_by_their_own_vectors(project: Project):
    """faults.md, "a cache that does not know the weights": r2 was mined with r1's vectors, not
    with r0's.
    """
    import numpy as np
    from sentence_transformers import SentenceTransformer

    queries = table(project, "data/python-api/train/queries.parquet").head(5)
    documents = table(project, "data/python-api/documents.parquet")
    candidates = table(project, "rounds/r2/candidates.parquet")
    model, base = (
        SentenceTransformer(str(project.folder / "models" / name), device="cpu")
        for name in ("r1", "r0")
    )
    model.max_seq_length = base.max_seq_length = SMALL["model"]["max_length"]
    texts = dict(documents.select("doc_id", "text").iter_rows())
    moved = 0.0
    for query_id, text in queries.select("query_id", "text").iter_rows():
        ranked = candidates.filter(pl.col("query_id") == query_id).sort("rank").head(10)
        vectors = model.encode(
            [text, *(texts[doc_id] for doc_id in ranked["doc_id"])], normalize_embeddings=True
        )
        np.testing.assert_allclose(
            ranked["score"].to_numpy(), vectors[1:] @ vectors[0], atol=0.02
        )  # bf16 against fp32
        before = base.encode(
            [text, *(texts[doc_id] for doc_id in ranked["doc_id"])], normalize_embeddings=True
        )
        moved = max(moved, np.abs(ranked["score"].to_numpy() - before[1:] @ before[0]).max())
    assert moved > 0.04  # the vectors of r0 would have been seen


def test_metrics_are_shown_by_dvc(project: Project):
    import subprocess

    completed = subprocess.run(
        ["dvc", "metrics", "show", "--json"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("r0", "bm25", "r1", "r2"):
        assert f"reports/metrics/{name}/python-api.json" in completed.replace("\\\\", "/")
    assert "ndcg_at_10" in completed


def test_one_parameter_runs_what_it_touches_and_its_return_restores_it(project: Project):
    before = project.tables()
    project.settings(
        changed(
            rounds=SMALL["rounds"]
            | {"r2": {"from": "r1", "recipe": "nv-retriever", "train": {"learning_rate": 5.0e-5}}}
        )
    )
    outcome = project.repro()
    assert {"resolve", "train@r2", "evaluate@r2-python-api"} <= set(outcome.ran)
    assert not [
        stage
        for stage in outcome.ran
        if stage.partition("@")[0] in ("collect", "base", "start", "retrieve", "sample", "relabel")
    ]
    assert "train@r1" not in outcome.ran
    assert project.tables()["models/r2/model.safetensors"] != before["models/r2/model.safetensors"]
    project.settings(SMALL)
    outcome = project.repro()
    assert not [stage for stage in outcome.ran if stage.partition("@")[0] in ("train", "evaluate")]
    assert {"train@r2", "evaluate@r2-python-api"} <= set(outcome.restored)
    assert project.tables() == before


def test_a_methods_code_runs_the_rounds_that_use_it(project: Project):
    before = project.tables()
    method = project.folder / "tasks" / "sample" / "filters" / "positive_aware.py"
    text = method.read_text()
    method.write_text(text + "\n\nUNUSED = 1\n")
    outcome = project.repro()
    assert outcome.ran == [
        "resolve",
        "sample@r2",
    ]  # what it gives is the same, so nothing after it runs
    method.write_text(text)
    assert "sample@r2" not in project.repro().ran
    assert project.tables() == before


def test_a_comment_another_methods_code_and_how_the_machine_works_run_resolve_alone(
    project: Project,
):
    """All at once: were one of them a reason to run a stage, that stage would be among what ran."""
    recipe = project.folder / "recipes" / "nv-retriever.yaml"
    recipe.write_text(recipe.read_text() + "# a thought\n")
    (project.folder / "tasks" / "train" / "losses" / "new_loss.py").write_text(
        '"""new-loss: nothing yet."""\n\n\ndef new_loss(batch):\n    return batch\n'
    )
    project.settings(changed(machine={"batch_tokens": 512}))
    assert project.repro().ran == ["resolve"]
    project.settings(SMALL)
    project.repro()


def test_a_round_is_added(project: Project):
    project.settings(changed(rounds=SMALL["rounds"] | {"r3": {"from": "r2", "recipe": "bm25"}}))
    outcome = project.repro()
    assert {"retrieve@r3", "sample@r3", "train@r3", "evaluate@r3-python-api"} <= set(outcome.ran)
    assert not [
        stage
        for stage in outcome.ran
        if stage.endswith(("@r1", "@r2", "r1-python-api", "r2-python-api"))
        and not stage.startswith("track")
    ]
    project.settings(SMALL)


def test_a_misspelt_word_in_the_last_round_is_found_before_the_first_trains(project: Project):
    project.settings(
        changed(rounds=SMALL["rounds"] | {"r3": {"from": "r2", "recipe": "nv-retreiver"}})
    )
    before = project.tables()
    outcome = project.repro(fails=True)
    assert outcome.ran == ["resolve"]
    assert "did you mean 'nv-retriever'?" in outcome.output
    assert "Traceback" not in outcome.output
    assert {
        name: value for name, value in project.tables().items() if not name.startswith("resolved/")
    } == {name: value for name, value in before.items() if not name.startswith("resolved/")}
    project.settings(SMALL)
    project.repro()


KILLED_IN = (
    "resolve",
    "collect@python-api",
    "base",
    "generate@python-api",
    "start",
    "leakage@python-api",
    "admit",
    "train@r1",
    "retrieve@r2",
    "rank@r2",
    "score@r2",
    "sample@r2",
    "relabel@r2",
    "train@r2",
    "evaluate@r2-python-api",
    "evaluate-reference@r0-python-api",
    "open",
    "track@r2",
    "drift",
    "report",
)


@pytest.mark.slow
def test_killed_in_each_stage_it_goes_on_to_the_same_result(project: Project, tmp_path: Path):
    """From nothing but the code, killed in one stage after the other: the same bytes as the run
    that was never killed.

    `make test` has the same of stand-ins for the stages (test_killed.py), and really kills
    `relabel` and `train` below.
    """
    broken = Project.made(tmp_path / "project", tmp_path / "home")
    for stage in KILLED_IN:
        broken.killed_in(stage)
    broken.mend()
    broken.repro()
    unbroken, resumed = project.tables(), broken.tables()
    unchanged = {name for name in unbroken if "/r3/" not in name and "new_loss" not in name}
    assert unchanged == set(resumed)
    differing = sorted(name for name in unchanged if unbroken[name] != resumed[name])
    assert not differing
    litter = [str(file) for file in broken.folder.rglob("*.part") if ".dvc" not in file.parts]
    assert not litter


JUDGED = {
    "judges": {
        "guide": {"encoder": {"to": "positives", "model": "r0"}},
        "local": {"local": {"model": "smollm2-135m", "trim": 48, "context": 512}},
    },
    "rounds": SMALL["rounds"]
    | {
        "r3": {
            "from": "r2",
            "recipe": "guide-confirmed",
            "relabel": {
                "cascade": [
                    {"judge": "guide", "escalate": {"most": {"pairs": 6}}},
                    {"judge": "local"},
                ]
            },
        }
    },
}


def test_a_round_that_judges_read_is_killed_goes_on_and_asks_nothing_twice(project: Project):
    """A guide and a real LLM read the negatives of a round; what they find right does not train,
    and the report tells.

    Killed in `relabel`, then in `train` after a checkpoint: labels and weights are those of stages
    that run in one piece.
    """
    from tasks.train.trainer import COMPLETE

    project.settings(changed(**JUDGED))
    project.killed_in("relabel@r3")
    project.mend()
    for note in project.notes.glob("*.json"):
        note.unlink()
    project.killed_in(
        "train@r3", lambda: any((project.home / "checkpoints").glob(f"*/checkpoint-*/{COMPLETE}"))
    )
    project.mend()
    project.repro()
    assert not [str(file) for file in project.folder.rglob("*.part") if ".dvc" not in file.parts]
    account = json.loads((project.folder / "rounds/r3/relabel.json").read_text())
    negatives = table(project, "rounds/r3/negatives.parquet")
    assert [judge["judge"] for judge in account["judges"]] == ["guide", "local"]
    assert account["judges"][0]["asked"] == len(negatives)
    assert account["judges"][1]["asked"] == 6
    judgments = table(project, "rounds/r3/judgments.parquet")
    assert (
        judgments.filter(pl.col("judge") == "local")["model"].str.starts_with("smollm2-135m ").all()
    )
    dropped = table(project, "rounds/r3/removed/relabel.parquet")
    trained = table(project, "rounds/r3/trained.parquet").filter(pl.col("role") == "negative")
    assert len(dropped) == account["actions"].get("drop", 0)
    assert trained.join(dropped, on=PAIR, how="semi").is_empty()
    assert "Judge verdicts on negatives" in (project.folder / "reports/index.html").read_text()
    known = json.loads((project.folder / "resolved/rounds/r3/relabel.json").read_text())["code"]
    used = [
        record["modules"]
        for note in project.notes.glob("*.json")
        if "--round" in (record := json.loads(note.read_text()))["arguments"]
        and "tasks.relabel" in record["arguments"]
    ]
    assert used
    packages = {
        name
        for name in used[0]
        if (project.folder / name.replace(".", "/") / "__init__.py").exists()
    }
    assert set(used[0]) - packages <= set(known)
    before = (project.folder / "rounds/r3/judgments.parquet").read_bytes()
    (project.folder / "rounds/r3/judgments.parquet").unlink()
    outcome = project.repro("--no-run-cache", "--force", "--single-item", "relabel@r3")
    assert outcome.ran == ["relabel@r3"]
    assert (
        project.folder / "rounds/r3/judgments.parquet"
    ).read_bytes() == before  # from the ledger: nothing was asked
    weights = (project.folder / "models/r3/model.safetensors").read_bytes()
    assert not list((project.home / "checkpoints").glob("*"))
    assert project.repro("--no-run-cache", "--force", "--single-item", "train@r3").ran == [
        "train@r3"
    ]
    assert (project.folder / "models/r3/model.safetensors").read_bytes() == weights
