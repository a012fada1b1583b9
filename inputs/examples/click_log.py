"""Write an example folder with documents and a click log, for docs/how-to/clicks.md:

    python inputs/examples/click_log.py inputs/searches

The documents are those of handbook.py, one for each function of Python's standard library. Each
question is searched several times, some questions much more often than others, and many of them
appear only in the course of time. A simple search
engine ranks the documents, and synthetic users click. They look at position k with probability
1 / k. Some rows are broken on purpose: personal data, unknown documents, and wrong positions.
"""

from __future__ import annotations

import csv
import datetime
import importlib
import math
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from handbook import MODULES, SHORTEST_DOCUMENT, SHORTEST_QUERY, SIGNATURE, functions_of

SHOWN = 10  # results of a search
LONGEST_QUERY = 200  # characters
LEAST, MOST = 5, 50  # searches for a question
LOOKS, MISTAKES = 0.7, 0.04  # chance of a click on the right and on another document that is seen
NOISE = 4.0  # of the ranking, so documents are shown at several positions
START, DAYS = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), 90


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True)
    draw = random.Random(13)
    documents, questions = read_functions()
    write_table(folder / "documents.csv", ("doc_id", "title", "text"), documents)
    rows = list(searches(draw, documents, questions))
    columns = ("time", "session", "query", "doc_id", "position", "clicked", "dwell")
    write_table(folder / "clicks.csv", columns, [*sorted(rows), *broken(documents[0][0])])
    print(f"{folder}: {len(documents)} documents, {len(rows)} impressions")


def read_functions() -> tuple[list[tuple[str, str, str]], dict[str, str]]:
    """Id, title and text of each function, and the id that answers each question."""
    documents, questions = [], {}
    for name in MODULES:
        for heading, text in functions_of(importlib.import_module(name)):
            question, _, rest = text.partition(". ") if ". " in text else text.partition("\n\n")
            question = " ".join(question.split()).rstrip(".")
            if SIGNATURE.match(question) or question in questions:
                continue
            if not SHORTEST_QUERY <= len(question) <= LONGEST_QUERY:
                continue
            if len(rest) < SHORTEST_DOCUMENT:
                continue
            doc_id = f"{name}/{heading}".replace(" ", "-")
            questions[question] = doc_id
            documents.append((doc_id, f"{name}: {heading}", rest.strip()))
    return documents, questions


def searches(
    draw: random.Random, documents: list[tuple[str, str, str]], questions: dict[str, str]
) -> Iterator[tuple]:
    """The impressions of all searches."""
    texts = {doc_id: Counter(words(f"{title} {text}")) for doc_id, title, text in documents}
    holders = defaultdict(list)
    for doc_id, counts in texts.items():
        for word in counts:
            holders[word].append(doc_id)
    session = 0
    for question, answer in questions.items():
        scores: Counter[str] = Counter({answer: NOISE})
        for word in set(words(question)):
            for doc_id in holders[word]:
                scores[doc_id] += math.log(len(documents) / len(holders[word]))
        best = [doc_id for doc_id, _ in scores.most_common(3 * SHOWN)]
        first = draw.random()  # the part of the time in which nobody had this question yet
        for _ in range(min(MOST, int(LEAST * draw.paretovariate(1.2)))):
            session += 1
            day = DAYS * (first + (1 - first) * draw.random())
            time = START + datetime.timedelta(days=day)
            noisy = {doc_id: scores[doc_id] + draw.gauss(0, NOISE) for doc_id in best}
            ranked = sorted(noisy, key=noisy.__getitem__, reverse=True)[:SHOWN]
            for position, doc_id in enumerate(ranked, start=1):
                chance = (LOOKS if doc_id == answer else MISTAKES) / position
                clicked = int(draw.random() < chance)
                dwell = draw.randrange(2, 300) if clicked else ""
                yield (f"{time:%Y-%m-%dT%H:%M:%SZ}", f"s{session}", question, doc_id, position,
                       clicked, dwell)  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text."""
    return re.findall(r"[a-z]+", text.lower())


def broken(doc_id: str) -> list[tuple]:
    """Rows that a real log has, too, most of them of one document."""
    time, session = f"{START:%Y-%m-%dT%H:%M:%SZ}", "s0"
    return [
        (time, session, "mail to jo@example.com fails", doc_id, 1, 1, 40),
        (time, session, "jo@example.com", doc_id, 1, 1, 40),
        (time, session, "delete a file", "removed/document", 1, 1, 40),
        (time, session, "delete a file", doc_id, -1, 1, 40),
        (time, session, "delete a file", doc_id, 2, "maybe", ""),
        (time, session, "", doc_id, 1, 0, ""),
        (time, session, "how to make coffee", "", "", 0, ""),
    ]


def write_table(file: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """Write a CSV file."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([columns, *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
