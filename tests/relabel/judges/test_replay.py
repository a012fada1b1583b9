"""Recorded answers are read as if they came now, whatever the ids."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from hone.data.questions import of
from hone.errors import Refused
from hone.judging import fingerprint
from tasks.relabel.judges.replay import replay
from tests.hone.llm.answering import desk, questions


def answer(better: str, worse: str) -> dict:
    return {
        "model": "recorded",
        "response": f"<better>{better}</better><worse>{worse}</worse>",
        "better": [9],
        "worse": [9],
    }


def record(query: str, passages: list[str], **stages: dict | None) -> dict:
    return {
        "query": query,
        "positive_passages": [],
        "negative_passages": [{"title": "", "text": text} for text in passages],
        **stages,
    }


def written(*records: dict, path: str = "inputs/answers.jsonl") -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(item) + "\n" for item in records))
    return path


def verdicts_by_pair(frame: pl.DataFrame) -> dict[tuple[str, str], str]:
    return {
        (query, doc): verdict
        for query, doc, verdict in frame.select("query_id", "doc_id", "verdict").iter_rows()
    }


def test_verdicts_come_from_the_answers_and_not_from_what_was_parsed_before(workspace: Path):
    file = written(
        record(
            "q1",
            ["a", "b", "c"],
            stage1=answer("[Doc (2)]", "[]"),
            stage2=answer("[]", "[Doc (1)]"),
        ),
        record("q2", ["a"], stage1=answer("[]", "[]")),
    )
    pair_questions = questions(
        ("q1", "a"), ("q1", "b"), ("q1", "never seen"), ("q2", "a"), ("q3", "a"), prefix="other/"
    )
    first = replay(pair_questions, desk(), "f", file=file, stage="stage1")
    assert list(verdicts_by_pair(first).values()) == [
        "negative",
        "positive",
        "unknown",
        "negative",
        "unknown",
    ]
    assert first["reason"].to_list() == [None, None, "not recorded", None, "not recorded"]
    assert first["grade"].to_list() == [0, 3, None, 0, None]
    assert first["raw"].is_not_null().to_list() == [True, False, False, True, False]
    assert first["query_id"][0] == "other/q1"
    second = replay(pair_questions, desk(), "f", file=file, stage="stage2")
    assert list(verdicts_by_pair(second).values()) == [
        "positive",
        "negative",
        "unknown",
        "unknown",
        "unknown",
    ]


def test_quirks_are_unknown_and_no_crash(workspace: Path):
    file = written(
        record("q1", ["a", "b"], s={"response": "I cannot help with that."}),
        record("q2", ["a", "b"], s=answer("[Doc (1), Doc (7)]", "[]")),
        record("q3", ["a"], s=answer("[Doc (1)]", "[]")),
        record("q3", ["a"], s=answer("[]", "[]")),
    )
    got = replay(
        questions(("q1", "a"), ("q2", "a"), ("q2", "b"), ("q3", "a")),
        desk(),
        "f",
        file=file,
        stage="s",
    )
    assert got["verdict"].cast(pl.String).to_list() == [
        "unknown",
        "positive",
        "negative",
        "unknown",
    ]
    assert got["reason"][0].startswith("unparsable: ")
    assert "names 7" in got["reason"][1]
    assert "recorded twice" in got["reason"][3]


def test_what_cannot_be_read_is_refused_with_its_line(workspace: Path):
    pair_questions = questions(("q", "a"))
    with pytest.raises(Refused, match="did you mean 'stage1'"):
        replay(
            pair_questions,
            desk(),
            "f",
            file=written(record("q", ["a"], stage1=answer("", ""))),
            stage="stage9",
        )
    with pytest.raises(Refused, match=r"answers.jsonl, line 2: not a JSON object with `query`"):
        replay(
            pair_questions,
            desk(),
            "f",
            file=written(record("q", ["a"], s=answer("", "")), {"query": "q"}),
            stage="s",
        )
    with pytest.raises(Refused, match="line 1: 's' has no `response`"):
        replay(
            pair_questions, desk(), "f", file=written(record("q", ["a"], s={"text": ""})), stage="s"
        )
    with pytest.raises(Refused, match="is not below inputs/"):
        replay(pair_questions, desk(), "f", file=written(path="elsewhere/answers.jsonl"), stage="s")


def test_the_files_contents_decide_who_the_judge_is_and_not_its_place(workspace: Path):
    def judge(file: str, stage: str = "s") -> str:
        return fingerprint.fingerprint(
            {"method": "replay", "parameters": {"file": file, "stage": stage}}
        )

    first = judge(written(record("q", ["a"], s=answer("", ""))))
    assert judge(written(record("q", ["a"], s=answer("", "")), path="inputs/copy.jsonl")) == first
    assert judge("inputs/copy.jsonl", "t") != first
    assert judge(written(record("q", ["a"], s=answer("[1]", "")))) != first


@pytest.mark.shared
@pytest.mark.parametrize("file", ["fiqa", "msmarco_passage"])
def test_the_recorded_cascade_of_rlhn_is_replayed_exactly(workspace: Path, shared: Path, file: str):
    """Every verdict is the one that the recorded lists imply; ids are not those of the file."""
    Path("inputs").mkdir()
    shutil.copy(shared / "rlhn_cascade" / f"{file}.jsonl", "inputs/recorded.jsonl")
    records = [json.loads(line) for line in Path("inputs/recorded.jsonl").read_text().splitlines()]
    pairs = [
        (f"q{n}", f"q{n}-{m}", m)
        for n, item in enumerate(records)
        for m in range(1, len(item["negative_passages"]) + 1)
    ]
    texts = [
        (f"q{n}-{m}", passage["text"].strip())
        for n, item in enumerate(records)
        for m, passage in enumerate(item["negative_passages"], 1)
    ]
    pair_questions = of(
        pl.DataFrame(
            pairs,
            schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32},
            orient="row",
        ),
        pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String}),
        pl.DataFrame(
            {
                "query_id": [f"q{n}" for n in range(len(records))],
                "text": [item["query"] for item in records],
            }
        ),
        pl.DataFrame(texts, schema=["doc_id", "full_text"], orient="row"),
    )
    for stage in ("stage1", "stage2"):
        implied = {}
        for n, item in enumerate(records):
            lists = item.get(stage)
            for m in range(1, len(item["negative_passages"]) + 1):
                found = lists and m in {*lists["better"], *lists["worse"]}
                implied[f"q{n}", f"q{n}-{m}"] = (
                    "unknown" if lists is None else "positive" if found else "negative"
                )
        assert (
            verdicts_by_pair(
                replay(pair_questions, desk(), "f", file="inputs/recorded.jsonl", stage=stage)
            )
            == implied
        )
