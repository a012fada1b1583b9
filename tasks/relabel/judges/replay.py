"""replay: recorded answers of another system, such as RLHN's cascade (arXiv 2505.16967), parsed
like new answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from hone.data.file_faults import Faults
from hone.data.questions import Questions
from hone.data.source import json_lines
from hone.errors import Refused, nearest
from hone.files import fingerprint_of_file
from hone.judging.answers import listwise
from hone.judging.context import Desk
from hone.judging.verdicts import verdicts
from hone.layout import PAIR
from hone.llm.prompt_file import below_inputs

HOW = frozenset({"file"})  # its path; its content is part of the identity
NOT_RECORDED = "not recorded"
CONTRADICTS = "recorded twice, and not with the same verdict"


def replay(
    questions: Questions, desk: Desk, fingerprint: str, *, file: str, stage: str
) -> pl.DataFrame:
    """Verdicts from recorded listwise answers. The texts are parsed like new ones; recorded parse
    results are not used.

    Args:
        questions: one block.
        desk: not used; no calls are made.
        fingerprint: of this judge.
        file: JSON Lines below inputs/: `query`, `negative_passages` (title, text) in the order of
            their numbers, and per stage `model` and `response`. Queries and passages are matched by
            their texts, so that ids may differ.
        stage: the stage whose answers are used, such as stage1.

    Returns:
        verdicts: one row per pair; a pair that is not in the file is unknown.

    Raises:
        Refused: the file does not exist, or a line cannot be read.
    """
    queries, documents = (
        plainly(questions.queries, "text"),
        plainly(questions.documents, "full_text"),
    )
    recorded = read(below_inputs(file, "the recorded answers"), stage, set(queries["text"]))
    pairs = questions.pairs.select(PAIR).join(
        queries, on="query_id", how="left", maintain_order="left"
    )
    pairs = pairs.join(documents, on="doc_id", how="left", maintain_order="left")
    first = pl.col("record").is_not_null() & pl.col("record").is_first_distinct()
    return verdicts(
        pairs.join(
            recorded, on=["text", "full_text"], how="left", maintain_order="left"
        ).with_columns(
            verdict=pl.col("verdict").fill_null("unknown"),
            reason=pl.when(pl.col("record").is_null())
            .then(pl.lit(NOT_RECORDED))
            .otherwise("reason"),
            raw=pl.when(first).then("raw"),
            fingerprint=pl.lit(fingerprint),
        )
    )


def read(file: Path, stage: str, queries: set[str]) -> pl.DataFrame:
    """text, full_text, verdict, grade, reason, record, raw, model of a stage's answers about
    `queries`.
    """
    rows, stages = [], set()
    for number, record in lines(file):
        stages |= {
            name
            for name, value in record.items()
            if isinstance(value, dict) and "response" in value
        }
        query, passages = plain(record["query"]), record["negative_passages"]
        answer = answer_of(record, stage, f"{file}, line {number}")
        if answer is None or query not in queries:
            continue
        entries = listwise(answer["response"], len(passages))
        rows += [
            (
                query,
                plain(full_text(passage)),
                item.verdict,
                item.grade,
                item.reason,
                number,
                answer["response"],
                answer.get("model"),
            )
            for passage, item in zip(passages, entries, strict=True)
        ]
    if stage not in stages:
        raise Refused(f"{file} has no answers of '{stage}': {nearest(stage, stages)}")
    columns = ("text", "full_text", "verdict", "grade", "reason", "record", "raw", "model")
    kinds = {"grade": pl.Float64, "record": pl.Int64}
    found = pl.DataFrame(
        rows, schema={name: kinds.get(name, pl.String) for name in columns}, orient="row"
    )
    differs = pl.col("verdict").n_unique().over("text", "full_text") > 1
    return found.with_columns(
        verdict=pl.when(differs).then(pl.lit("unknown")).otherwise("verdict"),
        grade=pl.when(~differs).then("grade"),
        reason=pl.when(differs).then(pl.lit(CONTRADICTS)).otherwise("reason"),
    ).unique(["text", "full_text"], keep="first", maintain_order=True)


def lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and record, one at a time.

    Raises:
        Refused: some lines are not recorded answers. It is raised after the last line and lists all
            of them.
    """
    faults = Faults()
    for number, record in json_lines(file, faults):
        passages = record.get("negative_passages")
        shaped = isinstance(record.get("query"), str) and isinstance(passages, list)
        if shaped and all(
            isinstance(passage, dict)
            and isinstance(passage.get("text"), str)
            and isinstance(passage.get("title") or "", str)
            for passage in passages
        ):
            yield number, record
        else:
            what = "not a JSON object with `query` and `negative_passages` (each with `text`)"
            faults.line(
                file,
                number,
                what,
                "Each line needs `query`, `negative_passages` (title, text), and a `response` per "
                "stage",
            )
    faults.refuse()


def answer_of(record: dict[str, Any], stage: str, where: str) -> dict[str, Any] | None:
    """A stage's answer; null if it has none."""
    answer = record.get(stage)
    if answer is not None and not (
        isinstance(answer, dict) and isinstance(answer.get("response"), str)
    ):
        raise Refused(f"{where}: '{stage}' has no `response`. Add it to the record.")
    return answer


def full_text(passage: dict[str, Any]) -> str:
    """A passage as in a judge's prompt: title, space, text."""
    return f"{passage.get('title') or ''} {passage['text']}"


def plain(text: str) -> str:
    """A text with single spaces, so that white space does not affect the match."""
    return " ".join(text.split())


def plainly(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(column, [plain(text) for text in frame[column]], dtype=pl.String)
    )


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What determines the answers: the file's content, not its path."""
    return {"file": fingerprint_of_file(below_inputs(parameters["file"], "the recorded answers"))}
