"""Which failed calls are repeated, after which pause, and which cost nothing."""

from __future__ import annotations

import math
import random
import time
from email.utils import parsedate_to_datetime

from hone.errors import Refused
from hone.llm.completion import Again, Endpoint
from hone.urls import show_url

LONGEST_PAUSE = 120.0  # maximum seconds of a Retry-After that are respected
OVERLOADED = (
    429,
    503,
)  # statuses of a call that certainly did not reach the model and costs nothing


def delay(attempt: int, backoff: float) -> float:
    """Seconds before the next attempt, after `attempt` of them: exponential backoff with full
    jitter.
    """
    return random.uniform(0, backoff * 2 ** (attempt - 1))


def temporary_failure(code: int, message: str, retry_after: str | None) -> Again:
    """The failure that a temporary status means. After a gateway's timeout the model may have
    done the work, so that call is not free.
    """
    if code in OVERLOADED:
        return Again(
            f"unreachable: overloaded ({code}): {message}",
            overloaded=True,
            wait=pause(retry_after),
            free=True,
        )
    return Again(f"unreachable: status {code}: {message}")


def is_temporary(code: int) -> bool:
    """Whether a status means a temporary failure."""
    return code >= 500 or code in (408, 409, 429)


def pause(given: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; null if it is missing or
    invalid.
    """
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


def rejected_key(endpoint: Endpoint, code: int, message: str) -> Refused:
    """The error for a key that the endpoint rejects."""
    key = (
        f"Check the environment variable {endpoint.key}."
        if endpoint.key
        else "No key was sent: set `key` to the name of a variable."
    )
    return Refused(f"{show_url(endpoint.url)}: authentication failed ({code}): {message}. {key}")


def connection_failure(cause: BaseException, where: str) -> Again:
    """The failure that a broken connection means."""
    from hone.http import UNSENT, Unreadable

    if isinstance(cause, Unreadable):
        return Again(f"broken: {cause}")
    return Again(f"unreachable: {type(cause).__name__} at {where}", free=isinstance(cause, UNSENT))
