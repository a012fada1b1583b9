"""Write an example folder of Markdown files, with questions, for docs/tutorials/own-data.md:

    python inputs/examples/handbook.py inputs/handbook

The documents are functions of Python's standard library, one file for each module. The first
sentence of a function's docstring becomes a query, and the rest stays in the document. So the
numbers depend on the version of Python.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import re
import sys
from pathlib import Path

MODULES = (
    "argparse ast asyncio base64 bisect calendar cmath codecs collections colorsys compileall "
    "configparser contextlib copy csv datetime decimal difflib dis email.message email.utils enum "
    "fileinput fnmatch fractions ftplib functools gettext glob gzip heapq hmac html http.client "
    "http.cookies imaplib inspect io ipaddress itertools json keyword linecache locale logging "
    "lzma mailbox math mimetypes multiprocessing.pool netrc operator os pathlib pdb pickle "
    "pkgutil platform plistlib poplib posixpath pprint profile pstats queue quopri random re "
    "reprlib sched secrets selectors shelve shlex shutil signal smtplib socket socketserver "
    "sqlite3 ssl statistics string struct subprocess symtable sysconfig tarfile tempfile textwrap "
    "threading time timeit token tokenize trace traceback types typing unicodedata unittest.case "
    "urllib.parse urllib.request uuid warnings wave weakref xml.dom.minidom "
    "xml.etree.ElementTree xmlrpc.client zipapp zipfile zlib"
).split()
SHORTEST_QUERY, SHORTEST_DOCUMENT = 20, 80  # characters
SIGNATURE = re.compile(r"[\w.]+\(")  # some docstrings begin with one


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True)
    queries, labels, seen = [], [], set()
    for name in MODULES:
        sections = []
        for heading, text in functions_of(importlib.import_module(name)):
            question, _, rest = text.partition(". ") if ". " in text else text.partition("\n\n")
            question = " ".join(question.split()).rstrip(".")
            if SIGNATURE.match(question) or question.lower() in seen:
                continue
            if len(question) < SHORTEST_QUERY or len(rest) < SHORTEST_DOCUMENT:
                continue
            seen.add(question.lower())
            sections.append(f"## {heading}\n\n{rest.strip()}\n")
            queries.append((f"q{len(queries) + 1}", question))
            labels.append((queries[-1][0], f"{name}.md#{heading}"))
        if sections:
            page = "\n".join([f"# The module {name}\n", *sections])
            (folder / f"{name}.md").write_text(page, encoding="utf-8")
    write_table(folder / "queries.csv", ("query_id", "text"), queries)
    write_table(folder / "qrels.csv", ("query_id", "doc_id"), labels)
    print(f"{folder}: {len(queries)} questions")


def functions_of(module: object) -> list[tuple[str, str]]:
    """Names and docstrings of the public functions and methods that a module defines."""
    found = []
    for name, item in sorted(vars(module).items()):
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(item):
            methods = [
                (f"{name}.{inner}", value)
                for inner, value in sorted(vars(item).items())
                if not inner.startswith("_") and callable(value)
            ]
            found += methods
        elif callable(item):
            found.append((name, item))
    documented = [(name, inspect.getdoc(item)) for name, item in found]
    return [(heading(name), text) for name, text in documented if text]


def heading(name: str) -> str:
    """A heading for a function: words instead of underscores and periods."""
    return re.sub(r"[._]+", " ", name).strip()


def write_table(file: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a CSV file."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([columns, *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
