"""triplets: training data in the layouts of sentence-transformers, FlagEmbedding and Tevatron (JSON Lines).

Ids are hashes of the texts, so that the same text has the same id in every file. A negative that the file brings becomes
a label of relevance 0 (its source: "given"), which the candidate source `judged` takes up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tasks.collect.source import DOCUMENTS, QRELS, QUERIES, Source, frame, json_lines
from tasks.errors import Refused, listed
from tasks.files import fingerprint

QUERY_NAMES = ("anchor", "query", "question", "sentence1")
POSITIVE_NAMES = ("positive", "answer", "pos", "sentence2")


def triplets(path: Path, what: str | None, *, negatives: Literal["judged", "documents"] = "judged") -> Source:
    """Read a file of (query, positives, negatives).

    Args:
        path: the file.
        what: the same as a part of `source`, or null.
        negatives: "judged" trusts them as not relevant; "documents" only adds their texts to the collection.

    Raises:
        Refused: a line is in none of the three layouts.
    """
    file = Path(what) if what else path
    documents: dict[str, tuple] = {}
    queries: dict[str, tuple] = {}
    labels: dict[tuple[str, str], tuple] = {}
    for number, record in json_lines(file):
        query, found = layout_of(record, file, number)
        query_id = text_id(query)
        queries.setdefault(query_id, (query_id, query, None, str(file), number))
        for relevance, title, text in found:
            doc_id = text_id(title, text)
            documents.setdefault(doc_id, (doc_id, title or None, text, None, str(file), number))
            if relevance or negatives == "judged":
                label = (query_id, doc_id, relevance, "given", None, str(file), number)
                known = labels.setdefault((query_id, doc_id), label)
                if known[2] != relevance:
                    raise Refused(
                        f"{file}, line {number}: {text[:60]!r} is a {'positive' if relevance else 'negative'} of "
                        f"{query[:60]!r} here and the opposite on line {known[-1]}. Delete the wrong one."
                    )
    return Source(
        documents=frame(DOCUMENTS, list(documents.values())),
        queries=frame(QUERIES, list(queries.values())),
        qrels=frame(QRELS, list(labels.values())),
    )


def layout_of(record: dict, file: Path, number: int) -> tuple[str, list[tuple[int, str, str]]]:
    """The query, and relevance (1 or 0), title and text of each of its documents."""
    if "positive_passages" in record:
        return str(record["query"]), list(tevatron(record))
    query = next((record[name] for name in QUERY_NAMES if name in record), None)
    positive = next((record[name] for name in POSITIVE_NAMES if name in record), None)
    if query is None or positive is None:
        raise Refused(
            f"{file}, line {number}: no query and positive among {listed(record)}. Read are `anchor`, `positive`, "
            "`negative` (sentence-transformers), `query`, `pos`, `neg` (FlagEmbedding) and `query`, "
            "`positive_passages`, `negative_passages` (Tevatron)."
        )
    against = [
        text for name, value in record.items() if name in ("neg", "negative") or name.startswith("negative_") for text in texts(value)
    ]
    return str(query), [*((1, "", text) for text in texts(positive)), *((0, "", text) for text in against)]


def tevatron(record: dict) -> Iterator[tuple[int, str, str]]:
    for relevance, name in ((1, "positive_passages"), (0, "negative_passages")):
        for passage in record.get(name) or []:
            yield relevance, passage.get("title") or "", passage.get("text") or ""


def texts(value: object) -> list[str]:
    """One text or several, always as a list; null gives none."""
    if value is None:
        return []
    return [str(text) for text in value] if isinstance(value, list) else [str(value)]


def text_id(*parts: str) -> str:
    return fingerprint("\n".join(part for part in parts if part))[:16]
