"""A collection with holes in its rankings, judges behind a local server, and who has relabelled:
for tests of filling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.ir.results import evaluate
from tests.hone.llm.answering import Server, documents_of, serving
from tests.prepared import pairs, prepare, write_params, write_rows

# Of each query a is the known answer; b is an answer that nobody has judged, c none, and of d the
# judge cannot say.
TEXTS = {"a": "answer known", "b": "answer unjudged", "c": "wrong", "d": "odd"}
TRAIN, TEST, DEV = ["q1", "q2"], ["t1", "t2"], ["v1"]
# r1 finds b first where r0 has c; d is at the same place in both.
RANKINGS = {"r0": "cabd", "r1": "bacd"}
ROUNDS = {"r1": {"from": "r0", "recipe": "top-k"}, "r2": {"from": "r1", "recipe": "top-k"}}


def answer(body: dict) -> str:
    """Says yes to answers, no to what is wrong, and of the odd what nobody can read."""
    text = documents_of(body)[0]
    return (
        "who knows, perhaps"
        if text.startswith("odd")
        else "yes"
        if text.startswith("answer")
        else "no"
    )


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as running:
        yield running


def endpoint(server: Server, model: str, **more: object) -> dict:
    return {
        "endpoint": {
            "url": server.url,
            "model": model,
            "prompt": "yes-no",
            "structured": "never",
            "slots": 1,
            **more,
        }
    }


@pytest.fixture
def made(workspace: Path, server: Server) -> Path:
    """A collection with two test queries and one dev query, two rankings of it, and rounds of
    which `trainer` has relabelled r1.
    """
    queries = (
        [("train", one) for one in TRAIN]
        + [("test", one) for one in TEST]
        + [("dev", one) for one in DEV]
    )
    documents = [
        {"doc_id": f"{query}-{kind}", "text": f"{text} of {query}"}
        for _, query in queries
        for kind, text in TEXTS.items()
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        [{"query_id": one, "text": f"what about {one}", "split": split} for split, one in queries],
        pairs(*((one, f"{one}-a") for _, one in queries)),
    )
    judges = {
        "strong": endpoint(server, "strong-7b", price={"input": 100, "output": 0}),
        "trainer": endpoint(server, "Maker/Cheap-1B"),
        "reworded": endpoint(server, "cheap-1b", prompt="yes-no-alone"),
        "guide": {"encoder": {"to": "positives", "model": "r0"}},
        "own": {"encoder": {"to": "positives"}},
    }
    prepare(
        rounds=ROUNDS
    )  # without the judges: their port differs in each test, and the template would too
    write_params(judges=judges, rounds=ROUNDS)
    for name, order in RANKINGS.items():
        evaluate(name, "ours", lambda queries, *_, order=order: ranking(queries, order), 1)
    write_judgments("r1", "trainer", model="cheap-1b")
    tables.write("judgments", tables.empty("judgments"), Path("rounds/r2/judgments.parquet"))
    return workspace


def ranking(queries: pl.DataFrame, order: str) -> pl.DataFrame:
    rows = [
        (query, f"{query}-{kind}", 1.0 / place)
        for query in queries["query_id"]
        for place, kind in enumerate(order, start=1)
    ]
    return pl.DataFrame(rows, schema=["query_id", "doc_id", "score"], orient="row")


def line_of(name: str) -> dict:
    from commands.judge.inputs import judge_line
    from hone.config import params

    return judge_line(params.read(), name)


def write_judgments(
    round: str, judge: str, model: str | None = None, fingerprint: str | None = None
) -> None:
    row = {
        "query_id": ["q1"],
        "doc_id": ["q1-b"],
        "place": [1],
        "judge": [judge],
        "verdict": ["positive"],
        "model": [model],
    }
    frame = pl.DataFrame(
        row | {"fingerprint": [fingerprint or line_of(judge)["fingerprint"]]},
        schema_overrides={"model": pl.String},
    )
    tables.write(
        "judgments", tables.shaped("judgments", frame), Path("rounds") / round / "judgments.parquet"
    )


def hashes(*folders: str) -> dict[str, str]:
    files = [
        file for folder in folders for file in sorted(Path(folder).rglob("*")) if file.is_file()
    ]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def verdicts(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("doc_id", pl.col("verdict").cast(pl.String)).rows())
