"""triplets: training data in the layouts of sentence-transformers, FlagEmbedding and Tevatron (JSON
Lines).

Ids are hashes of the texts, so equal texts have equal ids in every file. A negative in the file
becomes a label of relevance 0 (source: "given"), which the candidate source `judged` uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import Odd, show_value, text_of
from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source, frame, json_lines
from hone.errors import listed
from hone.files import fingerprint

READS_FILES = True
QUERY_NAMES = ("anchor", "query", "question", "sentence1")
POSITIVE_NAMES = ("positive", "answer", "pos", "sentence2")
NEGATIVE_NAMES = ("neg", "negative")  # and negative_1, negative_2, ...


def triplets(
    path: Path, what: str | None, *, negatives: Literal["judged", "documents"] = "judged"
) -> Source:
    """Read a file of (query, positives, negatives).

    Args:
        path: the file.
        what: the same, as a part of `source`, or null.
        negatives: "judged" labels them as not relevant. "documents" only adds their texts to the
            collection. [Hone default]

    Raises:
        Refused: a line matches none of the three layouts, or contains values that are not texts.
            All errors are reported at once.
    """
    file, faults = Path(what) if what else path, Faults()
    documents: dict[str, tuple] = {}
    queries: dict[str, tuple] = {}
    labels: dict[tuple[str, str], tuple] = {}
    repeated = 0
    for number, record in json_lines(file, faults):
        read = layout_of(record, file, number, faults)
        if read is None:
            continue
        query, found = read
        query_id = text_id(query)
        queries.setdefault(query_id, (query_id, query, None, str(file), number))
        for relevance, title, text in found:
            doc_id = text_id(title, text)
            documents.setdefault(doc_id, (doc_id, title or None, text, None, str(file), number))
            if relevance or negatives == "judged":
                label = (query_id, doc_id, relevance, "given", None, str(file), number)
                known = labels.setdefault((query_id, doc_id), label)
                repeated += known is not label and known[2] == relevance
                if known[2] != relevance:
                    what = (
                        f"{text[:60]!r} is a {'positive' if relevance else 'negative'} of "
                        f"{query[:60]!r} here and the opposite on "
                        f"line {known[-1]}"
                    )
                    faults.line(file, number, what, "Delete the wrong one")
    source = Source(
        documents=frame(DOCUMENTS, list(documents.values())),
        queries=frame(QUERIES, list(queries.values())),
        qrels=frame(QRELS, list(labels.values())),
        counts={"repeated_labels": repeated},
    )
    if faults:
        faults.tables |= {"documents", "queries"}
        raise Faulty(faults, source)
    return source


def layout_of(
    record: dict, file: Path, number: int, faults: Faults
) -> tuple[str, list[tuple[int, str, str]]] | None:
    """The query, and relevance (1 or 0), title and text of each of its documents. Missing texts are
    empty.

    Null if the line matches none of the layouts or contains values that are not texts. `faults`
    then holds the error.
    """
    try:
        return parted(record)
    except Odd as odd:
        faults.line(file, number, str(odd), odd.remedy, odd.remedy)
        return None


LAYOUTS = (
    "Supported fields are `anchor`, `positive`, `negative` (sentence-transformers), `query`, "
    "`pos`, `neg` (FlagEmbedding) and "
    "`query`, `positive_passages`, `negative_passages` (Tevatron)"
)


def parted(record: dict) -> tuple[str, list[tuple[int, str, str]]]:
    """The result of `layout_of`.

    Raises:
        Odd: it matches none of the layouts, or contains values that are not texts.
    """
    if "positive_passages" in record:
        if "query" not in record:
            raise Odd(
                f"`query` is missing beside `positive_passages`. The line has {listed(record)}",
                LAYOUTS,
            )
        query = one_text(record["query"], "query")
        return query, [
            *passages(record, 1, "positive_passages"),
            *passages(record, 0, "negative_passages"),
        ]
    query_key = next((name for name in QUERY_NAMES if name in record), None)
    positive_key = next((name for name in POSITIVE_NAMES if name in record), None)
    if query_key is None or positive_key is None:
        raise Odd(f"a query or positive is missing. The line has {listed(record)}", LAYOUTS)
    against = [name for name in record if name in NEGATIVE_NAMES or name.startswith("negative_")]
    texts = [(1, "", text) for text in many_texts(record[positive_key], positive_key)]
    texts += [
        (0, "", text)
        for name in against
        for text in ([] if record[name] is None else many_texts(record[name], name))
    ]
    return one_text(record[query_key], query_key), texts


def passages(record: dict, relevance: int, name: str) -> Iterator[tuple[int, str, str]]:
    """Relevance, title and text of Tevatron's passages. A missing or null field has none."""
    given = record.get(name)
    if not isinstance(given or [], list):
        raise Odd(f"`{name}` is not a list but {show_value(given)}", LAYOUTS)
    for passage in given or []:
        if not isinstance(passage, dict):
            raise Odd(
                f"`{name}` is not a list of objects with `text`: it contains {show_value(passage)}",
                LAYOUTS,
            )
        yield (
            relevance,
            one_text(passage.get("title"), f"title of {name}"),
            one_text(passage.get("text"), f"text of {name}"),
        )


def one_text(value: object, name: str) -> str:
    """A text. Empty if it is missing."""
    try:
        return text_of(value) or ""
    except Odd as odd:
        raise Odd(f"`{name}` is {odd}", odd.remedy) from None


def many_texts(value: object, name: str) -> list[str]:
    """One text or several, always as a list."""
    return (
        [one_text(text, name) for text in value]
        if isinstance(value, list)
        else [one_text(value, name)]
    )


def text_id(*parts: str) -> str:
    return fingerprint("\n".join(part for part in parts if part))[:16]
