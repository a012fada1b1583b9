"""`hone audit`: each finding on a file whose faults are counted by hand, without an encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commands.audit.command import audit
from hone.errors import Refused
from tests.commands.test_commands import hone
from tests.prepared import pairs, prepare, write_rows

LONG = (
    "the quick brown fox jumps over the lazy dog and then it runs far away from the old house "
    "on the green hill in {}"
)


def write(lines: list[Any], file: str = "t.jsonl") -> str:
    Path(file).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def found(what: str, **more: Any) -> dict[str, dict]:
    return audit(what, encode=False, **more)["findings"]


def counts(findings: dict[str, dict]) -> dict[str, tuple[int, int]]:
    """count and of, of every finding that is there."""
    return {name: (one["count"], one["of"]) for name, one in findings.items() if one["count"]}


def triplet(query: str, positive: str, *negatives: str) -> dict:
    return {"query": query, "pos": [positive], "neg": list(negatives)}


CLEAN = [
    triplet(f"question {word}", f"{word} is told here", f"nothing of it, {word * 2}")
    for word in ("oak", "iron", "silk", "salt")
]


def test_a_file_without_faults(workspace: Path):
    plain = audit(write(CLEAN), encode=False)
    assert not counts(plain["findings"])
    assert plain["answer"].startswith("The texts alone show no problem.")
    assert sorted(file.name for file in workspace.iterdir()) == ["audit.html", "t.jsonl"]


def test_negatives_that_are_answers(workspace: Path):
    """Five negatives are answers: one is its line's positive, two are another line's, two are
    nearly a positive. One is not.
    """
    lines = [
        triplet(
            "where runs the fox",
            LONG.format("depth"),
            "The quick brown fox.",
            LONG.format("depth").upper() + "!",
        ),
        triplet("Where runs the fox?", "far away", LONG.format("heart"), "a cat sleeps"),
        triplet("where runs the fox", "to the hill", "FAR  AWAY", "far away."),
        triplet("where sleeps the cat", "on the mat", LONG.format("depth"), "far away"),
        triplet("where stands the house", LONG.format("midst"), LONG.format("winter")),
    ]
    findings = found(write(lines))
    assert counts(
        {
            name: findings[name]
            for name in ("negative-is-positive", "siblings", "negative-is-nearly-positive")
        }
    ) == {
        "negative-is-positive": (1, 9),
        "siblings": (2, 9),
        "negative-is-nearly-positive": (2, 9),
    }
    assert findings["negative-is-positive"]["places"] == (1,)
    assert findings["siblings"]["places"] == (3,)
    assert findings["negative-is-nearly-positive"]["places"] == (2, 5)
    texts = dict(findings["negative-is-positive"]["examples"][0]["texts"])
    assert texts["Positive"] == LONG.format("depth")
    assert texts["Given as a negative"] == LONG.format("depth").upper() + "!"


def test_what_stands_twice(workspace: Path):
    lines = [
        *CLEAN,
        CLEAN[1],  # the whole line
        triplet(
            "Question  silk.", "Iron is told here.", "something else"
        ),  # query of line 3, positive of line 2, in other clothes
    ]
    findings = found(write(lines))
    assert findings["repeated-lines"]["places"] == (5,)
    assert (findings["same-queries"]["count"], findings["same-queries"]["places"]) == (1, (6,))
    assert (findings["same-documents"]["count"], findings["same-documents"]["of"]) == (1, 10)


def test_near_duplicates_count_what_is_more_than_one_of_each(workspace: Path):
    lines = [
        triplet(f"question {number}{'abcdefghij'[number] * 9}", LONG.format(f"month{number}"))
        for number in range(4)
    ]
    lines.append(triplet("something altogether different", "no fox is here"))
    assert counts(found(write(lines)))["near-documents"] == (3, 5)


def test_near_duplicates_of_a_part_that_is_drawn(workspace: Path):
    lines = [
        triplet(f"q{number} {'abcdefghij'[number] * 9}", LONG.format(f"month{number}"))
        for number in range(8)
    ]
    one = found(write(lines), most=4)["near-documents"]
    assert (one["count"], one["of"]) == (3, 4)
    assert one["note"] == "Checked a random sample of 4 of 8 documents."


def test_rows_that_are_broken(workspace: Path):
    lines = [
        *CLEAN,
        {"anchor": "", "positive": "an answer to nothing", "negative": "no"},
        {"anchor": None, "positive": "another", "negative": "no"},
        {"anchor": "asked", "positive": " ", "negative_1": "no", "negative_2": ""},
        {"anchor": "echo", "positive": "Echo!", "negative": "no"},
        {"anchor": "alone", "positive": "nobody stands against it"},
        {"query": "unanswered", "pos": [], "neg": ["no"]},
        {
            "query": "long",
            "positive_passages": [{"title": "A", "text": "word " * 500}],
            "negative_passages": None,
        },
    ]
    findings = found(write(lines))
    assert {
        name: findings[name]["places"]
        for name in (
            "empty-queries",
            "empty-documents",
            "positive-is-query",
            "no-negatives",
            "no-positives",
        )
    } == {
        "empty-queries": (5, 6),
        "empty-documents": (7,),
        "positive-is-query": (8,),
        "no-negatives": (9, 11),
        "no-positives": (10,),
    }
    assert findings["long-documents"]["count"] == 1


def test_empty_texts_are_no_duplicates_of_each_other(workspace: Path):
    lines = [
        {"anchor": query, "positive": positive, "negative": ""}
        for query, positive in (("a", ""), ("b", " "), ("c", "x"))
    ]
    findings = found(write(lines))
    assert not {"same-documents", "negative-is-positive", "siblings"} & set(counts(findings))


@pytest.mark.parametrize(
    "line",
    [
        {"query": "", "pos": [""], "neg": [""]},
        {"query": "a", "pos": []},
        {"query": "", "pos": [], "neg": ["b"]},
    ],
)
def test_a_file_of_nothing_but_faults(workspace: Path, line: dict):
    plain = audit(write([line]), encode=False)
    assert plain["candidates"] is None
    assert "There are no other negatives, so" in plain["answer"]


def test_leaks_into_another_file(workspace: Path):
    """Of four training queries one is asked, one is nearly asked; one positive answers a test
    query.
    """
    near = "which of the many rivers of the north carries the most water to the sea in spring"
    train = write(
        [
            *CLEAN[:2],
            triplet(f"{near}?", "the big one", "the small"),
            triplet("free", "of faults", "or not"),
        ]
    )
    test = write(
        [
            triplet("QUESTION oak", "it is a tree"),
            triplet(f"{near} time", "of faults"),
            triplet("unseen", "unheard"),
        ],
        "test.jsonl",
    )
    findings = found(train, test=test)
    assert (findings["test-queries"]["count"], findings["test-queries"]["places"]) == (
        1,
        ("line 1",),
    )
    assert (findings["near-test-queries"]["count"], findings["near-test-queries"]["places"]) == (
        1,
        ("line 3",),
    )
    assert (findings["shared-answers"]["count"], findings["shared-answers"]["of"]) == (1, 4)
    assert "test-queries" not in found(train)


def collection(**more: Any) -> None:
    documents = [
        {"doc_id": f"d{number}", "text": f"text about {word}"}
        for number, word in enumerate("oak iron silk salt sand".split())
    ]
    queries = [
        {"query_id": "q1", "text": "what is oak", "split": "train"},
        {"query_id": "q2", "text": "what is iron", "split": "train"},
        {"query_id": "q3", "text": "What is oak?", "split": "test"},
        {"query_id": "q4", "text": "and salt", "split": "train"},
    ]
    qrels = pairs(
        ("q1", "d0"),
        ("q1", "d2"),
        ("q2", "d1"),
        ("q3", "d0"),
        ("q2", "d9"),
        ("q9", "d1"),
        relevance=1,
    ) + pairs(("q1", "d4"), relevance=0)
    write_rows(Path("ours"), more.get("documents", documents), queries, qrels)


def test_a_folder(workspace: Path):
    collection()
    findings = found("ours")
    assert findings["test-queries"]["places"] == ("q1",)
    assert findings["absent"]["places"] == ("query q2, document d9", "query q9, document d1")
    assert (findings["absent"]["count"], findings["absent"]["of"]) == (2, 7)
    assert findings["no-positives"]["places"] == ("q4",)
    assert findings["shared-answers"]["count"] == 1


def test_what_mining_would_find(workspace: Path):
    """BM25 finds all five documents by the word `text`: q1 has two known answers among them, q2
    one.
    """
    documents = [
        {"doc_id": f"d{number}", "text": f"what is {word}, a text"}
        for number, word in enumerate("oak iron silk salt sand".split())
    ]
    collection(documents=documents)
    plain = audit("ours", encode=False)
    assert plain["candidates"]["how"] == "mined"
    siblings = plain["findings"]["siblings"]
    assert siblings["count"] + plain["candidates"]["pairs"] == siblings["of"]
    assert 1 <= siblings["count"] <= 3


def test_ids_that_stand_twice(workspace: Path):
    collection(
        documents=[
            {"doc_id": "d0", "text": "one"},
            {"doc_id": "d0", "text": "two"},
            {"doc_id": "d1", "text": "three"},
        ]
    )
    assert found("ours")["doubled-ids"]["places"] == ("d0",)


def test_a_query_in_two_splits(workspace: Path):
    (workspace / "b/qrels").mkdir(parents=True)
    Path("b/corpus.jsonl").write_text(
        '{"_id": "d1", "title": "", "text": "a"}\n{"_id": "d2", "title": "", "text": "b"}\n'
    )
    Path("b/queries.jsonl").write_text(
        '{"_id": "q1", "text": "ask"}\n{"_id": "q2", "text": "other"}\n'
    )
    Path("b/qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    Path("b/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t1\n")
    assert found("b")["two-splits"]["places"] == ("q1",)


def test_a_collected_collection_and_its_hidden_answers(workspace: Path):
    """Every training query has a hidden answer with its own word, and BM25 finds it: a certain
    false negative for each.
    """
    words = "oak iron silk salt sand rope".split()
    documents = [
        {"doc_id": f"{word}{number}", "text": f"{word} of kind {number}"}
        for word in words
        for number in (1, 2)
    ]
    queries = [
        {"query_id": word, "text": word, "split": "train" if word != "rope" else "test"}
        for word in words
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((word, f"{word}{number}") for word in words for number in (1, 2))),
    )
    prepare(
        collections={"ours": {"source": "folder", "path": "inputs/ours", "hide": {"share": 1.0}}}
    )
    before = {file: file.stat().st_mtime_ns for file in workspace.rglob("*") if file.is_file()}
    plain = audit("ours", encode=False)
    assert plain["candidates"]["hidden"] == 5
    assert plain["candidates"]["pairs"] == 5
    assert "5 of 5 are held-out positives, so the rate is at least 100.0 %" in plain["answer"]
    assert audit("data/ours", encode=False)["findings"] == plain["findings"]
    changed = {
        file
        for file in workspace.rglob("*")
        if file.is_file() and before.get(file) != file.stat().st_mtime_ns
    }
    assert changed == {workspace / "audit.html"}


def test_the_json_has_every_place(workspace: Path):
    audit(
        write([triplet(f"q{number}", "a", "A.") for number in range(30)]),
        encode=False,
        json=True,
        out=Path("page.html"),
    )
    plain = json.loads(Path("page.json").read_text())
    assert plain["findings"]["negative-is-positive"]["places"] == list(range(1, 31))
    assert plain["findings"]["negative-is-positive"]["share"] == 1


def test_the_same_file_gives_the_same_page(workspace: Path):
    audit(write(CLEAN), encode=False)
    audit("t.jsonl", encode=False, out=Path("again.html"))
    assert Path("audit.html").read_bytes() == Path("again.html").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.jsonl has no training examples"),
        (b"\n\n", "t.jsonl has no training examples"),
        (b'{"query": "a", "pos": ["b"]}\nnot json\n', "t.jsonl, line 2: not JSON"),
        (b'[{"query": "a"}]\n', "t.jsonl, line 1: expected a JSON object, found"),
        (
            b'{"question_text": "a", "answers": "b"}\n',
            "t.jsonl, line 1: a query or positive is missing. The line has 'question_text', "
            "'answers'",
        ),
        (
            b'{"query": "a", "pos": ["b"]}\n{"query": "caf\xe9", "pos": ["b"]}\n',
            "t.jsonl, line 2: byte 0xe9 is not UTF-8",
        ),
        (
            b'{"positive_passages": [{"text": "a"}]}\n',
            "t.jsonl, line 1: `query` is missing beside `positive_passages`",
        ),
        (
            b'{"query": "a", "positive_passages": ["b"]}\n',
            "line 1: `positive_passages` is not a list of objects with `text`: it contains 'b'",
        ),
        (
            b'{"query": "a", "positive_passages": "b"}\n',
            "t.jsonl, line 1: `positive_passages` is not a list but 'b'",
        ),
    ],
)
def test_files_that_cannot_be_read(workspace: Path, content: bytes, message: str):
    Path("t.jsonl").write_bytes(content)
    with pytest.raises(Refused) as refused:
        audit("t.jsonl", encode=False)
    assert message in str(refused.value)
    assert not Path("audit.html").exists()


def test_names_that_lead_nowhere(workspace: Path):
    write(CLEAN, "triplets.jsonl")
    Path("empty").mkdir()
    pl.DataFrame({"query": ["a"]}).write_parquet("t.parquet")
    for what, message in (
        (
            "triplet.jsonl",
            "triplet.jsonl does not exist, and no collection has that name: did you mean "
            "'triplets.jsonl'?",
        ),
        ("nowhere/t.jsonl", "Its folder nowhere does not exist either"),
        ("empty", "empty is not a collection"),
        ("t.parquet", "t.parquet is not a JSON Lines file"),
    ):
        with pytest.raises(Refused, match=message.replace("?", r"\?")):
            audit(what, encode=False)


def test_a_collection_that_is_not_collected(workspace: Path):
    Path("params.yaml").write_text(
        "collections: {ours: {source: folder, path: ours}}\ntrain_on: [ours]\nevaluate_on: [ours]\n"
        "rounds: {r1: {from: r0, recipe: top-k}}\n"
    )
    with pytest.raises(Refused, match=r"has not been read yet. Run `dvc repro collect@ours`"):
        audit("ours", encode=False)
    with pytest.raises(Refused, match="did you mean 'ours'"):
        audit("our", encode=False)


def test_the_page_is_not_written_over_what_is_read(workspace: Path):
    write(CLEAN, "t.html")
    with pytest.raises(Refused, match="would overwrite the input"):
        audit("t.html", encode=False, out=Path("t.html"))
    with pytest.raises(Refused, match="would overwrite the input"):
        audit(write(CLEAN, "t.json"), encode=False, out=Path("t.html"))
    with pytest.raises(Refused, match=r"ends in \.html"):
        audit("t.json", encode=False, out=Path("page"))


def test_the_command(workspace: Path):
    write([*CLEAN, triplet("q", "a", "A")])
    ran = hone("audit", str(workspace / "t.jsonl"), "--no-encoder", "--json", folder=workspace)
    assert ran.returncode == 0, ran.stderr
    assert "negatives that are the positive itself (1 of 5 negatives, 20.0 %)" in ran.stdout
    assert "Report: audit.html" in ran.stdout
    assert Path("audit.json").exists()
    completed = hone("audit", "t.json", "--no-encoder", folder=workspace)
    assert completed.returncode == 1
    assert completed.stderr.startswith("hone: t.json does not exist")
    assert "Traceback" not in completed.stderr
