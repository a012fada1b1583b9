"""Count the calls of generation methods before any is made: texts in the ledger are used, and a
placeholder stands for each text that is not written yet. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from hone.generation import generators
from hone.generation.prompt import Example, WritingPrompt, load
from hone.generation.session import TEXT, WritingItem, WritingSettings, WritingWording, look_up
from hone.generation.writer import Writer, WrittenTexts, make_items, read_answers
from hone.llm.tokenizer import Estimated, of_file

SAMPLE = 200  # prompts whose tokens are counted [Hone default]
PLACEHOLDER = "yes, a text that is not written yet"  # a decision on it goes on
BYTES_PER_TOKEN = 4  # of a placeholder


@dataclass(frozen=True)
class Calls:
    """The calls with one prompt.

    Attributes:
        total: number of calls with different texts.
        recorded: how many of them are in the ledger.
        assumed: how many may depend on texts that are not written yet, so that their number is an
            estimate.
        tokens_in: mean number of prompt tokens of the calls that are left, from a sample.
        room: maximum number of output tokens of a call.
        tokens_out: mean number of output tokens of recorded calls. Null: no call is recorded.
        seconds: mean duration of recorded calls. Null: not measured.
    """

    total: int = 0
    recorded: int = 0
    assumed: int = 0
    tokens_in: float = 0.0
    room: int = 0
    tokens_out: float | None = None
    seconds: float | None = None

    @property
    def left(self) -> int:
        """The number of calls that would be made."""
        return self.total - self.recorded

    def add(self, total: int, recorded: int, assumed: int, tokens_in: float) -> Calls:
        """These and further calls with the same prompt. `tokens_in` is the mean of the new ones."""
        left, new = self.left, total - recorded
        mean = (self.tokens_in * left + tokens_in * new) / (left + new) if left + new else 0.0
        return replace(
            self,
            total=self.total + total,
            recorded=self.recorded + recorded,
            assumed=self.assumed + assumed,
            tokens_in=mean,
        )

    def scale(self, factor: float) -> Calls:
        """The calls for `factor` times as many documents."""
        parts = {
            name: round(getattr(self, name) * factor) for name in ("total", "recorded", "assumed")
        }
        return replace(self, **parts)


@dataclass
class CountingWriter(Writer):
    """A writer that sends nothing, and counts what it would send.

    Attributes:
        calls: by prompt.
    """

    calls: dict[str, Calls] = field(default_factory=dict)

    def write(
        self,
        prompt: str,
        table: pl.DataFrame,
        examples: Sequence[Sequence[Example]] | None = None,
        sample: int = 0,
    ) -> WrittenTexts:
        """The recorded texts for the rows of a table, and a placeholder for each of the others."""
        loaded = load(prompt)
        items = make_items(loaded, table, examples, sample)
        distinct = {item.key: item for item in items}
        fingerprint = generators.fingerprint_of(self.line, loaded)
        found = look_up(self.desk.ledger, fingerprint, list(distinct))
        known = set(found["question"])
        left = [item for key, item in distinct.items() if key not in known]
        known_calls = self.calls.get(prompt) or self.measure(loaded, fingerprint)
        self.calls[prompt] = known_calls.add(
            len(distinct),
            len(known),
            len(left) if self.guesses_before(prompt) else 0,
            self.mean_tokens(loaded, fingerprint, left),
        )
        return merge_texts(items, found, loaded, self.calls[prompt], self.origin(loaded))

    def guesses_before(self, prompt: str) -> bool:
        """Whether calls with another prompt had no recorded text, so that later ones may differ."""
        return any(one.left for name, one in self.calls.items() if name != prompt)

    def measure(self, prompt: WritingPrompt, fingerprint: str) -> Calls:
        """No calls, with the room of the prompt and the means of the recorded calls."""
        room = self.line["parameters"].get("max_tokens") or prompt.header.room
        means = self.desk.ledger.mean_call(fingerprint)
        return Calls(room=room, tokens_out=means["tokens_out"], seconds=means["seconds"])

    def mean_tokens(
        self, prompt: WritingPrompt, fingerprint: str, items: list[WritingItem]
    ) -> float:
        """The mean number of prompt tokens of items, from an evenly spaced sample."""
        wording = WritingWording(prompt, self.settings, self.desk.seed, fingerprint)
        room = self.line["parameters"].get("max_tokens") or prompt.header.room
        drawn = items[:: max(1, len(items) // SAMPLE)][:SAMPLE]
        counts = [wording.fitted(item, room)[1] for item in drawn]
        return sum(counts) / len(counts) if counts else 0.0

    @property
    def settings(self) -> WritingSettings:
        """How the generator shortens texts and counts tokens."""
        parameters = self.line["parameters"]
        file = parameters.get("tokenizer")
        return WritingSettings(
            trim=parameters.get("trim"),
            context=parameters.get("context"),
            tokenizer=of_file(file) if file else Estimated(),
        )


def merge_texts(
    items: Sequence[WritingItem],
    found: pl.DataFrame,
    prompt: WritingPrompt,
    calls: Calls,
    origin: str,
) -> WrittenTexts:
    """The texts of recorded answers, and a placeholder for every other item.

    Args:
        items: one for each row of a table.
        found: question, kind, text of the recorded answers.
        prompt: decides the format of an answer.
        calls: with the usual length of an answer.
        origin: of the texts.
    """
    rows = pl.DataFrame(
        {"question": [item.key for item in items]}, schema={"question": pl.Binary}
    ).with_row_index("item")
    answered = rows.join(found, on="question", how="inner", maintain_order="left")
    recorded = read_answers(answered.select("item", "kind", "text"), prompt, origin)
    missing = rows.join(found, on="question", how="anti", maintain_order="left")
    fields = prompt.header.fields or [TEXT]
    assumed = missing.select(
        row=pl.col("item"),
        number=pl.lit(0, dtype=pl.UInt32),
        **{
            name: pl.Series(
                [make_placeholder(key, calls) for key in missing["question"]], dtype=pl.String
            )
            for name in fields
        },
    )
    texts = pl.concat([recorded.texts, assumed.select(recorded.texts.columns)]).sort(
        "row", "number", maintain_order=True
    )
    return WrittenTexts(texts, recorded.failed, origin)


def make_placeholder(key: bytes, calls: Calls) -> str:
    """A text of the usual length that no other item has."""
    tokens = calls.room if calls.tokens_out is None else calls.tokens_out
    start = f"{PLACEHOLDER} {key.hex()}"
    return start + " word" * max(0, (int(tokens * BYTES_PER_TOKEN) - len(start)) // len(" word"))
