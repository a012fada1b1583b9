"""Click logs for tests, in every format that `clicks` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from hone.config.params import Split
from hone.data.source import Source
from tasks.collect.clicks import clicks

Rows = list[dict[str, Any]]
DOCUMENTS = [{"doc_id": f"d{number}", "text": f"text {number}"} for number in range(1, 7)]
NO_HOURS = "2026-01-{:02}T12:00:00Z"


def row(query: str | None, doc_id: str | None, position: Any, clicked: Any, **more: Any) -> dict:
    """A row of a log."""
    return {"query": query, "doc_id": doc_id, "position": position, "clicked": clicked} | more


def shown(query: str, doc_id: str, position: Any, count: int, clicked: int, **more: Any) -> Rows:
    """Rows of a pair at one position, the first `clicked` of them with a click."""
    return [row(query, doc_id, position, int(place < clicked), **more) for place in range(count)]


def write_documents(folder: Path, documents: Rows = DOCUMENTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(one) + "\n" for one in documents)
    (folder / "documents.jsonl").write_text(lines, encoding="utf-8")


def write_log(folder: Path, rows: Rows, name: str = "clicks.jsonl") -> Path:
    """Documents and a log in the format of its name."""
    write_documents(folder)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix in (".jsonl", ".ndjson"):
        file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    else:
        frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
        frame.write_csv(file) if file.suffix == ".csv" else frame.write_parquet(file)
    return file


def read(folder: Path, split: Split | None = None, **options: Any) -> Source:
    return clicks(folder, None, split or Split(), **options)


def ids(source: Source) -> dict[str, str]:
    """The id of each query's text."""
    return dict(source.queries.select("text", "query_id").rows())


def labels(source: Source) -> dict[tuple[str, str], int]:
    """The grade of each labelled pair, by the query's text."""
    texts = {query_id: text for text, query_id in ids(source).items()}
    return {
        (texts[query_id], doc_id): grade
        for query_id, doc_id, grade in source.qrels.select("query_id", "doc_id", "relevance").rows()
    }


def rules(source: Source) -> dict[str, int]:
    """The number of removed rows by rule."""
    found: dict[str, int] = {}
    for rule, detail in source.removed.select("rule", "detail").rows():
        number = int(detail.rsplit("(rows: ", 1)[1].split(",")[0])
        found[rule] = found.get(rule, 0) + number
    return found
