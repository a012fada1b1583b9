"""Prompts for writing texts. A file defines what is asked, which texts it shows, and the format of
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hone.errors import Refused, listed, nearest
from hone.generation.answers import AnswerKind, parse_answer
from hone.llm.prompt_file import built_in, fill, find_prompt, read_parts, tagged

FOLDER = Path(__file__).parent / "prompts"
TEXTS = ("document", "query")  # texts that a prompt may show, each between tags of its own
EXAMPLES = "examples"
Example = tuple[tuple[str, str], ...]  # the texts of an example by tag, in order


class Header(BaseModel):
    """The header of a prompt file.

    Attributes:
        about: what it asks for, in a few words.
        version: a number that changes with the meaning of the prompt.
        shows: the texts that it shows: `document`, `query`.
        answer: the format of the answer: the first line (`line`), all lines, each a text (`lines`),
            the whole `text`, or a `json` object.
        fields: the fields of a `json` object, in the order in which they are asked for.
        room: maximum number of output tokens.
    """

    model_config = ConfigDict(extra="forbid")
    about: str
    version: Annotated[int, Field(ge=1)]
    shows: Annotated[list[Literal["document", "query"]], Field(min_length=1)]
    answer: AnswerKind
    fields: list[str] = []
    room: Annotated[int, Field(ge=1, le=500_000)]


@dataclass(frozen=True)
class WritingPrompt:
    """A prompt for writing.

    Attributes:
        name: of a built-in prompt, or the path of a user's prompt.
        shows_examples: whether it has a place for examples.
        fingerprint: of the file's bytes.
    """

    name: str
    header: Header
    shows_examples: bool
    system: str
    user: str
    fingerprint: str

    @property
    def label(self) -> str:
        """Name and version, as in the column `origin`."""
        return f"{self.name}@{self.header.version}"

    def render(
        self, texts: Mapping[str, str], examples: Sequence[Example] = ()
    ) -> tuple[dict[str, str], ...]:
        """The messages of one call.

        Args:
            texts: by the names in `shows`.
            examples: worked examples, each between tags.
        """
        shown = {name: tagged(name, texts[name]) for name in self.header.shows}
        shown[EXAMPLES] = "\n".join(
            f"<example>\n{''.join(f'{tagged(tag, text)}{chr(10)}' for tag, text in example)}"
            "</example>"
            for example in examples
        )
        return fill(self.system, self.user, shown)

    def parse(self, answer: str, cut: bool = False) -> list[dict[str, str]]:
        """The texts in an answer, by field; see `hone.generation.answers`."""
        return parse_answer(answer, self.header.answer, self.header.fields, cut)


def names() -> list[str]:
    """The names of the built-in prompts."""
    return built_in(FOLDER)


def load(name: str) -> WritingPrompt:
    """Load a built-in prompt by name, or a prompt file below inputs/.

    Raises:
        Refused: the prompt does not exist, the file is elsewhere, or its content is invalid.
    """
    parts = read_parts(
        find_prompt(name, FOLDER), name, Header, "about, version, shows, answer and room"
    )
    prompt = WritingPrompt(
        name,
        parts.header,
        EXAMPLES in parts.placeholders,
        parts.system,
        parts.user,
        parts.fingerprint,
    )
    refuse_misplaced(prompt, parts.placeholders)
    return prompt


def refuse_misplaced(prompt: WritingPrompt, placeholders: list[str]) -> None:
    """Raise Refused if placeholders and header do not fit each other."""
    header, allowed = prompt.header, (*prompt.header.shows, EXAMPLES)
    for word in placeholders:
        if word not in allowed:
            hint = nearest(word, allowed)
            add = " Add it to `shows`." if word in TEXTS else ""
            raise Refused(f"the prompt {prompt.name} has {{{{{word}}}}}: {hint}{add}")
    if lacking := [f"{{{{{name}}}}}" for name in header.shows if name not in placeholders]:
        raise Refused(
            f"the prompt {prompt.name} lacks {listed(lacking)}, which `shows` names. Add it to the "
            "question."
        )
    if (header.answer == "json") != bool(header.fields):
        raise Refused(
            f"the prompt {prompt.name}: `fields` and `answer: json` belong together. Set both or "
            "neither."
        )
