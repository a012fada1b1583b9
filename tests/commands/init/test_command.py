"""`hone init`: from a data folder to a params.yaml that `collect` and `hone doctor` accept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands.__main__ import app
from commands.doctor import command as doctor
from commands.init.command import init
from commands.init.params_text import epochs_of, scalar
from hone.config import methods, params
from hone.config.yaml12 import from_yaml
from hone.errors import Refused
from hone.files import read_json
from tests.prepared import PROJECT, Rows, pairs, write_rows
from tests.stages import collect, resolve
from tests.tiny_model import tiny_model

DOCUMENTS = [
    {"doc_id": f"d{number}", "text": f"machine {number * 7919:x} is slow " * (1 + number % 3)}
    for number in range(120)
]


@pytest.fixture
def checkout(workspace: Path) -> Path:
    """A folder with the recipes and the shipped params.yaml."""
    shutil.copytree(PROJECT / "recipes", "recipes")
    shutil.copy(PROJECT / "params.yaml", "params.yaml")
    Path("inputs").mkdir()
    return workspace


def queries(count: int, **more: str) -> Rows:
    return [
        {"query_id": f"q{number}", "text": f"why is {number * 7919:x} {number * 31:x} slow"} | more
        for number in range(count)
    ]


def write_ours(count: int, documents: Rows = DOCUMENTS, place: str = "inputs/ours") -> None:
    labels = pairs(*((f"q{number}", f"d{number % 100}") for number in range(count)))
    write_rows(Path(place), documents, queries(count), labels)


def test_a_folder_becomes_a_params_file_that_the_stages_accept(
    checkout: Path, capsys: pytest.CaptureFixture[str]
):
    write_ours(200)
    init(None)
    told = capsys.readouterr().out
    written = Path("params.yaml").read_text()
    assert "The previous file is params.demo.yaml." in told
    assert "hone audit inputs/ours" in told
    assert Path("params.demo.yaml").read_text() == (PROJECT / "params.yaml").read_text()
    given = params.read()
    assert given.collections["ours"].source == "folder"
    assert given.model.max_length == 64
    assert list(given.judges) == ["guide"]  # no LLM, and in particular none for code
    assert {name: (item.start, item.recipe) for name, item in given.rounds.items()} == {
        "r1": ("r0", "warm-up"),
        "r2": ("r1", "nv-retriever"),
        "control": ("r1", "in-batch"),
    }
    assert not any(row.kind == doctor.FAULT for row in (*doctor.settings(), *doctor.data()))
    resolve()
    collect("ours")
    about = read_json(Path("data/ours/about.json"))
    found = {name: about[name]["queries"] for name in ("train", "dev", "test")}
    assert found["test"] >= 60
    assert found["dev"] >= 30
    counts = f"{found['train']} train, {found['dev']} dev and {found['test']} test"
    assert f"Splits: {counts} queries with a positive." in told
    assert counts in written


def test_the_same_data_gives_the_same_bytes(checkout: Path):
    write_ours(40)
    init(Path("inputs/ours"))
    first = Path("params.yaml").read_bytes()
    Path("params.yaml").unlink()
    init(Path("inputs/ours/"))
    assert Path("params.yaml").read_bytes() == first
    init(Path("inputs/ours"))  # unchanged, so --force is not needed
    assert not list(Path().glob("params.yaml.bak*"))


def test_settings_of_the_user_are_not_replaced(checkout: Path):
    write_ours(40)
    mine = Path("params.yaml").read_text() + "# mine\n"
    Path("params.yaml").write_text(mine)
    with pytest.raises(Refused, match="Use --force"):
        init(None)
    assert Path("params.yaml").read_text() == mine
    init(None, force=True)
    [backup] = Path().glob("params.yaml.bak-*")
    assert backup.read_text() == mine


def test_beir_without_dev_gets_a_dev_split_out_of_train(checkout: Path):
    folder = Path("inputs/beir/qrels")
    folder.mkdir(parents=True)
    lines = [json.dumps({"_id": row["doc_id"], "text": row["text"]}) for row in DOCUMENTS]
    (folder.parent / "corpus.jsonl").write_text("\n".join(lines))
    lines = [json.dumps({"_id": row["query_id"], "text": row["text"]}) for row in queries(150)]
    (folder.parent / "queries.jsonl").write_text("\n".join(lines))
    for name, numbers in (("train", range(100)), ("test", range(100, 150))):
        labels = "".join(f"q{number}\td{number % 100}\t1\n" for number in numbers)
        (folder / f"{name}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{labels}")
    init(None)
    given = params.read().collections["beir"]
    assert (given.source, given.split.divide, given.split.test) == ("beir", "train", 0)
    resolve()
    collect("beir")
    about = read_json(Path("data/beir/about.json"))
    assert about["test"]["queries"] == 50
    assert about["dev"]["queries"] >= 30
    assert about["train"]["queries"] + about["dev"]["queries"] == 100


def test_a_training_file(checkout: Path):
    file = Path("inputs/my pairs: all.jsonl")
    rows = [
        {"query": row["text"], "pos": [DOCUMENTS[number]["text"]], "neg": ["something else"]}
        for number, row in enumerate(queries(100))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    init(file)
    given = params.read()
    assert given.collections["my-pairs-all"].source == "triplets"
    assert given.collections["my-pairs-all"].path == str(file)


def test_flaws_that_a_setting_excludes_are_excluded_and_reported(
    checkout: Path, capsys: pytest.CaptureFixture[str]
):
    write_ours(40, [*DOCUMENTS, {"doc_id": "empty", "text": ""}])
    labels = Path("inputs/ours/qrels.jsonl")
    labels.write_text(labels.read_text() + json.dumps({"query_id": "q1", "doc_id": "gone"}) + "\n")
    init(None)
    told = capsys.readouterr().out
    assert "Set empty_documents: leave-out, because 1 documents have no text." in told
    assert "Set absent_labels: ignore, because 1 labels name" in told
    resolve()
    collect("ours")
    assert read_json(Path("data/ours/about.json"))["documents"] == 120


def test_repeated_queries_are_left_out_and_a_given_split_is_kept(checkout: Path):
    splits = {number: "test" if number < 30 else "train" for number in range(80)}
    rows = [row | {"split": splits[number]} for number, row in enumerate(queries(80))]
    rows.append({"query_id": "again", "text": rows[0]["text"].upper(), "split": "train"})
    labels = pairs(*((row["query_id"], f"d{number % 100}") for number, row in enumerate(rows)))
    write_rows(Path("inputs/ours"), DOCUMENTS, rows, labels)
    init(None)
    given = params.read().collections["ours"]
    assert (given.repeated_queries, given.split.divide) == ("leave-out", "train")
    resolve()
    collect("ours")
    about = read_json(Path("data/ours/about.json"))
    assert about["repeated_queries"] == 1
    assert about["test"]["queries"] == 30
    written = Path("params.yaml").read_text()
    assert f"give {about['train']['queries']} train, {about['dev']['queries']} dev" in written


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"documents.csv": "doc_id,text\n1,one\n"}, "queries for 1 documents are too few"),
        ({}, "has no files. Hone needs documents, queries and labels"),
        ({"a.docx": "PK"}, "a.docx: unsupported type. Save it as .pdf, .html or .txt."),
        ({"a.md": "# one"}, "queries for 1 documents are too few"),
        (
            {
                "documents.csv": "doc_id,text\n1,one\n",
                "queries.csv": "query_id,text\nq,ask\n",
                "qrels.csv": "query_id,doc_id\nq,1,extra\n",
            },
            "qrels.csv, row 2: 3 fields, but the header has 2",
        ),
        (
            {
                "documents.csv": "doc_id,text\n1,one\n1,two\n",
                "queries.csv": "query_id,text\nq,ask\n",
                "qrels.csv": "query_id,doc_id\nq,1\n",
            },
            "the document id is duplicated",
        ),
        (
            {
                "documents.csv": "doc_id,text\n1,one\n",
                "queries.csv": "query_id,text\nq,ask\n",
                "qrels.csv": "query_id,doc_id\nq,1\n",
            },
            "only 1 queries have a positive label",
        ),
        (
            {
                "train.jsonl": '{"query": "a", "pos": ["b"]}',
                "test.jsonl": '{"query": "a", "pos": ["b"]}',
            },
            "has 2 training files",
        ),
    ],
)
def test_unusable_data_is_refused_and_nothing_is_written(
    checkout: Path, files: dict[str, str], said: str
):
    before = Path("params.yaml").read_bytes()
    Path("inputs/ours").mkdir()
    for name, text in files.items():
        Path("inputs/ours", name).write_text(text)
    with pytest.raises(Refused) as refusal:
        init(None)
    assert said in str(refusal.value)
    assert Path("params.yaml").read_bytes() == before
    assert sorted(entry.name for entry in Path().iterdir()) == ["inputs", "params.yaml", "recipes"]


def test_text_files_with_queries_and_labels(checkout: Path):
    folder = Path("inputs/guide")
    folder.mkdir()
    for row in DOCUMENTS[:40]:
        (folder / f"{row['doc_id']}.md").write_text(f"# {row['doc_id']}\n\n{row['text']}\n")
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries(40)))
    labels = [{"query_id": f"q{number}", "doc_id": f"d{number}.md"} for number in range(40)]
    (folder / "qrels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))
    if "files" not in methods.names("collect"):
        with pytest.raises(Refused, match="has no `source: files`"):
            init(None)
        return
    init(None)
    assert params.read().collections["guide"].source == "files"


def test_several_data_folders_are_listed(checkout: Path):
    for name in ("ours", "theirs", "examples", "labels", "methods"):
        Path("inputs", name).mkdir()
    with pytest.raises(Refused) as refusal:
        init(None)
    lines = str(refusal.value).splitlines()
    assert lines[1:] == ["- hone init inputs/ours", "- hone init inputs/theirs"]


def test_a_missing_path_names_the_nearest(checkout: Path):
    Path("inputs/ours").mkdir()
    with pytest.raises(Refused, match="inputs/our does not exist; did you mean 'inputs/ours'"):
        init(Path("inputs/our"))


def test_a_dataset_of_the_hub_is_not_a_folder(checkout: Path):
    with pytest.raises(Refused, match="'hub:rlhn/rlhn-100K' is on the Hub. Add it to"):
        init(Path("hub:rlhn/rlhn-100K"))


def test_another_base_model(checkout: Path):
    """The tiny model reads at most 64 tokens, and its vocabulary splits few words."""
    write_ours(40)
    tiny_model(Path("inputs/model"))
    init(Path("inputs/ours"), model="inputs/model")
    given = params.read()
    assert (given.model.name, given.model.max_length) == ("inputs/model", 64)


def test_steps_and_epochs():
    """Rates were chosen with 24 steps of 64 queries: 1,536 queries in one epoch."""
    assert [epochs_of(queries) for queries in (8, 384, 385, 768, 769, 1_472, 1_473, 100_000)] == [
        4, 4, 4, 2, 2, 2, 1, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["ours", "inputs/ours", "7", "on", "a: b", "#x", "a\nb", "ü/’", "-", "null", "1e3", "~"]
)
def test_scalars_are_read_back_as_the_same_text(text: str):
    assert from_yaml(f"key: {scalar(text)}   # comment")["key"] == text
    assert yaml.safe_load(f"[{scalar(text)}]") == [text]


def test_the_command_ends_with_one_message(checkout: Path):
    assert any(command.callback.__name__ == "init" for command in app.registered_commands)
    ended = subprocess.run(
        [sys.executable, "-m", "commands", "init", "absent"],
        check=False, capture_output=True, text=True, cwd=PROJECT,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("hone: absent does not exist")
