"""What an endpoint has shown of itself while this process lives: its words, its count of tokens, what it bears, and that it failed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.relabel.pace import Load

if TYPE_CHECKING:
    from tasks.relabel.client import Call, Endpoint

MOST_OFF = 4.0  # an endpoint that counts more than so many times our tokens is not followed further


@dataclass
class Habits:
    """What an endpoint has shown of itself, kept while the process lives: a block of questions need not find it out again.

    Attributes:
        room: what it calls max_tokens; newer models of one vendor want another name.
        off: tokens that it counts for one of ours, at most so far.
        heard: it has answered.
        failures: calls in a row that it failed.
        stopped: why it is asked nothing more while this process lives; null while it is.
        load: how many calls at once it bears; null before the first.
    """

    room: str = "max_tokens"
    off: float = 1.0
    heard: bool = False
    failures: int = 0
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
