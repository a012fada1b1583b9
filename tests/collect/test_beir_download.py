"""Published BEIR collections: taken as they are, complete or absent, and the ones that their
publisher has summed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hone.config.params import Collection
from hone.data import tables
from hone.data.file_faults import Faults
from hone.errors import Refused
from tasks.collect import beir_download
from tasks.collect.beir import beir
from tasks.collect.collection import prepared, write_collection
from tasks.collect.refusals import examined
from tasks.collect.settings import CollectSettings

FILES = {
    "corpus.jsonl": '{"_id": "d1", "title": "t", "text": "a"}\n{"_id": "d2", "title": "", "text": '
    '""}\n',
    "queries.jsonl": '{"_id": "q1", "text": "ask"}\n{"_id": "q3", "text": "learn"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td9\t1\nq2\td1\t1\nq1\td2\t-1\n",
    "qrels/train.tsv": "query-id\tcorpus-id\tscore\nq3\td1\t1\nq3\td9\t1\n",
}
Served = dict[str, Callable[[BaseHTTPRequestHandler], None]]


def packed(files: dict[str, str], name: str = "fiqa") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file, content in files.items():
            archive.writestr(
                file if file.startswith(("/", "..", "\\")) else f"{name}/{file}", content
            )
    return made.getvalue()


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[Served, str]]:
    """What a local server answers to a name, and its address."""
    served: Served = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served[self.path.strip("/")](self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield served, f"http://127.0.0.1:{server.server_address[1]}/{{}}.zip"
    server.shutdown()
    server.server_close()


@pytest.fixture
def serve(
    answers: tuple[Served, str], monkeypatch: pytest.MonkeyPatch, workspace: Path
) -> Callable[..., list[str]]:
    """Serve bytes as an archive; gives the list of requests that came."""
    served, address = answers
    monkeypatch.setattr(beir_download, "ADDRESS", address)
    monkeypatch.setattr(beir_download, "MD5", {})

    def put(
        content: bytes,
        status: int = 200,
        promised: int | None = None,
        checksum: bool = True,
        name: str = "fiqa",
    ) -> list[str]:
        came: list[str] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            came.append(handler.path)
            handler.send_response(status)
            handler.send_header(
                "Content-Length", str(len(content) if promised is None else promised)
            )
            handler.end_headers()
            handler.wfile.write(content)

        served[f"{name}.zip"] = answer
        if checksum:
            beir_download.MD5[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return came

    return put


def left(home: Path) -> list[str]:
    """What stands below HONE_HOME/downloads/beir, but for locks."""
    folder = home / "downloads/beir"
    return (
        sorted(entry.name for entry in folder.iterdir() if not entry.name.endswith(".lock"))
        if folder.exists()
        else []
    )


def test_a_published_collection_is_taken_as_it_is_and_counted(serve: Callable, hone_home: Path):
    """FiQA has a document without title and text; labels may name what the publisher left out."""
    came = serve(packed(FILES))
    given = dict(Collection(source="beir:fiqa", path="requirements.txt"))
    more = {"method": "beir", "parameters": {}, "what": "fiqa", "train": True, "seed": 13}
    settings = CollectSettings.model_construct(**given | more)
    prepared("ours", settings)
    found = prepared("ours", settings)
    assert came == ["/fiqa.zip"]
    assert left(hone_home) == ["fiqa"]
    assert found.source.documents["doc_id"].to_list() == ["d1", "d2"]
    labels = found.source.qrels.select("query_id", "doc_id", "relevance").rows()
    assert labels == [("q3", "d1", 1), ("q1", "d1", 1), ("q1", "d9", 1), ("q1", "d2", 0)]
    write_collection(Path("ours"), found, settings)
    about = json.loads(Path("ours/about.json").read_text())
    assert (about["empty_documents"], about["negative_grades"], about["absent_labels"]) == (1, 1, 2)
    assert about["origin"]["md5"] == beir_download.MD5["fiqa"]
    removed = (
        tables.read("removed", Path("ours/removed.parquet"))
        .select("query_id", "doc_id", "detail")
        .rows()
    )
    assert removed == [
        ("q3", "d9", "document is not in the collection"),
        ("q2", "d1", "query is not in the collection"),
    ]


def test_of_what_a_publisher_has_twice_the_last_counts(serve: Callable):
    """So does BEIR's own loader."""
    again = {
        "corpus.jsonl": '{"_id": "d1", "text": "newer"}\n',
        "qrels/test.tsv": "q1\td1\t2\n",
        "qrels/train.tsv": "q3\td1\t1\n",
    }
    serve(packed({file: content + again.get(file, "") for file, content in FILES.items()}))
    settings = CollectSettings.model_construct(
        **dict(Collection(source="beir:fiqa", path="requirements.txt")) | {"train": False}
    )
    found = examined("ours", beir(Path(), "fiqa"), settings, Faults())
    assert found.source.documents.select("doc_id", "text").rows() == [("d1", "newer"), ("d2", "")]
    assert (found.counts["repeated_ids"], found.counts["repeated_labels"]) == (1, 2)
    assert ("q1", "d1", 2) in found.source.qrels.select("query_id", "doc_id", "relevance").rows()


def test_a_checksum_that_is_not_the_published_one(serve: Callable, hone_home: Path):
    serve(packed(FILES))
    beir_download.MD5["fiqa"] = "0" * 32
    with pytest.raises(Refused, match=f"but BEIR publishes {'0' * 32}"):
        beir(Path(), "fiqa")
    assert left(hone_home) == []


def test_where_no_checksum_is_published_it_is_recorded_and_reported(
    serve: Callable, hone_home: Path, capsys: pytest.CaptureFixture
):
    serve(packed(FILES), checksum=False)
    origin = beir(Path(), "fiqa").origin
    assert origin["md5"] == hashlib.md5(packed(FILES), usedforsecurity=False).hexdigest()
    assert "BEIR publishes no checksum" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        (b"", {"status": 404}, "HTTP status 404"),
        (
            packed(FILES)[:-40],
            {"promised": len(packed(FILES))},
            "could not be downloaded|broke off",
        ),
        (packed(FILES)[:-40], {}, "is not a valid archive"),
        (packed({"other.txt": "x"}), {}, "lacks fiqa/corpus.jsonl"),
        (packed(FILES | {"../../evil.txt": "x"}), {}, "contains an entry outside its folder"),
        (packed(FILES | {"/tmp/evil.txt": "x"}), {}, "contains an entry outside its folder"),
    ],
)
def test_what_cannot_be_used_leaves_nothing(
    serve: Callable, hone_home: Path, content: bytes, more: dict, message: str
):
    serve(content, **more)
    with pytest.raises(Refused, match=message):
        beir(Path(), "fiqa")
    assert left(hone_home) == []
    assert not (hone_home / "evil.txt").exists()
    serve(packed(FILES))
    assert len(beir(Path(), "fiqa").documents) == 2


def test_links_in_an_archive(serve: Callable, hone_home: Path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        entry = zipfile.ZipInfo("fiqa/corpus.jsonl")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    serve(made.getvalue())
    with pytest.raises(Refused, match="contains an entry outside its folder"):
        beir(Path(), "fiqa")
    assert left(hone_home) == []


@pytest.mark.parametrize("bound", ["LARGEST", "UNPACKED"])
def test_no_more_than_the_bound(
    serve: Callable, hone_home: Path, monkeypatch: pytest.MonkeyPatch, bound: str
):
    serve(packed(FILES))
    monkeypatch.setattr(beir_download, bound, 100)
    with pytest.raises(Refused, match="exceeds 100 bytes"):
        beir(Path(), "fiqa")
    assert left(hone_home) == []


def test_a_server_that_does_not_answer(
    answers: tuple[Served, str], serve: Callable, monkeypatch: pytest.MonkeyPatch
):
    over = threading.Event()
    answers[0]["fiqa.zip"] = lambda handler: over.wait()
    monkeypatch.setattr(beir_download, "WAIT", 0.2)
    try:
        with pytest.raises(Refused, match="could not be downloaded"):
            beir(Path(), "fiqa")
    finally:
        over.set()


def test_a_full_disk_while_unpacking_leaves_nothing_that_counts(
    serve: Callable, hone_home: Path, monkeypatch: pytest.MonkeyPatch
):
    serve(packed(FILES))
    real = zipfile.ZipExtFile.read

    def full(file: zipfile.ZipExtFile, *arguments: int) -> bytes:
        if file.name.endswith("test.tsv"):
            raise OSError(28, "No space left on device")
        return real(file, *arguments)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", full)
    with pytest.raises(OSError, match="No space left"):
        beir(Path(), "fiqa")
    monkeypatch.undo()
    assert left(hone_home) == []


def test_a_kill_while_unpacking_leaves_nothing_that_counts(
    serve: Callable, hone_home: Path, monkeypatch: pytest.MonkeyPatch
):
    came = serve(packed(FILES))
    child = os.fork()
    if not child:  # pragma: no cover
        monkeypatch.setattr(beir_download, "write_json", lambda *_: os._exit(9))
        beir(Path(), "fiqa")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert "fiqa" not in left(hone_home)
    assert len(beir(Path(), "fiqa").documents) == 2
    assert (left(hone_home), came) == (["fiqa"], ["/fiqa.zip"] * 2)


def test_a_folder_that_an_older_download_left_half_is_fetched_again(
    serve: Callable, hone_home: Path
):
    came = serve(packed(FILES))
    (hone_home / "downloads/beir/fiqa").mkdir(parents=True)
    (hone_home / "downloads/beir/fiqa/corpus.jsonl").write_text("")
    assert len(beir(Path(), "fiqa").documents) == 2
    assert came == ["/fiqa.zip"]


def test_a_part_of_cqadupstack(serve: Callable):
    serve(
        packed({f"android/{file}": content for file, content in FILES.items()}, "cqadupstack"),
        name="cqadupstack",
    )
    assert len(beir(Path(), "cqadupstack/android").documents) == 2


@pytest.mark.parametrize("name", ["../x", "", ".", "/etc", "a/../../b"])
def test_names_that_are_none(serve: Callable, name: str):
    with pytest.raises(Refused, match=r"is not the name of a BEIR collection|has none of"):
        beir(Path(), name)
