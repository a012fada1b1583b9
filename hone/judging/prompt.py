"""Prompts. A file defines a judge's question and the format of its answer. Texts are inserted
between tags that they cannot close.

A file has a YAML header between two lines `---`. A line `# system` precedes the instructions, and a
line `# user` the question. `{{query}}`, `{{positives}}`, `{{candidates}}`, `{{examples}}` and
`{{answer}}` are replaced once, in one pass. Inserted texts are never searched for placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hone.config.params import explained
from hone.errors import Refused, listed, nearest
from hone.files import fingerprint_of_file
from hone.judging import answers
from hone.judging.answers import ParsedVerdict
from hone.judging.delimiters import harmless
from hone.layout import INPUTS

FOLDER = Path(__file__).parent / "prompts"
PLACES = ("query", "positives", "candidates", "examples", "answer")
PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

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
        return tuple(
            {"role": role, "content": PLACE.sub(lambda found: texts[found[1]], part).strip()}
            for role, part in (("system", self.system), ("user", self.user))
            if part
        )

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


def tagged(tag: str, text: str, number: int | None = None) -> str:
    """A text between tags. Nothing in the text can close them."""
    opening = tag if number is None else f'{tag} number="{number}"'
    return f"<{opening}>\n{harmless(text)}\n</{tag}>"


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
    return sorted(file.stem for file in FOLDER.glob("*.md"))


def load(name: str) -> Prompt:
    """Load a built-in prompt by name, or a prompt file below inputs/.

    Raises:
        Refused: the prompt does not exist, the file is elsewhere, or its content is invalid.
    """
    if name in names():
        return read(FOLDER / f"{name}.md", name)
    file = Path(name)
    if file.suffix != ".md" and len(file.parts) == 1:
        raise Refused(
            f"there is no prompt '{name}': {nearest(name, names())} (your own is a path such as "
            "inputs/prompts/mine.md)"
        )
    return read(below_inputs(name, "the prompt"), name)


def below_inputs(name: str, what: str) -> Path:
    """The path of a file that a user named.

    Raises:
        Refused: it does not exist, or it is outside inputs/, the only folder whose files a run may
            use.
    """
    file = Path(name)
    if file.is_absolute() or not file.resolve().is_relative_to(INPUTS.resolve()):
        raise Refused(
            f"{what} {name} is not below inputs/. Copy it there and write its path as inputs/..."
        )
    if not file.is_file():
        near = (
            nearest(file.name, (other.name for other in file.parent.glob("*")))
            if file.parent.is_dir()
            else "there is no such folder"
        )
        raise Refused(f"{what} {name} does not exist: {near}")
    return file


def read(file: Path, name: str) -> Prompt:
    """Read the prompt in a file; see `load`."""
    try:
        raw = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"the prompt {name} is not UTF-8. Save it as UTF-8.") from None
    parts = re.match(
        r"---\n(.*?\n)---\n(?:# system\n(.*?))?^# user\n(.*)\Z",
        raw.replace("\r\n", "\n"),
        re.DOTALL | re.MULTILINE,
    )
    if parts is None:
        raise Refused(
            f"the prompt {name} needs a header between two lines `---`, then a line `# system` "
            "and a line `# user`."
        )
    try:
        given = yaml.safe_load(parts[1])
        header = Header(**given) if isinstance(given, dict) else None
    except yaml.YAMLError as error:
        raise Refused(f"the header of the prompt {name} is not valid YAML: {error}") from None
    except ValidationError as error:
        raise Refused(f"the header of the prompt {name}: {explained(error, Header)}") from None
    if header is None:
        raise Refused(
            f"the header of the prompt {name} is empty. Add at least kind, version, positives and "
            "answer."
        )
    prompt = Prompt(
        name,
        header.kind,
        header.version,
        header.positives,
        header.inverted,
        header.opposite,
        header.reasoning,
        header.answer,
        (parts[2] or "").strip(),
        parts[3].strip(),
        fingerprint_of_file(file),
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
