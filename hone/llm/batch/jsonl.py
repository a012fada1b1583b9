"""What a vendor says of a batch and of each of its calls, read with distrust."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hone.llm import chat_completion
from hone.llm.client import Again, Call, Endpoint, Reply, reply_of, say_spared
from hone.llm.endpoint_state import ROOM, habits


def digest(call: Call, model: str) -> str:
    """What a call says, in 32 hexadecimal digits: the same in every process, whatever its number."""
    told = json.dumps([model, call.messages, call.max_tokens, call.options], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def line_of(call: Call, name: str, endpoint: Endpoint) -> bytes:
    """A call as a line of the file that is uploaded."""
    body = habits(endpoint).body(call, endpoint.model)
    return json.dumps({"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}).encode() + b"\n"


def read(call: Call, line: dict, endpoint: Endpoint, secret: str | None) -> Reply:
    """A line of answers as the reply to its call.

    Raises:
        Again: it may go better in another batch.
    """
    response = line.get("response")
    if not isinstance(response, dict):
        told, low = chat_completion.of_error(line.get("error"), secret)
        if "expired" in low:
            raise Again(f"timed out: {told}", free=True)
        return Reply(call, fault=f"stopped: {told}" if "cancel" in low else f"broken: {told or 'neither answer nor error'}")
    code, body = response.get("status_code"), response.get("body")
    if code != 200:
        return turned_down(call, code, body, endpoint, secret)
    try:
        heard = chat_completion.completion(json.dumps(body), secret)
    except chat_completion.NotOne as error:
        raise Again(f"broken: {error}") from None
    reply = reply_of(call, heard, endpoint, 0.0)
    habits(endpoint).heard_of(call, reply.tokens_in)
    return reply


def turned_down(call: Call, code: Any, body: Any, endpoint: Endpoint, secret: str | None) -> Reply:
    """What a status means, as `Caller.status` has it for a call of its own."""
    told, low = chat_completion.of_error(body, secret)
    if type(code) is not int or chat_completion.passes(code):
        raise Again(f"unreachable: status {str(code)[:3]}: {told}", free=code in chat_completion.OVERLOADED)
    fault, known = chat_completion.for_good(code, told, low), habits(endpoint)
    # All calls of the batch were sent alike: the first that says so changes what the next batch is sent.
    sent = {ROOM: call.max_tokens, **call.options}
    if fault.startswith("broken") and (spared := known.spare(sent, low, chat_completion.param_of(body))):
        say_spared(endpoint, spared, told)
        raise Again(fault, free=True, at_once=True)
    return Reply(call, fault=fault)


def reason(batch: dict, secret: str | None) -> str:
    """Why a batch failed as a whole."""
    errors = batch.get("errors")
    errors = errors.get("data") if isinstance(errors, dict) else errors
    first = errors[0] if isinstance(errors, list) and errors else errors
    return chat_completion.of_error(first, secret)[0] or "the vendor does not say why"


def counted(batch: dict) -> str:
    """How far a batch is."""
    counts = batch.get("request_counts")
    done, failed, total = (counts.get(name) if isinstance(counts, dict) else None for name in ("completed", "failed", "total"))
    if all(type(count) is int for count in (done, failed, total)):
        return f"{done:,} of {total:,} answered, {failed:,} failed"
    return f"status {str(batch.get('status'))[:20]}"
