"""A collection without labels: queries are generated for its documents.

Every number here is a Hone default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from commands.init.division import Division
from commands.init.inventory import Entry
from hone.data.source import SPLITS, Source
from hone.errors import Refused
from tasks.collect.split import DEV_LARGEST, DEV_MINIMUM
from tasks.generate.tables import DEV

RECIPE = "documents-only"  # in recipes/generate/
MOST = 1_000  # documents for which queries are generated at first
FEWEST = 50  # documents. With fewer, there is nothing to train on and to choose with
REAL = 100  # real test queries to label first
LIKE = ("looks like queries", "looks like qrels", "looks like training")


@dataclass(frozen=True)
class Generation:
    """The setting `generate` of a collection.

    Attributes:
        documents: number of documents of the collection, or of chunks.
        count: number of documents for which queries are generated.
        queries: number of queries without labels.
    """

    documents: int
    count: int
    queries: int

    @property
    def setting(self) -> str:
        """The setting in YAML."""
        changes: dict[str, str] = {}
        if self.count < self.documents:
            changes["documents"] = f"{{random: {{count: {self.count}}}}}"
        if self.dev != DEV:
            changes["dev"] = f"{self.dev:g}"
        if not changes:
            return RECIPE
        parts = [f"{name}: {value}" for name, value in ({"recipe": RECIPE} | changes).items()]
        return f"{{{', '.join(parts)}}}"

    @property
    def dev(self) -> float:
        """The fraction of the documents for dev queries: more than usual if there are few."""
        return max(DEV, min(DEV_LARGEST, math.ceil(100 * DEV_MINIMUM / self.count) / 100))

    @property
    def train(self) -> int:
        """The largest number of training queries: one for each document without a dev query."""
        return self.count - round(self.dev * self.count)


def can_generate(entries: list[Entry]) -> bool:
    """Whether queries can be generated for a folder: it has usable documents or text files, and no
    labels. A file that looks like queries or labels must be renamed or removed first.
    """
    if any(entry.kind in ("labels", "training examples") for entry in entries):
        return False
    if any(entry.problem.startswith(LIKE) for entry in entries):
        return False
    asked = [entry for entry in entries if entry.kind == "queries"]
    tables = [entry for entry in entries if entry.kind == "documents"]
    texts = any(entry.kind == "texts" for entry in entries)
    return all(entry.usable for entry in (*asked, *tables)) and (bool(tables) or texts)


def generation_for(source: Source) -> Generation:
    """The generation for a collection that has been read.

    Raises:
        Refused: it has too few documents.
    """
    documents = len(source.documents)
    if documents < FEWEST:
        raise Refused(
            f"nothing is labelled, and queries for {documents:,} documents are too few to train on "
            f"and to choose a round with. Add documents ({FEWEST} or more), or queries and labels."
        )
    return Generation(documents, min(documents, MOST), len(source.queries))


def no_division() -> Division:
    """No labelled query in any split."""
    return Division(None, dict.fromkeys(SPLITS, 0))
