"""Requests to a chat endpoint and the completions that come back: the types, and the checks that
every completion passes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hone.errors import Refused
from hone.llm import chat_completion
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.chat_completion import Tops
from hone.llm.endpoint_state import ROOM, habits, tokens_of
from hone.stage import say
from hone.urls import secret, show_url

Messages = tuple[dict[str, str], ...]
Expected = str | Collection[str] | None


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible chat endpoint.

    Attributes:
        url: base address; usually ends in /v1.
        model: name of the model at the endpoint.
        key: name of the environment variable that holds the key; null: no key is sent.
        plain_http: allows sending the key to another machine without encryption.
        reported: model names that completions may report in turn.
        slots: maximum number of concurrent calls; fewer while the endpoint is overloaded.
        timeout: seconds for one whole call, however slowly the bytes arrive.
        attempts: maximum number of attempts per request.
        price_in, price_out: price per million input and output tokens.
        backoff: upper limit in seconds of the random pause before the second attempt; doubles with
            each further attempt.
        known_as: name under which the endpoint's state is stored; null: its address. A local
            server's address changes at each start.
        stage: stage and round, such as `relabel r1`: the beginning of log lines.
    """

    url: str
    model: str
    key: str | None = None
    slots: int = 32
    timeout: float = 120.0
    attempts: int = 6
    price_in: float = 0.0
    price_out: float = 0.0
    backoff: float = 0.5
    known_as: str | None = None
    plain_http: bool = False
    reported: tuple[str, ...] = ()
    stage: str = "relabel"

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """Cost of one call."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def secret(self) -> str | None:
        """The key; null if none is needed.

        Raises:
            Refused: the variable is unset, its value cannot be a key, or the key would be sent
                without encryption.
        """
        return secret(self.url, self.key, self.plain_http)

    def log(self, message: str) -> None:
        """Write a log line about this endpoint."""
        say(f"{self.stage}: {self.model}: {message}")


@dataclass(frozen=True)
class Request:
    """One prompt.

    Attributes:
        number: identifies the request among those of one run.
        messages: chat messages (role, content).
        max_tokens: maximum number of output tokens.
        pairs: number of query-document pairs in the prompt.
        tokens: estimated number of input tokens; 0: not estimated.
        options: further fields of the request body.
        may_send: checked before each attempt. False means that another process sends this request,
            which must not be paid twice.
    """

    number: int
    messages: Messages
    max_tokens: int
    pairs: int = 1
    tokens: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    may_send: Callable[[], bool] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Completion:
    """The result of a request.

    Attributes:
        text: text of the completion; null if there is none.
        tops: alternatives of the first token with their log-probabilities.
        model: model name that the endpoint reports.
        seconds: duration of the call.
        money: cost of the call.
        cut: the text was cut off at max_tokens.
        fault: why there is no text: kind of error, a colon, details.
        system: fingerprint of the configuration that the endpoint reports.
        without: options of the request that were not sent because the endpoint rejects them.
    """

    request: Request
    text: str | None = None
    tops: Tops | None = None
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    money: float = 0.0
    cut: bool = False
    fault: str | None = None
    system: str | None = None
    without: tuple[str, ...] = ()

    @property
    def details(self) -> str | None:
        """JSON for the ledger: the configuration's fingerprint and the options that were not
        sent; null if both are empty.
        """
        found = {"system_fingerprint": self.system, "without": list(self.without)}
        present = {name: value for name, value in found.items() if value}
        return json.dumps(present, sort_keys=True) if present else None


# Sends requests and yields their completions, in lists of those that arrived together.
Complete = Callable[
    [Endpoint, Iterable[Request], Budget | JudgeBudget, Expected], Iterator[list[Completion]]
]


class Again(Exception):
    """The endpoint failed in a way that may be temporary.

    Attributes:
        fault: kind of error and details.
        overloaded: the endpoint requests fewer calls.
        wait: seconds that the endpoint requests; null: none.
        free: the attempt certainly cost nothing: it was rejected or never sent. Otherwise the whole
            reservation counts as spent, because a hard limit must not rely on luck.
        at_once: the next attempt needs no pause.
    """

    def __init__(
        self,
        fault: str,
        overloaded: bool = False,
        wait: float | None = None,
        free: bool = False,
        at_once: bool = False,
    ) -> None:
        super().__init__(fault)
        self.fault, self.overloaded, self.wait, self.free, self.at_once = (
            fault,
            overloaded,
            wait,
            free,
            at_once,
        )


def completion_of(
    request: Request, read: chat_completion.ParsedCompletion, endpoint: Endpoint, seconds: float
) -> Completion:
    """The completion of a request from a parsed response. Token counts that the endpoint does
    not report are estimated.
    """
    tokens_in = tokens_of(request) if read.tokens_in is None else read.tokens_in
    tokens_out = (
        len((read.text or "").encode()) // 4 + 1 if read.tokens_out is None else read.tokens_out
    )
    known = habits(endpoint)
    fault = read.fault or known.not_read(request, read.tokens_in, read.cached)
    return Completion(
        request,
        None if fault else read.text,
        None if fault else read.tops,
        read.model,
        tokens_in,
        tokens_out,
        seconds,
        endpoint.price(tokens_in, tokens_out),
        read.cut,
        fault,
        read.system,
        tuple(name for name in request.options if name in known.without),
    )


def check_model(completion: Completion, expected: Expected) -> Completion:
    """The completion, or a fault if it comes from another model than expected."""
    names = (
        set() if expected is None else {expected} if isinstance(expected, str) else set(expected)
    )
    if completion.fault or not completion.model or not names or completion.model in names:
        return completion
    fault = f"another model: {completion.model} answered instead of {' or '.join(sorted(names))}"
    return replace(completion, text=None, tops=None, fault=fault)


def refuse_in_turn(endpoint: Endpoint, completion: Completion) -> None:
    """Raises Refused if an endpoint's first completions come from two models in turn, such as
    two replicas behind one name.
    """
    if completion.fault is not None or completion.model in endpoint.reported:
        return
    if names := habits(endpoint).in_turn(completion.model):
        first, second = names
        raise Refused(
            f"{show_url(endpoint.url)} reports the models {first} and {second} in turn. If both "
            "count as one judge, name both: "
            f"`reported: [{first}, {second}]`. If not, use an address or a model name that leads "
            "to one of them."
        )


def log_unsupported(endpoint: Endpoint, names: list[str], message: str) -> None:
    """Log once which options an endpoint rejects and is no longer sent."""
    known = habits(endpoint)
    if new := [name for name in names if name not in known.logged]:
        known.logged.update(new)
        instead = f", with {known.room} instead" if ROOM in new else ""
        endpoint.log(
            f"{show_url(endpoint.url)} rejects {' and '.join(new)}; requests are sent without "
            f"it{instead}: {message}"
        )
