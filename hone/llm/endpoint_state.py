"""What an endpoint has shown of itself while this process lives: its words, its count of tokens, what it bears, and that it failed."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hone.data.unknown_reasons import CUT, ITS_FAULT, kind
from hone.llm.rate_limit import Load

if TYPE_CHECKING:
    from hone.llm.client import Call, Endpoint, Reply

MOST_OFF = 4.0  # an endpoint that counts more than so many times our tokens is not followed further
FAILURES_IN_A_ROW = 8  # calls given up one after the other, after which nothing more is asked
THOUGHTS_IN_A_ROW = 5  # answers that were cut before they had a verdict, after which nothing more is asked (ours)
ROOM_TO_THINK = 1024  # tokens that are advised then (ours)
CUT_PROMPTS = 3  # prompts in a row that the endpoint has not read to their end, after which nothing more is asked (ours)
CUT_SHARE = 0.1  # of all prompts, from which on they add up to that although others between them were read (ours)
# Of what a prompt has, counted without repetitions: a token of no language and no tokenizer known to us has more letters on average.
# English has 4 to 5, German and Finnish no more, all other scripts fewer.
MOST_LETTERS = 8
LEAST_READ = 256  # tokens; a smaller count is no server's context but a count of something else, such as what a cache did not have
NEAR = 0.9  # share of the highest count from which on a count may be the end of a context
REPEATED = re.compile(r"(\S)\1{3,}|\s{2,}")  # a long run of one letter or of blanks is few tokens
# Names that an endpoint reports in turn: both so often, and at least this share of its first answers (ours).
IN_TURN, SHARE_IN_TURN, FIRST_ANSWERS = 4, 0.25, 32
ROOM, OTHER_ROOM = "max_tokens", "max_completion_tokens"  # what endpoints call the room for an answer
# What a call can do without, and with what it goes. `response_format` is not among them: the prompt is another without it.
LIKELIHOODS = ("logprobs", "top_logprobs")
SPARED = {"temperature": ("temperature",), "seed": ("seed",), "logprobs": LIKELIHOODS, "top_logprobs": LIKELIHOODS}


@dataclass
class Habits:
    """What an endpoint has shown of itself, kept while the process lives: a block of questions need not find it out again.

    Attributes:
        room: what it calls max_tokens; newer models of one vendor want another name.
        without: parts of a request that it refuses, and is no longer sent.
        said: of these and of what it calls otherwise, what has been said to the user.
        off: tokens that it counts for one of ours, at most so far.
        heard: it has answered.
        failures: calls in a row that it failed.
        thoughts: answers in a row that ended at max_tokens before they had a verdict.
        cuts: prompts that it did not read to their end; each that it did takes CUT_SHARE off.
        most_read: tokens of the longest prompt that it has read.
        names: how often it has reported each model name, among its first answers.
        stopped: why it is asked nothing more while this process lives; null while it is.
        load: how many calls at once it bears; null before the first.
    """

    room: str = ROOM
    without: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
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
        """What it bears, at most so many calls at once."""
        if self.load is None or self.load.most != slots:
            self.load = Load(slots)
        return self.load

    def heard_of(self, call: Call, tokens_in: int) -> None:
        """Note how many tokens it has counted in a call."""
        self.heard = True
        self.off = max(self.off, min(MOST_OFF, tokens_in / tokens_of(call)))

    def body(self, call: Call, model: str) -> dict[str, Any]:
        """A call as this endpoint takes it."""
        options = {name: value for name, value in call.options.items() if name not in self.without}
        return {"model": model, "messages": call.messages, self.room: call.max_tokens, **options}

    def spare(self, sent: dict[str, Any], low: str, param: str | None) -> list[str]:
        """Note what an endpoint refuses in a request and can be done without; what was noted, none where it refuses something else.

        Args:
            sent: the request's body.
            low: the endpoint's words, in lower case.
            param: what it names as wrong; null: nothing.
        """
        named = (param or "").partition(".")[0]
        if ROOM in sent and (OTHER_ROOM in low or (named == ROOM and "unsupported" in low)):
            self.room = OTHER_ROOM
            return [ROOM]
        meant = [name for name in SPARED if name in sent and (name == named or re.search(rf"(?<![a-z_]){name}(?![a-z_])", low))]
        gone = sorted({name for one in meant for name in SPARED[one] if name in sent})
        self.without.update(part for name in gone for part in SPARED[name])
        return gone

    def not_read(self, call: Call, tokens_in: int | None, cached: int) -> str | None:
        """The fault of a prompt whose end the endpoint has not read, by its own count of tokens; null where all is well.

        Servers such as Ollama cut a prompt that is longer than their context and say nothing. Two things must come together: the
        count is too small for the prompt in any language, and it is about the most that this endpoint has counted, as the end of
        a context is. A count that leaves out what a cache had fails the second.

        Args:
            call: what was sent.
            tokens_in: as the endpoint counts them; null: it does not.
            cached: of these or beside these, tokens that a cache had.
        """
        if tokens_in is None or tokens_in < LEAST_READ:
            return None
        read, before = tokens_in + cached, self.most_read
        self.most_read = max(before, tokens_in)
        letters = sum(len(str(message.get("content", ""))) for message in call.messages)
        if read * MOST_LETTERS >= letters or tokens_in < NEAR * before or read * MOST_LETTERS >= letters_of(call):
            return None
        return f"{CUT}: it read {tokens_in:,} of about {tokens_of(call):,} tokens"

    def take(self, reply: Reply) -> str | None:
        """Note what became of a call; why nothing more is to be asked, where that is new."""
        fault = reply.fault or ""
        self.failures = self.failures + 1 if kind(fault) in ITS_FAULT else 0 if not fault else self.failures
        if not self.stopped and self.failures >= FAILURES_IN_A_ROW:
            self.stopped = f"stopped: {self.failures} calls in a row failed, the last one: {fault}"
            return self.stopped
        return self.take_cut(reply)

    def take_cut(self, reply: Reply) -> str | None:
        """Note whether a prompt was cut in silence; why nothing more is to be asked, where that is new."""
        fault = reply.fault or ""
        self.cuts = self.cuts + 1 if kind(fault) == CUT else self.cuts if fault else max(0.0, self.cuts - CUT_SHARE)
        if self.stopped or self.cuts < CUT_PROMPTS:
            return None
        self.stopped = (
            f"stopped: the server cuts prompts ({fault.partition(': ')[2]} of the last one). Raise its context (Ollama: num_ctx), or set "
            "`context` to what it has, so that each text is shortened instead"
        )
        return self.stopped

    def judge_room(self, reply: Reply, read: bool) -> str | None:
        """Note whether an answer was cut before it had a verdict; why nothing more is to be asked, where that is new.

        Args:
            reply: an answer.
            read: it has a verdict.
        """
        self.thoughts = self.thoughts + 1 if reply.cut and not read else 0
        if self.stopped or self.thoughts < THOUGHTS_IN_A_ROW:
            return None
        room = reply.call.max_tokens
        self.stopped = (
            f"stopped: {self.thoughts} answers in a row were cut at {room:,} tokens before they had a verdict: the model thinks first, or "
            f"writes more than it has room for. Set `max_tokens: {max(ROOM_TO_THINK, 2 * room)}`, or turn its thinking off at the server"
        )
        return self.stopped

    def in_turn(self, name: str | None) -> tuple[str, str] | None:
        """Note a reported model name; two names that the first answers carry in turn, null where there are none."""
        if name is None or self.names.total() >= FIRST_ANSWERS:
            return None
        self.names[name] += 1
        least = max(IN_TURN, SHARE_IN_TURN * self.names.total())
        often = sorted(name for name, count in self.names.items() if count >= least)
        return (often[0], often[1]) if len(often) > 1 else None


HABITS: dict[tuple[str, str], Habits] = {}


def habits(endpoint: Endpoint) -> Habits:
    return HABITS.setdefault((endpoint.known_as or endpoint.url, endpoint.model), Habits())


def at_most(call: Call, endpoint: Endpoint) -> tuple[int, float]:
    """Tokens and money that one attempt can cost."""
    read = math.ceil(tokens_of(call) * habits(endpoint).off)
    return read + call.max_tokens, endpoint.price(read, call.max_tokens)


def tokens_of(call: Call) -> int:
    """Tokens that a call reads, as it says itself or by our rule of thumb, 4 bytes each."""
    return call.tokens or 1 + sum(len(str(message.get("content", "")).encode(errors="replace")) for message in call.messages) // 4


def letters_of(call: Call) -> int:
    """Letters of a call's messages, a long run of one of them counted once."""
    return sum(len(REPEATED.sub(" ", str(message.get("content", "")))) for message in call.messages)
