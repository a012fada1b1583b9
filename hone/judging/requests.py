"""Turn questions into requests: a judge's settings, its prompt, and the options that its
endpoint rejects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hone.judging.prompt import Example, Prompt
from hone.llm import client
from hone.llm.completion import Complete, Request
from hone.llm.tokenizer import Estimated, Tokenizer

ALTERNATIVES = 10  # of the first token; enough for all spellings of yes and no
SHORTEST = 16  # minimum number of tokens to which a text is cut
A_MESSAGE = 8  # tokens that a chat template adds per message (Hone default, approximate)
# max_tokens by kind of prompt: 2,048 for lists with reasoning is RLHN's, the others are Hone
# defaults.
ROOM = {"listwise": 2048, "graded": 4, "yes-no": 4, "pairwise": 4}
ROOM_FOR_JSON = 32
ROOM_FOR_NUMBERS = 256  # two lists without reasoning (Hone default)
# Words in an endpoint's error message if it does not support structured output.
OF_STRUCTURE = ("response_format", "json_schema", "structured")


@dataclass(frozen=True)
class Asking:
    """How a judge is queried.

    Attributes:
        temperature: sampling temperature; null: not sent.
        max_tokens: maximum number of output tokens; null: by kind of prompt.
        structured: request JSON output; auto: for lists, if the endpoint supports it.
        logprobs: request the alternatives of the first token, if the endpoint supports it.
        votes: number of answers per question; the majority verdict is used.
        twice: repeat listwise prompts in another order; only verdicts on which both agree are used.
        swap: also send the inverted prompt, and average.
        documents: maximum number of candidates per listwise prompt.
        known: maximum number of positives per prompt.
        trim: maximum number of tokens per text; null: whole texts.
        context: maximum number of tokens of prompt and completion; texts are shortened until they
            fit; null: no limit.
        positive_from: minimum grade of a positive verdict.
        tokenizer: counts tokens and shortens texts.
        reported: the model name, or names, that completions must report; null: the name in the
            first completion.
        base: fingerprint of the same judge with one answer per question, whose answers serve as the
            first vote; null: the judge's own.
        version: the user's version of the model behind the endpoint; null: none.
        complete: sends requests and yields completions.
        later: the next run collects, and counts, what is under way when a run ends (a vendor's
            batches).
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
    complete: Complete = client.complete
    later: bool = False


@dataclass(frozen=True)
class Item:
    """One question: the texts in the prompt, whatever their ids."""

    key: bytes
    query: str
    document: str
    positives: tuple[str, ...]
    examples: tuple[Example, ...]


@dataclass
class Wording:
    """How one judge's questions are worded for one endpoint.

    Attributes:
        prompt: the question.
        settings: of the judge.
        seed: sampling seed of the second and later votes; without it some servers repeat the first.
        without: options that the endpoint rejects; shared with its state.
    """

    prompt: Prompt
    settings: Asking
    seed: int
    without: set[str] = field(default_factory=set)

    def structured(self) -> bool:
        """Whether JSON output is requested."""
        return self.wants_structure() and "response_format" not in self.without

    def wants_structure(self) -> bool:
        """Whether the settings request JSON output, whether or not the endpoint supports it."""
        return self.settings.structured != "never" and (
            self.settings.structured == "always" or self.prompt.kind == "listwise"
        )

    def wants_logprobs(self) -> bool:
        """Whether the settings request alternatives of the first token. JSON output excludes
        them: its first token is a brace.
        """
        return self.settings.logprobs and self.prompt.kind != "listwise" and not self.structured()

    def logprobs(self) -> bool:
        """Whether alternatives of the first token are requested."""
        return self.wants_logprobs() and "logprobs" not in self.without

    def extras(self) -> set[str]:
        """Requested options that this endpoint may not support and that can be omitted."""
        structured = self.structured() and self.settings.structured == "auto"
        return {
            name
            for name, wanted in (("structured", structured), ("logprobs", self.logprobs()))
            if wanted
        }

    def request(self, group: Sequence[Item], number: int) -> Request:
        """One request about the questions of a group."""
        structured = self.structured()
        usual = ROOM[self.prompt.kind] if self.prompt.reasoning else ROOM_FOR_NUMBERS
        room = self.settings.max_tokens or max(usual, ROOM_FOR_JSON if structured else 0)
        messages, tokens = self.fitted(group, structured, room)
        options: dict = (
            {} if self.settings.temperature is None else {"temperature": self.settings.temperature}
        )
        if self.settings.votes > 1:
            options["seed"] = self.seed
        # All requested options; the client omits those that the endpoint rejects and records them
        # with the answer.
        if self.wants_structure():
            options["response_format"] = self.prompt.schema
        if self.wants_logprobs():
            options |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        return Request(
            number=number,
            messages=messages,
            max_tokens=room,
            pairs=len(group),
            tokens=tokens,
            options=options,
        )

    def fitted(
        self, group: Sequence[Item], structured: bool, room: int
    ) -> tuple[tuple[dict, ...], int]:
        """The messages of a request and their number of tokens, with texts shortened until they
        fit.
        """
        settings, one = self.settings, group[0]
        trim, most = settings.trim, settings.context
        while True:
            cut = (
                (lambda text: text)
                if trim is None
                else (lambda text, tokens=trim: settings.tokenizer.cut(text, tokens))
            )
            messages = self.prompt.render(
                cut(one.query),
                [cut(item.document) for item in group],
                [cut(text) for text in one.positives],
                [tuple(cut(text) for text in item) for item in one.examples],
                structured,
            )
            tokens = sum(
                settings.tokenizer.count(message["content"]) + A_MESSAGE for message in messages
            )
            if most is None or tokens + room <= most or (trim is not None and trim <= SHORTEST):
                return messages, tokens
            trim = max(SHORTEST, most // 2 if trim is None else trim * 3 // 4)

    def unsupported(self, request: Request, fault: str) -> set[str]:
        """The options that a request was rejected for and that another wording of the prompt
        replaces: JSON output.
        """
        structured = (
            "response_format" in request.options
            and self.structured()
            and self.settings.structured == "auto"
        )
        return (
            {"response_format"}
            if structured and any(word in fault.casefold() for word in OF_STRUCTURE)
            else set()
        )
