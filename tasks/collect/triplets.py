"""triplets: training data in the layouts of sentence-transformers, FlagEmbedding and Tevatron (JSON Lines).

Ids are hashes of the texts, so that the same text has the same id in every file. A negative that the file brings becomes
a label of relevance 0 (its source: "given"), which the candidate source `judged` takes up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import Odd, shown, text_of
from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source, frame, json_lines
from hone.errors import listed
from hone.files import fingerprint

READS_FILES = True
QUERY_NAMES = ("anchor", "query", "question", "sentence1")
POSITIVE_NAMES = ("positive", "answer", "pos", "sentence2")


def triplets(path: Path, what: str | None, *, negatives: Literal["judged", "documents"] = "judged") -> Source:
    """Read a file of (query, positives, negatives).

    Args:
        path: the file.
        what: the same as a part of `source`, or null.
        negatives: "judged" trusts them as not relevant; "documents" only adds their texts to the collection. [Hone default]

    Raises:
        Refused: a line is in none of the three layouts, or has something else than texts; all of them at once.
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
                        f"{text[:60]!r} is a {'positive' if relevance else 'negative'} of {query[:60]!r} here and the opposite on line "
                        f"{known[-1]}"
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


def layout_of(record: dict, file: Path, number: int, faults: Faults) -> tuple[str, list[tuple[int, str, str]]] | None:
    """The query, and relevance (1 or 0), title and text of each of its documents; a text that is missing is empty.

    Null where the line is in none of the layouts or has something else than texts, which `faults` then has.
    """
    try:
        return parted(record)
    except Odd as odd:
        faults.line(file, number, str(odd), odd.remedy, odd.remedy)
        return None


LAYOUTS = (
    "Read are `anchor`, `positive`, `negative` (sentence-transformers), `query`, `pos`, `neg` (FlagEmbedding) and `query`, "
    "`positive_passages`, `negative_passages` (Tevatron)"
)


def parted(record: dict) -> tuple[str, list[tuple[int, str, str]]]:
    """What `layout_of` gives.

    Raises:
        Odd: it is in none of the layouts, or has something else than texts.
    """
    if "positive_passages" in record:
        if "query" not in record:
            raise Odd(f"no `query` beside `positive_passages`; the line has {listed(record)}", LAYOUTS)
        query = one_text(record["query"], "query")
        return query, [*passages(record, 1, "positive_passages"), *passages(record, 0, "negative_passages")]
    asked = next((name for name in QUERY_NAMES if name in record), None)
    answer = next((name for name in POSITIVE_NAMES if name in record), None)
    if asked is None or answer is None:
        raise Odd(f"no query and positive among {listed(record)}", LAYOUTS)
    against = [name for name in record if name in ("neg", "negative") or name.startswith("negative_")]
    texts = [(1, "", text) for text in many_texts(record[answer], answer)]
    texts += [(0, "", text) for name in against for text in ([] if record[name] is None else many_texts(record[name], name))]
    return one_text(record[asked], asked), texts


def passages(record: dict, relevance: int, name: str) -> Iterator[tuple[int, str, str]]:
    """Relevance, title and text of Tevatron's passages; a field that is missing or null has none."""
    given = record.get(name)
    if not isinstance(given or [], list):
        raise Odd(f"`{name}` should be a list, and is {shown(given)}", LAYOUTS)
    for passage in given or []:
        if not isinstance(passage, dict):
            raise Odd(f"`{name}` should hold objects with `text`, and has {shown(passage)}", LAYOUTS)
        yield relevance, one_text(passage.get("title"), f"title of {name}"), one_text(passage.get("text"), f"text of {name}")


def one_text(value: object, name: str) -> str:
    """A text; empty where it is missing."""
    try:
        return text_of(value) or ""
    except Odd as odd:
        raise Odd(f"`{name}` is {odd}", odd.remedy) from None


def many_texts(value: object, name: str) -> list[str]:
    """One text or several, always as a list."""
    return [one_text(text, name) for text in value] if isinstance(value, list) else [one_text(value, name)]


def text_id(*parts: str) -> str:
    return fingerprint("\n".join(part for part in parts if part))[:16]
