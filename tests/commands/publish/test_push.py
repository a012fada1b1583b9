"""`hone export ... --push`: what leaves is shown and confirmed, goes out in one commit, and has
nothing of this machine.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
from huggingface_hub import HfApi

from commands.export import export, export_model
from commands.publish.private import search
from commands.publish.push import Push, push_of
from hone.errors import Refused
from hone.files import BLOCK
from tests.hub_imitation import TOKEN, USER, Hub, hub_imitation, no_waiting
from tests.prepared import collected, write_params
from tests.report.made_up import write_all
from tests.stages import report, start
from tests.tiny_model import tiny_model

__all__ = ["hub_imitation", "no_waiting"]  # the fixtures

PROJECT = Path(__file__).parents[3]
NAME = f"{USER}/retriever"
YES = Push(NAME, confirmed=True)


@pytest.fixture
def token(hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub_imitation


@pytest.fixture
def model(workspace: Path) -> Path:
    """A project with a model of r2 and its card."""
    write_all()
    report()
    return tiny_model(workspace / "models" / "r2")


@pytest.fixture
def data(workspace: Path) -> Path:
    """A project with training data of r0, from a training file."""
    rows = [
        {"query": f"question {number}", "pos": [f"answer {number}"], "neg": [f"wrong {number}"]}
        for number in range(20)
    ]
    Path("inputs").mkdir()
    Path("inputs/t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_params(
        collections={
            "ours": {"source": "triplets", "path": "inputs/t.jsonl", "split": {"dev": 0, "test": 0}}
        },
        evaluate_on=["ours"],
    )
    collected()
    start()
    return workspace


def pushed(hub: Hub, kind: str = "model", name: str = NAME) -> dict[str, bytes]:
    return hub.repositories[kind, name].commits[-1][1]


def header_of(card: bytes) -> dict:
    return yaml.safe_load(card.decode().split("---\n")[1])


def test_a_model_goes_out_whole_in_one_commit(
    token: Hub, model: Path, capsys: pytest.CaptureFixture
):
    export_model("r2", None, Push(NAME, license="apache-2.0", confirmed=True))
    repository = token.repositories["model", NAME]
    assert repository.private
    assert len(repository.commits) == 2  # the empty one of its creation, and this
    assert repository.messages[-1] == "Model of round r2"
    files = pushed(token)
    for file in model.rglob("*.safetensors"):
        assert files[file.relative_to(model).as_posix()] == file.read_bytes()
    assert files["modules.json"] == (model / "modules.json").read_bytes()
    card = files["README.md"].decode()
    assert f'SentenceTransformer("{NAME}")' in card
    about = header_of(files["README.md"])
    assert about["library_name"] == "sentence-transformers"
    assert about["license"] == "apache-2.0"
    assert "hone" in about["tags"]
    printed = capsys.readouterr().out
    for path in files:
        assert path == ".gitattributes" or path in printed
    assert "will be created and is private. Only its owner can read it." in printed
    assert f"as the user {USER}" in printed
    assert f"{token.address}/{NAME}/commit/{repository.refs['main']}" in printed
    assert TOKEN not in printed


def test_no_license_is_guessed(token: Hub, model: Path):
    export_model("r2", None, YES)
    assert "license" not in header_of(pushed(token)["README.md"])


def test_the_pushed_model_loads(token: Hub, model: Path, tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    export_model("r2", None, YES)
    for path, content in pushed(token).items():
        (tmp_path / "got" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "got" / path).write_bytes(content)
    texts = ["red cat", "green tree"]
    before, after = (
        SentenceTransformer(str(folder), device="cpu").encode(texts)
        for folder in (model, tmp_path / "got")
    )
    assert (before == after).all()


def test_nothing_of_this_machine_leaves(
    token: Hub, model: Path, hone_home: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    """All bytes of all requests are searched."""
    monkeypatch.setenv("HOME", str(workspace / "home-of-somebody"))
    monkeypatch.setenv("MY_API_KEY", "a-secret-of-this-machine")
    export_model("r2", Path("copies/mine"), YES)
    sent = token.sent()
    assert b"sentence-transformers" in sent
    for private in (workspace, hone_home, Path.home(), PROJECT, Path(sys.prefix)):
        assert str(private).encode() not in sent
    assert b"a-secret-of-this-machine" not in sent
    assert b"copies/mine" not in sent
    uploaded = b"".join(pushed(token).values())
    assert TOKEN.encode() not in uploaded


@pytest.mark.parametrize("where", ["path", "home", "user", "token", "key"])
def test_a_file_with_something_private_is_refused(
    token: Hub,
    model: Path,
    hone_home: Path,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("SOME_API_KEY", "sk-1234567890")
    private, what = {
        "path": (str(workspace / "inputs"), "the path of this project"),
        "home": (str(hone_home), "the path of HONE_HOME"),
        "user": ("/home/somebody/models", "the path of your home folder"),
        "token": (TOKEN, "the value of HF_TOKEN"),
        "key": ("sk-1234567890", "the value of SOME_API_KEY"),
    }[where]
    file = model / "config_sentence_transformers.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"note": private}))
    with pytest.raises(Refused, match=f"config_sentence_transformers.json contains {what}") as no:
        export_model("r2", None, YES)
    assert private not in str(no.value)
    assert token.requests == []


def test_data_goes_out_with_its_card(token: Hub, data: Path, capsys: pytest.CaptureFixture):
    name = f"{USER}/training-data"
    export("r0", "tevatron", Path("r0.jsonl"), Push(name, public=True, confirmed=True))
    repository = token.repositories["dataset", name]
    assert not repository.private
    files = pushed(token, "dataset", name)
    assert files["r0.tevatron.jsonl"] == Path("r0.jsonl").read_bytes()
    card = files["README.md"].decode()
    assert header_of(files["README.md"])["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "r0.tevatron.jsonl"}]}
    ]
    assert "20 queries with 20 positives and 20 negatives" in card
    assert "| ours | triplets, files of the project |" in card
    assert "inputs/t.jsonl" not in card
    assert "| positive | qrels | given | 20 |" in card
    assert "| negative | qrels | given | 20 |" in card
    assert "No query and no document is marked as generated." in card
    printed = capsys.readouterr().out
    assert "is public. Everyone can read it." in printed
    assert f"{token.address}/datasets/{name}/commit/" in printed


def test_pushed_data_is_read_again(token: Hub, data: Path):
    """A round trip: `source: hub` reads what `--push` uploads."""
    from hone.config import methods
    from tasks.collect.triplets import triplets

    name = f"{USER}/training-data"
    for format in ("sentence-transformers", "flagembedding", "tevatron"):
        export("r0", format, None, Push(f"{name}-{format}", confirmed=True))
        line = methods.checked("collect", {"hub": {}}, "here")
        what = f"{name}-{format}"
        read = methods.find("collect", "hub")
        source = read(line["parameters"], path=Path(), what=what, model=None)
        own = triplets(Path("inputs/t.jsonl"), None)
        assert texts(source) == texts(own)


def texts(source) -> set[tuple[str, str, int]]:
    joined = source.qrels.join(source.queries.select("query_id", query="text"), on="query_id")
    joined = joined.join(source.documents.select("doc_id", document="text"), on="doc_id")
    return set(joined.select("query", "document", "relevance").rows())


def test_hostile_texts_in_the_card(token: Hub, data: Path):
    about = Path("data/ours/about.json")
    origin = {
        "address": "https://evil.example/<script>alert(1)</script>",
        "license": "mit |\n---\nlicense: stolen\n[x](y)",
        "commit": "`x`",
    }
    about.write_text(json.dumps(json.loads(about.read_text()) | {"origin": origin}))
    export("r0", "tevatron", None, Push(f"{USER}/d", confirmed=True))
    card = pushed(token, "dataset", f"{USER}/d")["README.md"].decode()
    assert "<script>" not in card
    assert "\nlicense: stolen" not in card
    assert "[x](y)" not in card
    assert "license" not in header_of(card.encode())


def test_judges_are_named_without_their_log(token: Hub, workspace: Path):
    """Their models are named, and neither a path nor an answer leaves."""
    write_all()
    write_params()
    labels = Path("rounds/r3/labels.parquet")
    pl.read_parquet(labels).with_columns(
        judge=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("a|<b>judge"))
    ).write_parquet(labels)
    judgments = Path("rounds/r3/judgments.parquet")
    pl.read_parquet(judgments).with_columns(
        model=pl.when(pl.int_range(pl.len()) < 2)
        .then(pl.lit("/models/of/mine/judge.gguf"))
        .otherwise(pl.lit("vendor/judge-7b")),
        raw=pl.lit("the whole answer of the judge"),
    ).write_parquet(judgments)
    export("r3", "flagembedding", None, Push(f"{USER}/d", confirmed=True))
    card = pushed(token, "dataset", f"{USER}/d")["README.md"].decode()
    assert "| positive | a\\|\\<b\\>judge | made up | 1 |" in card
    assert "| positive | none | made up | 2 |" in card
    assert "| cheap | judge.gguf | 2 |\n| cheap | vendor/judge-7b | 2 |" in card
    sent = token.sent()
    assert b"/models/of" not in sent
    assert b"the whole answer" not in sent


def test_generated_queries_are_counted(token: Hub, data: Path):
    file = Path("data/ours/train/queries.parquet")
    queries = pl.read_parquet(file).with_columns(
        origin=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("generated"))
    )
    queries.write_parquet(file)
    start()
    export("r0", "tevatron", None, Push(f"{USER}/d", confirmed=True))
    card = pushed(token, "dataset", f"{USER}/d")["README.md"].decode()
    assert "Written by a model or by a rule: 3 of 20 queries." in card


def test_a_public_repository_needs_the_option(token: Hub, model: Path):
    token.repository("model", NAME, {"old.txt": "old"})
    with pytest.raises(Refused, match=r"exists and is public. Add --public, or change it at"):
        export_model("r2", None, YES)
    token.repositories["model", NAME].private = True
    with pytest.raises(Refused, match=r"exists and is private. Remove --public"):
        export_model("r2", None, Push(NAME, public=True, confirmed=True))
    assert len(token.repositories["model", NAME].commits) == 1
    assert not token.paths("PUT")


def test_an_existing_repository_keeps_its_other_files(
    token: Hub, model: Path, capsys: pytest.CaptureFixture
):
    token.repository("model", NAME, {"old.txt": "old", "README.md": "mine"}, private=True)
    export_model("r2", None, YES)
    assert pushed(token)["old.txt"] == b"old"
    assert b"trained by Hone" in pushed(token)["README.md"]
    printed = capsys.readouterr().out
    assert "Its other files stay: 'old.txt'." in printed
    assert "replaces a file" in printed
    assert "The repository exists and is private." in printed


def test_a_commit_of_somebody_else_meanwhile(
    token: Hub, model: Path, monkeypatch: pytest.MonkeyPatch
):
    """The confirmation was about another state, so nothing is uploaded."""
    repository = token.repository("model", NAME, {"old.txt": "old"}, private=True)
    real = HfApi.create_commit

    def late(api: HfApi, *given: object, **more: object) -> object:
        repository.commit({"old.txt": "newer"})
        return real(api, *given, **more)

    monkeypatch.setattr(HfApi, "create_commit", late)
    with pytest.raises(Refused, match="it has changed since the question"):
        export_model("r2", None, YES)
    assert list(pushed(token)) == ["old.txt"]


def test_an_upload_that_breaks_off_is_repeated(token: Hub, model: Path, no_waiting: None):
    token.cut_uploads = [10, 100]
    export_model("r2", None, YES)
    assert pushed(token)["model.safetensors"] == (model / "model.safetensors").read_bytes()


def test_an_upload_that_stays_broken_changes_nothing(token: Hub, model: Path, no_waiting: None):
    token.repository("model", NAME, {"old.txt": "old"}, private=True)
    token.cut_uploads = [0] * 100
    with pytest.raises(Refused, match="broke off .*the repository has its old files"):
        export_model("r2", None, YES)
    assert list(pushed(token)) == ["old.txt"]


@pytest.mark.parametrize(
    ("pattern", "status", "message"),
    [
        ("/whoami-v2", 401, "the Hub rejected the token in HF_TOKEN"),
        ("/repos/create", 403, "the token in HF_TOKEN has no permission"),
        ("/preupload/", 403, "the token in HF_TOKEN has no permission"),
        ("/commit/", 500, "the Hub answered with HTTP 500"),
        ("/storage/", 403, "could not be uploaded"),
        ("/api/validate-yaml", 400, "could not be uploaded"),
    ],
)
def test_errors_of_the_hub(
    token: Hub, model: Path, no_waiting: None, pattern: str, status: int, message: str
):
    token.statuses[pattern] = status
    with pytest.raises(Refused, match=message) as refusal:
        export_model("r2", None, YES)
    assert TOKEN not in str(refusal.value)
    repository = token.repositories.get(("model", NAME))
    assert repository is None or list(repository.commits[-1][1]) == [".gitattributes"]


def test_somebody_elses_namespace(token: Hub, model: Path):
    with pytest.raises(Refused, match="has no permission for it"):
        export_model("r2", None, Push("somebody/else", confirmed=True))


def test_a_wrong_token(hub_imitation: Hub, model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong_wrong_wrong")
    with pytest.raises(Refused, match="the Hub rejected the token") as refusal:
        export_model("r2", None, YES)
    assert "hf_wrong" not in str(refusal.value)
    assert hub_imitation.repositories == {}


def test_without_a_token_or_a_terminal(hub_imitation: Hub, model: Path):
    with pytest.raises(Refused, match="needs a terminal. Add --yes"):
        export_model("r2", None, Push(NAME))
    with pytest.raises(Refused, match="needs a token with write permission in HF_TOKEN"):
        export_model("r2", None, YES)
    with pytest.raises(Refused, match="needs a new folder"):
        export_model("r2", None)
    assert hub_imitation.requests == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, True, None, False), r"'--public' needs --push"),
        ((None, False, "mit", True), r"'--license', '--yes' needs --push"),
        (("retriever", False, None, False), "--push is 'retriever', which is not OWNER/NAME"),
        (("a/b", False, "MIT License", False), "--license is 'MIT License'"),
        (("a/b\x1b[2J", False, None, False), "is not OWNER/NAME"),
        (("../b", False, None, False), "is not OWNER/NAME"),
    ],
)
def test_options_that_cannot_be(given: tuple, message: str):
    with pytest.raises(Refused, match=message):
        push_of(*given)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_it_asks_in_a_terminal(token: Hub, data: Path, hone_home: Path, answer: str):
    """The real command in a real terminal."""
    outside, inside = pty.openpty()
    command = [sys.executable, "-c", "from commands.__main__ import main; main()"]
    arguments = ["export", "data", "r0", "--format", "tevatron", "--push", f"{USER}/d"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1"}
    os.write(outside, f"{answer}\n".encode())
    with subprocess.Popen(
        [*command, *arguments], stdin=inside, stdout=inside, stderr=inside, env=environment
    ) as process:
        os.close(inside)
        printed = b""
        while True:
            try:
                block = os.read(outside, 4096)
            except OSError:  # the other end is closed
                break
            if not block:
                break
            printed += block
        code = process.wait()
    os.close(outside)
    assert b"Upload? [y/N]" in printed
    assert TOKEN.encode() not in printed
    if answer == "y":
        assert code == 0
        assert "r0.tevatron.jsonl" in pushed(token, "dataset", f"{USER}/d")
    else:
        assert code == 1
        assert b"Nothing was uploaded." in printed
        assert ("dataset", f"{USER}/d") not in token.repositories
        assert not [path for path in token.paths("POST") if "create" in path]


@pytest.mark.parametrize("place", [0, 5, BLOCK - 3, BLOCK - 1, BLOCK, 2 * BLOCK - 4, 3 * BLOCK])
def test_a_text_across_two_blocks_is_found(tmp_path: Path, place: int):
    file = tmp_path / "file"
    file.write_bytes(b"x" * place + b"secret" + b"y" * 10)
    assert search(file, {b"secret": "it", b"absent": "that"}) == ("it", place)
    assert search(file, {b"absent": "that"}) is None
