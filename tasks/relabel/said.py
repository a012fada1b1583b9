"""What an endpoint says, read with distrust: an answer may be anything."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_PAUSE = 120.0  # seconds that a Retry-After is followed
LONGEST_TOLD = 200  # letters of a fault
LONGEST_NAME = 200  # letters of a model's name
A_KEY = 8  # letters; what is shorter, such as the "x" that servers without keys are given, is no secret but a common word
MOST_TOKENS = 10_000_000  # of one call; a larger count is nonsense
# What endpoints say of a prompt that does not fit, and of one that they will not answer.
TOO_LONG = ("context length", "context_length", "context size", "context window", "too long", "too many tokens", "maximum context")
UNWILLING = ("content_filter", "content filter", "content management policy", "content policy", "usage policy", "safety", "moderation")

Tops = tuple[tuple[str, float], ...]


class NotOne(Exception):
    """No chat completion; the message says what it is instead."""


@dataclass(frozen=True)
class Said:
    """A chat completion.

    Attributes:
        text: of the answer; null where it was refused.
        tops: alternatives of the first token with their log-probabilities, the most likely first; null where there are none.
        model: as the endpoint reports it.
        tokens_in, tokens_out: as the endpoint counts them; null where it does not, or gives nonsense.
        cut: ended by max_tokens.
        fault: why there is no answer.
    """

    text: str | None
    tops: Tops | None
    model: str | None
    tokens_in: int | None
    tokens_out: int | None
    cut: bool
    fault: str | None


def completion(raw: bytes | str | dict, secret: str) -> Said:
    """Read a chat completion.

    Args:
        raw: its JSON, or what was read from it.
        secret: the key, which is struck out of whatever the endpoint says.

    Raises:
        NotOne: it is none.
    """
    try:
        body = raw if isinstance(raw, dict) else json.loads(raw)
        choice = body["choices"][0]
        message = choice["message"]
        text, refusal, ended = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        start = raw[:80].decode(errors="replace") if isinstance(raw, bytes) else str(raw)[:80]
        raise NotOne(f"no chat completion but {clean(start, secret)!r}") from None
    usage, model = body.get("usage"), body.get("model")
    usage = usage if isinstance(usage, dict) else {}
    if text is None and ended == "length":
        text = ""  # all of its room went into thinking
    fault = None
    if refusal or ended == "content_filter":
        fault = f"refused: {clean(str(refusal or 'content filter'), secret)[:LONGEST_TOLD]}"
    elif not isinstance(text, str):
        raise NotOne("an answer without a text")
    return Said(
        text=clean(text, secret) if isinstance(text, str) else None,
        tops=tops_of(choice),
        model=clean(model, secret)[:LONGEST_NAME] if isinstance(model, str) else None,
        tokens_in=count(usage.get("prompt_tokens")),
        tokens_out=count(usage.get("completion_tokens")),
        cut=ended == "length",
        fault=fault,
    )


def count(given: Any) -> int | None:
    """A number of tokens; null where it is none."""
    return given if type(given) is int and 0 <= given <= MOST_TOKENS else None


def tops_of(choice: dict) -> Tops | None:
    """Alternatives of the first token, the most likely first; null where the endpoint gives none that can be read."""
    try:
        given = choice["logprobs"]["content"][0]["top_logprobs"]
        tops = [(clean(str(one["token"]), ""), float(one["logprob"])) for one in given]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    if not tops or not all(math.isfinite(value) and value <= 0.001 for _, value in tops):  # rounding puts a sure one above 0
        return None
    return tuple(sorted(tops, key=lambda one: -one[1]))


def of_error(body: Any, secret: str) -> tuple[str, str]:
    """What an endpoint says of a fault, for people, cut short; and all its words in lower case, to look for what is meant."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    parts = [inner.get(name) for name in ("message", "code", "type")] if isinstance(inner, dict) else [inner]
    words = [clean(part, secret) for part in parts if isinstance(part, str)]
    return " ".join((words or [""])[0].split())[:LONGEST_TOLD], " ".join(words).casefold()


def for_good(code: int, told: str, low: str) -> str:
    """The fault of a call that an endpoint has turned down and always would.

    Args:
        code: HTTP status.
        told, low: as `of_error` gives them.
    """
    if code == 413 or any(word in low for word in TOO_LONG):
        return f"too long: {told}"
    if any(word in low for word in UNWILLING):
        return f"refused: {told}"
    return f"broken: status {code}: {told}"


def passes(code: int) -> bool:
    """Whether a status says that the same call may go better later."""
    return code >= 500 or code in (408, 409, 429)


def clean(text: str, secret: str) -> str:
    """A text that every database takes, without the key."""
    text = text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.replace(secret, "***") if len(secret) >= A_KEY else text


def pause(given: str | None) -> float | None:
    """Seconds that a Retry-After asks for, as a number or a date; null where there is none that can be read."""
    if given is None:
        return None
    try:
        wait = float(given)
    except ValueError:
        try:
            wait = parsedate_to_datetime(given).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(wait, 0.0), LONGEST_PAUSE) if math.isfinite(wait) else None
