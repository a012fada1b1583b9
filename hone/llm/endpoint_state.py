"""The state of an endpoint in this process: unsupported options, token counts, concurrency limit
and failures.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hone.data.unknown_reasons import CUT, ITS_FAULT, kind
from hone.llm.rate_limit import Load

if TYPE_CHECKING:
    from hone.llm.completion import Completion, Endpoint, Request

MOST_OFF = 4.0  # maximum correction of our token estimate
FAILURES_IN_A_ROW = 8  # consecutive failed calls after which the endpoint is stopped
# consecutive completions cut off before a verdict, after which the endpoint is stopped (Hone
# default)
THOUGHTS_IN_A_ROW = 5
ROOM_TO_THINK = 1024  # recommended max_tokens in that case (Hone default)
CUT_PROMPTS = 3  # consecutive truncated prompts after which the endpoint is stopped (Hone default)
CUT_SHARE = 0.1  # fraction of truncated prompts from which they add up to that limit (Hone default)
# Characters per token, without repetitions: no known language and tokenizer has a higher average.
# English has 4 to 5, German and Finnish no more, other scripts fewer.
MOST_LETTERS = 8
# tokens; a smaller count is not a server's context length, but for example the tokens that were not
# cached
LEAST_READ = 256
NEAR = 0.9  # fraction of the highest count from which a count may be a context length
REPEATED = re.compile(
    r"(\S)\1{3,}|\s{2,}"
)  # a long run of one character or of spaces is few tokens
# Two models in turn: minimum count and fraction of each name among the first completions (Hone
# default).
IN_TURN, SHARE_IN_TURN, FIRST_ANSWERS = 4, 0.25, 32
ROOM, OTHER_ROOM = "max_tokens", "max_completion_tokens"  # names of the output limit
# Options that can be omitted, each with those that go with it. `response_format` is not among them:
# the prompt depends on it.
LIKELIHOODS = ("logprobs", "top_logprobs")
SPARED = {
    "temperature": ("temperature",),
    "seed": ("seed",),
    "logprobs": LIKELIHOODS,
    "top_logprobs": LIKELIHOODS,
}


@dataclass
class Habits:
    """The state of an endpoint, shared by all blocks of questions of a process.

    Attributes:
        room: its name for max_tokens; newer models of one vendor use another.
        without: options that it rejects and that are no longer sent.
        logged: of these, the ones that have been logged.
        off: maximum ratio so far of its token count to our estimate.
        heard: it has answered at least once.
        failures: number of consecutive failed calls.
        thoughts: number of consecutive completions that were cut off at max_tokens before a
            verdict.
        cuts: number of truncated prompts; each prompt that was read completely subtracts CUT_SHARE.
        most_read: tokens of the longest prompt that it has read.
        names: counts of the model names in its first completions.
        stopped: why it receives no more requests from this process; null: it does.
        load: its concurrency limit; null before the first call.
    """

    room: str = ROOM
    without: set[str] = field(default_factory=set)
    logged: set[str] = field(default_factory=set)
    off: float = 1.0
    heard: bool = False
    failures: int = 0
    thoughts: int = 0
    cuts: float = 0.0
    most_read: int = 0
    names: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    load: Load | None = None

    def load_of(self, slots: int) -> Load:
        """Its concurrency limit, with this maximum."""
        if self.load is None or self.load.most != slots:
            self.load = Load(slots)
        return self.load

    def heard_of(self, request: Request, tokens_in: int) -> None:
        """Record its token count of a prompt."""
        self.heard = True
        self.off = max(self.off, min(MOST_OFF, tokens_in / tokens_of(request)))

    def body(self, request: Request, model: str) -> dict[str, Any]:
        """A request body with the options that this endpoint supports."""
        options = {
            name: value for name, value in request.options.items() if name not in self.without
        }
        return {
            "model": model,
            "messages": request.messages,
            self.room: request.max_tokens,
            **options,
        }

    def spare(self, sent: dict[str, Any], low: str, param: str | None) -> list[str]:
        """Record options that an endpoint rejects and that can be omitted.

        Args:
            sent: the request body.
            low: the endpoint's message, in lower case.
            param: the parameter that it names; null: none.

        Returns:
            These options; empty if it rejects something else.
        """
        named = (param or "").partition(".")[0]
        if ROOM in sent and (OTHER_ROOM in low or (named == ROOM and "unsupported" in low)):
            self.room = OTHER_ROOM
            return [ROOM]
        meant = [
            name
            for name in SPARED
            if name in sent and (name == named or re.search(rf"(?<![a-z_]){name}(?![a-z_])", low))
        ]
        dropped = sorted({name for one in meant for name in SPARED[one] if name in sent})
        self.without.update(part for name in dropped for part in SPARED[name])
        return dropped

    def not_read(self, request: Request, tokens_in: int | None, cached: int) -> str | None:
        """The fault of a prompt that the endpoint has truncated, by its own token count; null if it
        has read the whole prompt.

        Servers such as Ollama silently truncate a prompt that is longer than their context. Two
        conditions must hold: the count is too small for the prompt in any language, and it is close
        to the highest count of this endpoint, as a context length is. A count that excludes cached
        tokens fails the second.

        Args:
            request: as it was sent.
            tokens_in: token count of the endpoint; null: none.
            cached: cached tokens, whether or not the count includes them.
        """
        if tokens_in is None or tokens_in < LEAST_READ:
            return None
        read, before = tokens_in + cached, self.most_read
        self.most_read = max(before, tokens_in)
        letters = sum(len(str(message.get("content", ""))) for message in request.messages)
        if (
            read * MOST_LETTERS >= letters
            or tokens_in < NEAR * before
            or read * MOST_LETTERS >= letters_of(request)
        ):
            return None
        return f"{CUT}: it read {tokens_in:,} of about {tokens_of(request):,} tokens"

    def take(self, completion: Completion) -> str | None:
        """Record the outcome of a call. Returns why the endpoint is stopped, if this call
        stopped it.
        """
        fault = completion.fault or ""
        self.failures = (
            self.failures + 1 if kind(fault) in ITS_FAULT else 0 if not fault else self.failures
        )
        if not self.stopped and self.failures >= FAILURES_IN_A_ROW:
            self.stopped = f"stopped: {self.failures} calls in a row failed, the last one: {fault}"
            return self.stopped
        return self.take_cut(completion)

    def take_cut(self, completion: Completion) -> str | None:
        """Record whether a prompt was truncated. Returns why the endpoint is stopped, if this
        call stopped it.
        """
        fault = completion.fault or ""
        self.cuts = (
            self.cuts + 1
            if kind(fault) == CUT
            else self.cuts
            if fault
            else max(0.0, self.cuts - CUT_SHARE)
        )
        if self.stopped or self.cuts < CUT_PROMPTS:
            return None
        self.stopped = (
            f"stopped: the server cuts prompts ({fault.partition(': ')[2]} of the last one). "
            "Raise its context (Ollama: num_ctx), or set "
            "`context` to what it has, so that each text is shortened instead"
        )
        return self.stopped

    def judge_room(self, completion: Completion, read: bool) -> str | None:
        """Record whether a completion was cut off before a verdict. Returns why the endpoint is
        stopped, if this one stopped it.

        Args:
            completion: of a judge.
            read: it has a verdict.
        """
        self.thoughts = self.thoughts + 1 if completion.cut and not read else 0
        if self.stopped or self.thoughts < THOUGHTS_IN_A_ROW:
            return None
        room = completion.request.max_tokens
        self.stopped = (
            f"stopped: {self.thoughts} answers in a row were cut at {room:,} tokens before they "
            "had a verdict: the model thinks first, or "
            f"writes more than it has room for. Set `max_tokens: {max(ROOM_TO_THINK, 2 * room)}`, "
            "or turn its thinking off at the server"
        )
        return self.stopped

    def in_turn(self, name: str | None) -> tuple[str, str] | None:
        """Record a reported model name. Returns two names that the first completions report in
        turn; null if there are none.
        """
        if name is None or self.names.total() >= FIRST_ANSWERS:
            return None
        self.names[name] += 1
        least = max(IN_TURN, SHARE_IN_TURN * self.names.total())
        often = sorted(name for name, count in self.names.items() if count >= least)
        return (often[0], often[1]) if len(often) > 1 else None


HABITS: dict[tuple[str, str], Habits] = {}


def habits(endpoint: Endpoint) -> Habits:
    return HABITS.setdefault((endpoint.known_as or endpoint.url, endpoint.model), Habits())


def at_most(request: Request, endpoint: Endpoint) -> tuple[int, float]:
    """Maximum tokens and cost of one attempt."""
    read = math.ceil(tokens_of(request) * habits(endpoint).off)
    return read + request.max_tokens, endpoint.price(read, request.max_tokens)


def tokens_of(request: Request) -> int:
    """Input tokens of a request: its own estimate, or 4 bytes per token."""
    return (
        request.tokens
        or 1
        + sum(
            len(str(message.get("content", "")).encode(errors="replace"))
            for message in request.messages
        )
        // 4
    )


def letters_of(request: Request) -> int:
    """Characters of a request's messages; a long run of one character counts once."""
    return sum(
        len(REPEATED.sub(" ", str(message.get("content", "")))) for message in request.messages
    )
