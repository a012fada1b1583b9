"""The role of each column of a dataset on the Hub: query, positives, negatives or a score.

Roles follow from the usual names, or from `columns`. A name that fits two roles is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hone.errors import Refused, listed

Role = Literal["query", "query_id", "positive", "negative", "score"]

# Names of each role, in small letters. Each list has the names of one tool or of several.
NAMES: dict[Role, tuple[str, ...]] = {
    "query": ("query", "anchor", "question", "sentence1", "sentence_a"),
    "query_id": ("query_id", "query-id", "qid", "queryid"),
    "positive": (
        "positive",
        "positives",
        "pos",
        "positive_passages",
        "answer",
        "answers",
        "passage",
        "document",
        "context",
        "sentence2",
        "sentence_b",
    ),
    "negative": ("negative", "negatives", "neg", "negative_passages", "hard_negatives"),
    "score": ("score", "label", "relevance", "similarity", "similarity_score"),
}
NUMBERED = re.compile(r"(?:neg|negative)_\d+")
# Columns of a table of labels, whose texts are in other subsets.
LABELS = ("corpus-id", "corpus_id", "doc_id", "docid", "pid", "positive_id", "positive_ids")
HOW = "Name the columns with `options: {columns: {query: COLUMN, positive: COLUMN}}`"


@dataclass(frozen=True)
class Layout:
    """The columns of a dataset by role.

    Attributes:
        query: the text of the query.
        positive: the positives, or the text that `score` rates: one text, a list of texts, or a
            list of objects with `text`, and `title` and `docid` if there are any.
        negatives: columns of the same kinds. Empty: none.
        query_id: the id of the query. Null: there is none.
        score: the grade of the pair. Null: every pair is a positive one.
    """

    query: str
    positive: str
    negatives: tuple[str, ...] = ()
    query_id: str | None = None
    score: str | None = None

    @property
    def kind(self) -> str:
        """The name of the layout, for the log."""
        if self.score:
            return "scored pairs"
        if self.positive.endswith("_passages"):
            return "passages (Tevatron, RLHN)"
        return "triplets" if self.negatives else "pairs"

    @property
    def columns(self) -> list[str]:
        """All its columns."""
        named = [self.query_id, self.query, self.positive, *self.negatives, self.score]
        return [name for name in named if name]

    def describe(self) -> str:
        """The layout with its columns, for the log."""
        roles = {
            "query": [self.query],
            "positive": [self.positive],
            "negative": list(self.negatives),
            "score": [self.score] if self.score else [],
        }
        named = "; ".join(f"{role}: {', '.join(names)}" for role, names in roles.items() if names)
        return f"{self.kind} ({named})"


def layout_of(
    columns: Iterable[str], given: dict[Role, str | list[str]] | None, where: str
) -> Layout:
    """The layout of a file.

    Args:
        columns: the names of its columns.
        given: the columns of some roles, from `columns` of params.yaml.
        where: the file, for the message.

    Raises:
        Refused: a column does not exist, a role has no column, or two columns fit one role.
    """
    names, chosen = list(columns), given or {}
    found = {role: matching(names, role, chosen, where) for role in NAMES}
    for role in ("query", "positive"):
        if not found[role]:
            raise Refused(describe_missing(role, names, where))
    for role in ("query", "query_id", "positive", "score"):
        if len(found[role]) > 1:
            raise Refused(
                f"{where}: the columns {listed(found[role])} could both be the {role}. {HOW}."
            )
    negatives = tuple(found["negative"])
    one = {role: next(iter(found[role]), None) for role in ("query_id", "score")}
    used = [found["query"][0], found["positive"][0], *negatives]
    if doubled := sorted({name for name in used if used.count(name) > 1}):
        raise Refused(f"{where}: the column {listed(doubled)} has two roles. {HOW}.")
    # A column named `label` beside labelled negatives describes the row, not the pair.
    score = one["score"] if not negatives or "score" in chosen else None
    return Layout(used[0], used[1], negatives, one["query_id"], score)


def matching(
    names: list[str], role: Role, chosen: dict[Role, str | list[str]], where: str
) -> list[str]:
    """The columns of a role: those that the user names, or those with a usual name."""
    if role in chosen:
        wanted = chosen[role] if isinstance(chosen[role], list) else [chosen[role]]
        if missing := [name for name in wanted if name not in names]:
            raise Refused(
                f"{where}: `columns` names {listed(missing)} as {role}, which does not exist. "
                f"Found: {listed(names, 20)}. Correct it."
            )
        return list(wanted)
    taken = {
        name
        for other, value in chosen.items()
        if other != role
        for name in (value if isinstance(value, list) else [value])
    }
    usual = [name for name in names if name.lower() in NAMES[role] and name not in taken]
    if role == "negative":
        usual += [name for name in names if NUMBERED.fullmatch(name.lower()) and name not in taken]
    return usual


def describe_missing(role: Role, names: list[str], where: str) -> str:
    """The error for a file without a query or a positive."""
    if any(name.lower() in LABELS for name in names):
        return (
            f"{where}: the columns {listed(names, 20)} are ids, and their texts are elsewhere. "
            "Hone reads datasets with the texts in each row. For a benchmark, use `source: "
            "mteb:TASK`."
        )
    return (
        f"{where}: no column is the {role}. Found: {listed(names, 20)}. Usual names: "
        f"{', '.join(NAMES[role])}. {HOW}."
    )
