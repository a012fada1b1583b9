"""The texts in a model's answer. An answer may hold anything: it is only cut into texts, never
followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from hone.llm.reasoning import separated

AnswerKind = Literal["line", "lines", "text", "json"]
TEXT = "text"  # the field of an answer that is not JSON
MOST_LINES = 100  # texts of one answer
LONGEST = 20_000  # characters of one text; a longer one is cut here, and then removed as too long
LABEL = re.compile(
    r"^(?:(?:search )?(?:query|question)|claim|title|keywords|answer|passage|problem|step)"
    r"\s*\d*\s*[:\-]\s+",
    re.IGNORECASE,
)
BULLET = re.compile(r"^\s*(?:[-*\u2022]|\(?\d{1,3}[.):])\s+")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
FENCE = re.compile(r"^```[^\n]*\n(.*?)\n?```\s*$", re.DOTALL)
QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u00ab": "\u00bb", "`": "`", "**": "**"}


def parse_answer(
    answer: str, kind: AnswerKind, fields: Sequence[str] = (), cut: bool = False
) -> list[dict[str, str]]:
    """The texts in an answer, without reasoning, bullets, labels and quotation marks.

    Args:
        answer: the whole completion.
        kind: its format, from the prompt.
        fields: of a JSON object.
        cut: whether the completion ended at its limit. The text at the end is then incomplete and
            is left out.

    Returns:
        One row per text, by field; `text` is the only field unless the format is JSON. Empty if
        the answer has none.
    """
    visible, open_thought = separated(answer)
    if open_thought is not None:
        return []
    visible = visible.strip()
    if found := FENCE.match(visible):
        visible = found[1].strip()
    if kind == "json":
        return read_objects(visible, fields)
    if kind == "text":
        text = clean_text(visible)
        return [] if cut or not text else [{TEXT: text}]
    lines = [line for line in visible.splitlines() if line.strip()]
    if cut:
        lines = lines[:-1]
    if len(lines) > 1 and lines[0].rstrip().endswith(":"):  # "Here are the queries:"
        lines = lines[1:]
    texts = [text for text in map(clean_line, lines[:MOST_LINES]) if text]
    return [{TEXT: text} for text in (texts[:1] if kind == "line" else texts)]


def clean_line(line: str) -> str:
    """One line without bullet, label, quotation marks and control characters."""
    plain = " ".join(CONTROL.sub(" ", line[: 2 * LONGEST]).split())
    return unquoted(LABEL.sub("", BULLET.sub("", plain).strip()))[:LONGEST]


def clean_text(text: str) -> str:
    """A text of several lines without label and quotation marks around the whole."""
    return unquoted(LABEL.sub("", CONTROL.sub(" ", text[: 2 * LONGEST]), count=1))[:LONGEST]


def unquoted(text: str) -> str:
    """A text without quotation marks that enclose all of it."""
    text = text.strip()
    for opening, closing in QUOTES.items():
        inner = text[len(opening) : -len(closing)]
        if (
            len(text) > len(opening) + len(closing)
            and text.startswith(opening)
            and text.endswith(closing)
            and opening not in inner
        ):
            return inner.strip()
    return text


def read_objects(text: str, fields: Sequence[str]) -> list[dict[str, str]]:
    """The JSON objects in an answer that have a text in every field, also those inside others. An
    object that is not closed is left out.
    """
    found, start, decoder = [], 0, json.JSONDecoder()
    while len(found) < MOST_LINES and (start := text.find("{", start)) >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        row = read_fields(value, fields)
        if row:
            found.append(row)
        start = end if row else start + 1  # an object without the fields may hold some that do
    return found


def read_fields(value: Any, fields: Sequence[str]) -> dict[str, str] | None:
    """The texts of an object's fields. Null if one is missing, empty or not a text."""
    if not isinstance(value, dict):
        return None
    row = {
        name: CONTROL.sub(" ", given[: 2 * LONGEST]).strip()[:LONGEST]
        for name in fields
        if isinstance(given := value.get(name), str) and given.strip()
    }
    return row if len(row) == len(fields) else None
