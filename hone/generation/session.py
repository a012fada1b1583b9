"""A session: one model writes texts for one block of items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from hone.generation.prompt import Example, WritingPrompt
from hone.llm import client
from hone.llm.completion import Complete, Completion, Request
from hone.llm.ledger.ledger import Answer, GeneratedText, Ledger
from hone.llm.session import QuestionSession
from hone.llm.tokenizer import Estimated, Tokenizer
from hone.seeds import seed_of

TEXT, CUT, FAULT = "text", "cut text", "fault"  # kinds of completions in the ledger
KINDS = (TEXT, CUT, FAULT)
LONGEST = 200_000  # characters of an answer that are kept
A_MESSAGE = 8  # tokens that a chat template adds per message (Hone default, approximate)
SHORTEST = 16  # minimum number of tokens to which a text is cut
WRITTEN = {"question": pl.Binary, "kind": pl.String, "text": pl.String, "answer": pl.Int64}


@dataclass(frozen=True)
class WritingItem:
    """One call: the texts in its prompt, and the number of the sample.

    Attributes:
        key: of the texts, the examples and the sample; see `hone.generation.write`.
        texts: by name.
        examples: worked examples.
    """

    key: bytes
    texts: dict[str, str] = field(compare=False)
    examples: tuple[Example, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class WritingSettings:
    """How a model is asked to write.

    Attributes:
        temperature: sampling temperature; null: not sent.
        top_p: nucleus sampling; null: not sent.
        max_tokens: maximum number of output tokens; null: as the prompt says.
        trim: maximum number of tokens of each shown text; null: whole texts.
        context: maximum number of tokens of prompt and completion; null: no limit.
        tokenizer: counts tokens and shortens texts.
        complete: sends requests and yields completions.
        later: the next run collects what is under way when a run ends (a vendor's batches).
    """

    temperature: float | None = 0.7
    top_p: float | None = None
    max_tokens: int | None = None
    trim: int | None = 512
    context: int | None = None
    tokenizer: Tokenizer = field(default_factory=Estimated)
    complete: Complete = client.complete
    later: bool = False


@dataclass
class WritingWording:
    """How one prompt is worded for one endpoint.

    Attributes:
        prompt: what is asked.
        settings: of the model.
        seed: of all samples.
        judge: fingerprint of model and prompt.
        without: options that the endpoint rejects; shared with its state.
    """

    prompt: WritingPrompt
    settings: WritingSettings
    seed: int
    judge: str
    without: set[str] = field(default_factory=set)

    def extras(self) -> set[str]:
        """The options that an endpoint may not support: the seed."""
        return {"seed"} - self.without

    def unsupported(self, request: Request, fault: str) -> set[str]:
        """None: no option needs another wording."""
        return set()

    def request(self, group: Sequence[WritingItem], number: int) -> Request:
        """The request of one item, with a seed of its own."""
        (item,) = group
        room = self.settings.max_tokens or self.prompt.header.room
        messages, tokens = self.fitted(item, room)
        given = {"temperature": self.settings.temperature, "top_p": self.settings.top_p}
        options = {name: value for name, value in given.items() if value is not None}
        # Some servers read a seed as a signed number.
        options["seed"] = seed_of(self.seed, "generate", self.judge, item.key.hex()) >> 1
        return Request(number, messages, room, pairs=1, tokens=tokens, options=options)

    def fitted(self, item: WritingItem, room: int) -> tuple[tuple[dict[str, str], ...], int]:
        """The messages and their number of tokens, with texts shortened until they fit."""
        trim, most, tokenizer = self.settings.trim, self.settings.context, self.settings.tokenizer
        while True:
            texts = {
                name: text
                if trim is None or name in self.prompt.sets
                else tokenizer.cut(text, trim)
                for name, text in item.texts.items()
            }
            examples = [
                tuple(
                    (tag, text if trim is None else tokenizer.cut(text, trim)) for tag, text in one
                )
                for one in item.examples
            ]
            messages = self.prompt.render(texts, examples)
            tokens = sum(tokenizer.count(message["content"]) + A_MESSAGE for message in messages)
            if most is None or tokens + room <= most or (trim is not None and trim <= SHORTEST):
                return messages, tokens
            trim = max(SHORTEST, most // 2 if trim is None else trim * 3 // 4)


@dataclass
class WritingSession(QuestionSession):
    """One model with one prompt, and one block of items, whose answers are texts."""

    wording: WritingWording

    def write(self, items: dict[bytes, WritingItem]) -> pl.DataFrame:
        """Write a text for every item, from the ledger where possible.

        Returns:
            One row per item: question, kind (`text`, `cut text`, `fault`), text (the answer or the
            reason), and the number of the answer in the ledger, null if there is none.
        """
        found, failed = self.answer_all(items)
        without_text = pl.DataFrame(
            {"question": list(failed), "text": list(failed.values())},
            schema={"question": pl.Binary, "text": pl.String},
        ).with_columns(kind=pl.lit(FAULT))
        return pl.concat([found, without_text], how="diagonal_relaxed").select(list(WRITTEN))

    def look_up(self, keys: list[bytes]) -> pl.DataFrame:
        """The recorded texts and permanent faults: one row per item, a text before a fault."""
        return look_up(self.desk.ledger, self.judge, keys)

    def record_answer(self, completion: Completion, group: Sequence[WritingItem]) -> None:
        """Write the whole answer to the ledger. It is parsed when it is read, so a better parser
        costs no call.
        """
        if completion.fault:
            kind, text = FAULT, completion.fault
        else:
            self.expected = self.expected or completion.model
            kind, text = CUT if completion.cut else TEXT, completion.text or ""
        cost = self.record_cost(completion)
        # The text is stored once, in its own table.
        answer = Answer(
            "", cost.model, cost.tokens_in, cost.tokens_out, cost.money, cost.seconds, cost.details
        )
        self.desk.ledger.record(
            self.judge,
            answer,
            [],
            self.desk.run,
            self.desk.retry,
            [GeneratedText(item.key, kind, text[:LONGEST]) for item in group],
            durable=self.wording.settings.later,
        )


def look_up(ledger: Ledger, fingerprint: str, keys: list[bytes]) -> pl.DataFrame:
    """What a ledger has of some items: one row per item that has a text or a permanent fault, a
    text before a fault.

    Args:
        ledger: of this machine or of a team.
        fingerprint: of model and prompt.
        keys: of the items.

    Returns:
        question, kind, text, answer.
    """
    parts, left = [pl.DataFrame(schema=WRITTEN)], keys
    for kind in KINDS:
        found = ledger.completions(fingerprint, left, kind)
        rows = found.unique("question", keep="first", maintain_order=True)
        parts.append(rows.with_columns(kind=pl.lit(kind)).select(list(WRITTEN)))
        answered = set(rows["question"])
        left = [key for key in left if key not in answered]
        if not left:
            break
    return pl.concat(parts)
