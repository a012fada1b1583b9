"""The JSONL lines of a vendor's batch: requests as they are uploaded, responses as they are
read. A response may hold anything.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hone.llm import chat_completion
from hone.llm.completion import Again, Completion, Endpoint, Request, completion_of, log_unsupported
from hone.llm.endpoint_state import ROOM, habits
from hone.llm.retry_policy import OVERLOADED, is_temporary


def digest(request: Request, model: str) -> str:
    """A hash of a request's content, as 32 hexadecimal digits: the same in every process,
    whatever its number.
    """
    content = json.dumps(
        [model, request.messages, request.max_tokens, request.options], sort_keys=True
    )
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def line_of(request: Request, name: str, endpoint: Endpoint) -> bytes:
    """A request as one line of the uploaded file."""
    body = habits(endpoint).body(request, endpoint.model)
    return (
        json.dumps(
            {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
        ).encode()
        + b"\n"
    )


def read(request: Request, line: dict, endpoint: Endpoint, secret: str | None) -> Completion:
    """The completion of a request from its line in the vendor's output.

    Raises:
        Again: the request may succeed in another batch.
    """
    response = line.get("response")
    if not isinstance(response, dict):
        message, low = chat_completion.of_error(line.get("error"), secret)
        if "expired" in low:
            raise Again(f"timed out: {message}", free=True)
        return Completion(
            request,
            fault=f"stopped: {message}"
            if "cancel" in low
            else f"broken: {message or 'neither response nor error'}",
        )
    code, body = response.get("status_code"), response.get("body")
    if code != 200:
        return read_error(request, code, body, endpoint, secret)
    try:
        parsed = chat_completion.completion(json.dumps(body), secret)
    except chat_completion.NotOne as error:
        raise Again(f"broken: {error}") from None
    completion = completion_of(request, parsed, endpoint, 0.0)
    habits(endpoint).heard_of(request, completion.tokens_in)
    return completion


def read_error(
    request: Request, code: Any, body: Any, endpoint: Endpoint, secret: str | None
) -> Completion:
    """The fault of a request whose line has an error status; see `Caller.read_error` for a
    single call.
    """
    message, low = chat_completion.of_error(body, secret)
    if type(code) is not int or is_temporary(code):
        raise Again(f"unreachable: status {str(code)[:3]}: {message}", free=code in OVERLOADED)
    fault, known = chat_completion.for_good(code, message, low), habits(endpoint)
    # All requests of a batch have the same options: the first rejection changes what the next batch
    # contains.
    sent = {ROOM: request.max_tokens, **request.options}
    if fault.startswith("broken") and (
        unsupported := known.spare(sent, low, chat_completion.param_of(body))
    ):
        log_unsupported(endpoint, unsupported, message)
        raise Again(fault, free=True, at_once=True)
    return Completion(request, fault=fault)


def reason(batch: dict, secret: str | None) -> str:
    """Why a batch failed as a whole."""
    errors = batch.get("errors")
    errors = errors.get("data") if isinstance(errors, dict) else errors
    first = errors[0] if isinstance(errors, list) and errors else errors
    return chat_completion.of_error(first, secret)[0] or "the vendor gives no reason"


def progress(batch: dict) -> str:
    """Progress of a batch."""
    counts = batch.get("request_counts")
    done, failed, total = (
        counts.get(name) if isinstance(counts, dict) else None
        for name in ("completed", "failed", "total")
    )
    if all(type(count) is int for count in (done, failed, total)):
        return f"{done:,} of {total:,} completed, {failed:,} failed"
    return f"status {str(batch.get('status'))[:20]}"
