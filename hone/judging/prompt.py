"""Prompts. A file defines a judge's question and the format of its answer. Texts are inserted
between tags that they cannot close.

A file has a YAML header between two lines `---`. A line `# system` precedes the instructions, and a
line `# user` the question. `{{query}}`, `{{positives}}`, `{{candidates}}`, `{{examples}}` and
`{{answer}}` are replaced once, in one pass. Inserted texts are never searched for placeholders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hone.errors import Refused, listed, nearest
from hone.judging import answers
from hone.judging.answers import ParsedVerdict
from hone.llm.prompt_file import PLACE, built_in, fill, find_prompt, read_parts, tagged

FOLDER = Path(__file__).parent / "prompts"
PLACES = ("query", "positives", "candidates", "examples", "answer")

Kind = Literal["yes-no", "graded", "listwise", "pairwise"]
Example = tuple[str, str, str]  # query, its better passage, its worse passage


class Answer(BaseModel):
    """The requested answer formats: plain text, or JSON if the endpoint supports structured
    output.
    """

    model_config = ConfigDict(extra="forbid")
    text: str
    json_: str | None = Field(default=None, alias="json")


class Header(BaseModel):
    """The header of a prompt file."""

    model_config = ConfigDict(extra="forbid")
    about: str = ""
    kind: Kind
    version: Annotated[int, Field(ge=1)]
    positives: bool
    answer: Answer
    inverted: bool = False  # "yes" means that the candidate is not relevant
    opposite: str | None = None  # the prompt with the opposite question
    reasoning: bool = True  # a listwise prompt whose answer may contain reasoning before its lists


@dataclass(frozen=True)
class Prompt:
    """A prompt.

    Attributes:
        name: of a built-in prompt, or the path of a user's prompt.
        kind: determines the number of candidates shown and the answer format.
        shows_positives: the prompt shows labelled positives, which are then part of the question.
        inverted: its "yes" means that the candidate is not relevant.
        opposite: the prompt with the opposite question.
        reasoning: in a listwise prompt, the lists follow a sentence on each document.
        fingerprint: of the file's bytes.
    """

    name: str
    kind: Kind
    version: int
    shows_positives: bool
    inverted: bool
    opposite: str | None
    reasoning: bool
    answer: Answer
    system: str
    user: str
    fingerprint: str

    def render(
        self,
        query: str,
        candidates: Sequence[str],
        positives: Sequence[str] = (),
        examples: Sequence[Example] = (),
        structured: bool = False,
    ) -> tuple[dict[str, str], ...]:
        """The messages of one call.

        Args:
            query: its text.
            candidates: texts; one, or in a listwise prompt those numbered 1, 2, ...
            positives: texts of labelled positives; ignored by a prompt that shows none.
            examples: of a pairwise prompt.
            structured: whether JSON output is requested.
        """
        positive_tag, candidate_tag = (
            ("passage_a", "passage_b") if self.kind == "pairwise" else ("known_answer", "document")
        )
        numbered = self.kind == "listwise"
        texts = {
            "query": tagged("query", query),
            "positives": "\n".join(tagged(positive_tag, text) for text in positives),
            "candidates": "\n".join(
                tagged(candidate_tag, text, number if numbered else None)
                for number, text in enumerate(candidates, start=1)
            ),
            "examples": "\n".join(example(number, *item) for number, item in enumerate(examples)),
            "answer": (self.answer.json_ if structured else None) or self.answer.text,
        }
        return fill(self.system, self.user, texts)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of structured output, as `response_format`."""
        aloud = {"reasoning": {"type": "string"}} if self.reasoning else {}
        fields = {
            "listwise": aloud | {"better": NUMBERS, "worse": NUMBERS},
            "graded": {"grade": {"type": "integer", "enum": [0, 1, 2, 3]}},
            "yes-no": {"answer": {"type": "string", "enum": ["yes", "no"]}},
            "pairwise": {"answer": {"type": "string", "enum": ["A", "B", "equal"]}},
        }[self.kind]
        schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
        return {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": schema},
        }

    def parse(
        self,
        text: str | None,
        tops: answers.Tops | None = None,
        cut: bool = False,
        count: int = 1,
        positive_from: float = 2,
    ) -> list[ParsedVerdict]:
        """An answer's verdicts on `count` candidates, in their order; see
        `hone.judging.answers`.
        """
        if self.kind == "listwise":
            return answers.listwise(text, count, cut)
        if self.kind == "graded":
            return [answers.graded(text, tops, positive_from)]
        if self.kind == "pairwise":
            return [answers.pairwise(text, tops)]
        return [answers.yes_no(text, tops, self.inverted)]


NUMBERS = {"type": "array", "items": {"type": "integer"}}


def example(number: int, query: str, better: str, worse: str) -> str:
    """A worked comparison. The better passage is A and B in turn, so that examples do not favor
    a letter.
    """
    first, second, right = (better, worse, "A") if number % 2 == 0 else (worse, better, "B")
    passages = "\n".join(
        (tagged("query", query), tagged("passage_a", first), tagged("passage_b", second))
    )
    return f"<example>\n{passages}\nAnswer: {right}\n</example>"


def names() -> list[str]:
    """The names of the built-in prompts."""
    return built_in(FOLDER)


def load(name: str) -> Prompt:
    """Load a built-in prompt by name, or a prompt file below inputs/.

    Raises:
        Refused: the prompt does not exist, the file is elsewhere, or its content is invalid.
    """
    parts = read_parts(
        find_prompt(name, FOLDER), name, Header, "kind, version, positives and answer"
    )
    header = parts.header
    prompt = Prompt(
        name,
        header.kind,
        header.version,
        header.positives,
        header.inverted,
        header.opposite,
        header.reasoning,
        header.answer,
        parts.system,
        parts.user,
        parts.fingerprint,
    )
    refuse_misplaced(prompt)
    return prompt


def refuse_misplaced(prompt: Prompt) -> None:
    """Raises Refused if a prompt lacks a required placeholder, or has an unknown one."""
    used = PLACE.findall(prompt.system + prompt.user)
    for word in used:
        if word not in PLACES:
            raise Refused(f"the prompt {prompt.name} has {{{{{word}}}}}: {nearest(word, PLACES)}")
    needed = ["query", *(["positives"] if prompt.shows_positives else []), "candidates"]
    lacking = [f"{{{{{place}}}}}" for place in needed if place not in used]
    if lacking:
        raise Refused(f"the prompt {prompt.name} lacks {listed(lacking)}. Add it to the question.")
    if not prompt.shows_positives and "positives" in used:
        raise Refused(
            f"the prompt {prompt.name} has {{{{positives}}}} and `positives: false`. Set "
            "`positives: true`."
        )
    if prompt.kind == "pairwise" and not prompt.shows_positives:
        raise Refused(
            f"the prompt {prompt.name} is pairwise: it compares with a labelled positive. Set "
            "`positives: true`."
        )
    if not prompt.reasoning and prompt.kind != "listwise":
        raise Refused(
            f"the prompt {prompt.name} is {prompt.kind} and has `reasoning: false`. Remove it: it "
            "is for listwise prompts."
        )
    if prompt.inverted and prompt.kind != "yes-no":
        raise Refused(
            f"the prompt {prompt.name} is {prompt.kind} and `inverted`. Remove it: only a yes-no "
            "prompt can be inverted."
        )
