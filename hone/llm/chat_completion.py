"""Parse the HTTP bodies of a chat endpoint. A body may hold anything."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from hone.llm.reasoning import has_thoughts

LONGEST_MESSAGE = 200  # characters of a fault
LONGEST_START = 80  # characters shown of a body that is not a completion
LONGEST_NAME = 200  # characters of a model's name
# characters; a shorter key, such as "x" for servers without keys, is not a secret but a common word
A_KEY = 8
MOST_TOKENS = 10_000_000  # per call; a larger count is invalid
# Messages of endpoints about a prompt that is too long, and about one that they refuse.
TOO_LONG = (
    "context length",
    "context_length",
    "context size",
    "context window",
    "too long",
    "too many tokens",
    "maximum context",
)
UNWILLING = (
    "content_filter",
    "content filter",
    "content management policy",
    "content policy",
    "usage policy",
    "safety",
    "moderation",
)

THOUGHTS = (
    "reasoning_content",
    "reasoning",
    "reasoning_details",
)  # fields with reasoning beside the answer
CACHED = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")
ESCAPES = re.compile(r"[\\%]|&#")

Tops = tuple[tuple[str, float], ...]


class NotOne(Exception):
    """The body is not a chat completion; the message shows what it is."""


@dataclass(frozen=True)
class ParsedCompletion:
    """A chat completion.

    Attributes:
        text: of the completion; null if the model refused.
        tops: alternatives of the first token with their log-probabilities, the most likely first;
            null: none.
        model: model name that the endpoint reports.
        system: configuration fingerprint that the endpoint reports; null: none.
        tokens_in, tokens_out: token counts of the endpoint; null: missing or invalid.
        cached: cached tokens of the prompt, as the endpoint counts them.
        cut: cut off at max_tokens.
        fault: why there is no text.
    """

    text: str | None
    tops: Tops | None
    model: str | None
    tokens_in: int | None
    tokens_out: int | None
    cut: bool
    fault: str | None
    system: str | None = None
    cached: int = 0


def completion(raw: bytes | str | dict, secret: str | None) -> ParsedCompletion:
    """Parse a chat completion.

    Args:
        raw: its JSON, or the parsed object.
        secret: the key, which is removed from all texts of the endpoint.

    Raises:
        NotOne: the body is not a chat completion.
    """
    try:
        body = raw if isinstance(raw, dict) else json.loads(raw)
        choice = body["choices"][0]
        message = choice["message"]
        text, refusal, ended = (
            text_of(message.get("content")),
            message.get("refusal"),
            choice.get("finish_reason"),
        )
        thought = any(message.get(name) for name in THOUGHTS) or text != message.get("content")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        whole = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
        raise NotOne(f"no chat completion but {beginning(whole, secret)!r}") from None
    usage, model = body.get("usage"), body.get("model")
    usage = usage if isinstance(usage, dict) else {}
    if text is None and (ended == "length" or thought):
        text = ""  # reasoning used up max_tokens, or was followed by no answer
    fault = None
    if refusal or ended == "content_filter":
        fault = f"refused: {clean(str(refusal or 'content filter'), secret)[:LONGEST_MESSAGE]}"
    elif not isinstance(text, str):
        raise NotOne("an answer without a text")
    return ParsedCompletion(
        text=clean(text, secret) if isinstance(text, str) else None,
        # With reasoning the first token belongs to the reasoning.
        tops=None if thought or (isinstance(text, str) and has_thoughts(text)) else tops_of(choice),
        model=clean(model, secret)[:LONGEST_NAME] if isinstance(model, str) else None,
        tokens_in=count(usage.get("prompt_tokens")),
        tokens_out=count(usage.get("completion_tokens")),
        cut=ended == "length",
        fault=fault,
        system=clean(system, secret)[:LONGEST_NAME]
        if isinstance(system := body.get("system_fingerprint"), str)
        else None,
        cached=cached_of(usage),
    )


def text_of(content: Any) -> Any:
    """The text of a completion; of a completion in parts, the text parts without the reasoning."""
    parts = content if isinstance(content, list) else ()
    if not parts or not all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts
    ):
        return content
    return "".join(
        part["text"]
        for part in parts
        if part["type"] == "text" and isinstance(part.get("text"), str)
    )


def cached_of(usage: dict) -> int:
    """Cached tokens of a prompt, whether or not `prompt_tokens` includes them."""
    details = usage.get("prompt_tokens_details")
    found = [usage.get(name) for name in CACHED] + [
        details.get("cached_tokens") if isinstance(details, dict) else None
    ]
    return max(count(one) or 0 for one in found)


def count(given: Any) -> int | None:
    """A token count; null if it is invalid."""
    return given if type(given) is int and 0 <= given <= MOST_TOKENS else None


def tops_of(choice: dict) -> Tops | None:
    """Alternatives of the first token, the most likely first; null if there are none or they
    cannot be parsed.
    """
    try:
        given = choice["logprobs"]["content"][0]["top_logprobs"]
        tops = [(clean(str(one["token"]), ""), float(one["logprob"])) for one in given]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    if not tops or not all(
        math.isfinite(value) and value <= 0.001 for _, value in tops
    ):  # rounding can put a certain one above 0
        return None
    return tuple(sorted(tops, key=lambda one: -one[1]))


def param_of(body: Any) -> str | None:
    """The parameter that an error message names; null: none."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    param = inner.get("param") if isinstance(inner, dict) else None
    return param if isinstance(param, str) else None


def of_error(body: Any, secret: str | None) -> tuple[str, str]:
    """The message of an error, shortened for display; and its whole text in lower case, to
    classify it.
    """
    inner = body.get("error", body) if isinstance(body, dict) else body
    parts = (
        [inner.get(name) for name in ("message", "code", "type")]
        if isinstance(inner, dict)
        else [inner]
    )
    words = [clean(part, secret) for part in parts if isinstance(part, str)]
    return " ".join((words or [""])[0].split())[:LONGEST_MESSAGE], " ".join(words).casefold()


def body_of(raw: bytes) -> Any:
    """The body of an error: its parsed JSON, or its text."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")


def for_good(code: int, message: str, low: str) -> str:
    """The fault of a request that the endpoint rejects permanently.

    Args:
        code: HTTP status.
        message, low: the two results of `of_error`.
    """
    if code == 413 or any(word in low for word in TOO_LONG):
        return f"too long: {message}"
    if any(word in low for word in UNWILLING):
        return f"refused: {message}"
    return f"broken: status {code}: {message}"


def clean(text: str, secret: str | None) -> str:
    """A text that every database accepts, without the key in any of its spellings."""
    text = text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if secret is None or len(secret) < A_KEY:
        return text
    text = text.replace(secret, "***")
    return spellings(secret).sub("***", text) if ESCAPES.search(text) else text


def beginning(text: str, secret: str | None) -> str:
    """The beginning of a body that is not a completion. It is cleaned before it is cut, so that
    no part of the key remains.
    """
    return clean(text, secret)[:LONGEST_START]


@cache
def spellings(secret: str) -> re.Pattern[str]:
    """A pattern of the key in which any character may be escaped, as in JSON, URLs, HTML and
    Python.
    """
    return re.compile(
        "".join(f"(?:{re.escape(letter)}|{escaped(ord(letter))})" for letter in secret)
    )


def escaped(code: int) -> str:
    """A pattern of the ways to escape a character; hexadecimal digits may be of either case."""
    digits = "".join(
        f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{code:02x}"
    )
    ways = (
        rf"\\u00{digits}|\\x{digits}|\\U000000{digits}|\\u\{{0{{0,6}}{digits}\}}|"
        rf"%(?:25){{0,3}}{digits}|&#0{{0,6}}{code};"
    )
    return rf"\\{{0,4}}(?:{ways}|&#[xX]0{{0,6}}{digits};)"
