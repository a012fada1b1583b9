"""How questions become calls: the settings of a judge, its prompt, and what its endpoint turned out not to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hone.judging.prompt import Example, Prompt
from hone.llm import client
from hone.llm.client import Call
from hone.llm.tokenizer import Estimated, Tokenizer

ALTERNATIVES = 10  # of the first token; enough for every spelling of yes and no
SHORTEST = 16  # tokens that a text keeps when a prompt must fit
A_MESSAGE = 8  # tokens that a chat template adds to each message (ours, roughly)
# Room for an answer, in tokens; 2,048 is RLHN's for lists with reasoning, the others are ours.
ROOM = {"listwise": 2048, "graded": 4, "yes-no": 4, "pairwise": 4}
ROOM_FOR_JSON = 32
ROOM_FOR_NUMBERS = 256  # two lists without a word before them (ours)
# Words by which an endpoint says that it cannot be held to JSON.
OF_STRUCTURE = ("response_format", "json_schema", "structured")

Send = Callable[..., None]


@dataclass(frozen=True)
class Asking:
    """How a model is asked.

    Attributes:
        temperature: of the model; null: not sent.
        max_tokens: room for an answer; null: what suits the prompt's kind.
        structured: hold the endpoint to JSON; auto: for lists, where the endpoint knows how.
        logprobs: ask for the first token's alternatives, where the endpoint gives them.
        votes: answers to each question; the majority counts.
        twice: ask listwise again in another order; only what both say counts.
        swap: also ask the opposite question, and take the mean.
        documents: candidates of one listwise prompt.
        known: known answers that a prompt shows at most.
        trim: tokens of each text; null: whole.
        context: tokens of prompt and answer together; texts are cut further until they fit; null: no limit.
        positive_from: grade from which on a candidate counts as found.
        tokenizer: counts and cuts.
        reported: the model name that answers must carry, or several; null: the one of the first answer.
        base: fingerprint of the same judge asked once, so that its answers serve as a first vote; null: the judge's own.
        version: of the model behind the endpoint, as the user counts them; null: not counted.
        send: puts calls to the endpoint.
        later: what is under way when a run ends is collected, and counted, by the next one (a vendor's batches).
    """

    temperature: float | None = 0.1
    max_tokens: int | None = None
    structured: Literal["auto", "always", "never"] = "auto"
    logprobs: bool = True
    votes: int = 1
    twice: bool = False
    swap: bool = False
    documents: int = 25
    known: int = 8
    trim: int | None = 512
    context: int | None = None
    positive_from: float = 2
    tokenizer: Tokenizer = field(default_factory=Estimated)
    reported: str | list[str] | None = None
    base: str | None = None
    version: str | None = None
    send: Send = client.ask_all
    later: bool = False


@dataclass(frozen=True)
class Item:
    """One question: the texts that a judge is shown, whatever their ids."""

    key: bytes
    query: str
    document: str
    positives: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass
class Wording:
    """How one judge is asked of one endpoint.

    Attributes:
        prompt: what is asked.
        settings: how.
        seed: of further votes, so that servers which repeat themselves do not.
        without: parts of a request that the endpoint refuses, as its habits have them.
    """

    prompt: Prompt
    settings: Asking
    seed: int
    without: set[str] = field(default_factory=set)

    def structured(self) -> bool:
        """Whether answers are to be JSON."""
        return self.wants_structure() and "response_format" not in self.without

    def wants_structure(self) -> bool:
        """Whether the settings ask for JSON, whatever the endpoint knows."""
        return self.settings.structured != "never" and (self.settings.structured == "always" or self.prompt.kind == "listwise")

    def wants_logprobs(self) -> bool:
        """Whether the settings ask for alternatives of the first token, whatever the endpoint knows: not where it is a brace."""
        return self.settings.logprobs and self.prompt.kind != "listwise" and not self.structured()

    def logprobs(self) -> bool:
        """Whether alternatives of the first token are asked for."""
        return self.wants_logprobs() and "logprobs" not in self.without

    def extras(self) -> set[str]:
        """What is asked for that this endpoint may not know, and that can be left out."""
        structured = self.structured() and self.settings.structured == "auto"
        return {name for name, wanted in (("structured", structured), ("logprobs", self.logprobs())) if wanted}

    def call(self, group: Sequence[Item], number: int) -> Call:
        """One call about the questions of a group."""
        structured = self.structured()
        usual = ROOM[self.prompt.kind] if self.prompt.reasoning else ROOM_FOR_NUMBERS
        room = self.settings.max_tokens or max(usual, ROOM_FOR_JSON if structured else 0)
        messages, tokens = self.fitted(group, structured, room)
        options: dict = {} if self.settings.temperature is None else {"temperature": self.settings.temperature}
        if self.settings.votes > 1:
            options["seed"] = self.seed
        # All that the settings ask for: what the endpoint refuses is left out of the request, and noted beside the answer.
        if self.wants_structure():
            options["response_format"] = self.prompt.schema
        if self.wants_logprobs():
            options |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        return Call(number=number, messages=messages, max_tokens=room, pairs=len(group), tokens=tokens, options=options)

    def fitted(self, group: Sequence[Item], structured: bool, room: int) -> tuple[tuple[dict, ...], int]:
        """The messages of a call and their tokens, with texts cut until they fit."""
        settings, one = self.settings, group[0]
        trim, most = settings.trim, settings.context
        while True:
            cut = (lambda text: text) if trim is None else (lambda text, tokens=trim: settings.tokenizer.cut(text, tokens))
            messages = self.prompt.render(
                cut(one.query), [cut(item.document) for item in group], [cut(text) for text in one.positives],
                [tuple(cut(text) for text in item) for item in one.examples], structured,
            )  # fmt: skip
            tokens = sum(settings.tokenizer.count(message["content"]) + A_MESSAGE for message in messages)
            if most is None or tokens + room <= most or (trim is not None and trim <= SHORTEST):
                return messages, tokens
            trim = max(SHORTEST, most // 2 if trim is None else trim * 3 // 4)

    def not_known(self, call: Call, fault: str) -> set[str]:
        """What a call asked for, was refused for, and can do without in other words: a prompt that holds it to JSON."""
        structured = "response_format" in call.options and self.structured() and self.settings.structured == "auto"
        return {"response_format"} if structured and any(word in fault.casefold() for word in OF_STRUCTURE) else set()
