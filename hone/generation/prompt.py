"""Prompts for writing texts. A file defines what is asked, which texts it shows, and the format of
the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from hone.errors import Refused, listed, nearest
from hone.generation.answers import TEXT, AnswerKind, parse_answer
from hone.llm.prompt_file import built_in, fill, find_prompt, read_parts, tagged

FOLDER = Path(__file__).parent / "prompts"
# Texts that a prompt may show, each between tags of its own.
Shown = Literal["document", "query", "entity", "replacement", "facts", "steps"]
TEXTS = get_args(Shown)
LABEL = "label"  # a tag of examples
TAGS = (*TEXTS, LABEL)  # what no shown text may contain
# Sentences of a recipe's author, which a prompt contains as they are.
Setting = Literal["task"]
EXAMPLES = "examples"
Example = tuple[tuple[str, str], ...]  # the texts of an example by tag, in order


class Header(BaseModel):
    """The header of a prompt file.

    Attributes:
        about: what it asks for, in a few words.
        version: a number that changes with the meaning of the prompt.
        shows: the texts that it shows: `document`, `query`, and `entity`, `replacement`, `facts` or
            `steps` for methods that have them.
        sets: sentences of the recipe that it contains as they are: `task`.
        answer: the format of the answer: the first line (`line`), all lines, each a text (`lines`),
            the whole `text`, or a `json` object.
        fields: the fields of a `json` object, in the order in which they are asked for.
        room: maximum number of output tokens.
    """

    model_config = ConfigDict(extra="forbid")
    about: str
    version: Annotated[int, Field(ge=1)]
    shows: Annotated[list[Shown], Field(min_length=1)]
    sets: list[Setting] = []
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
            texts: by the names in `shows` and `sets`.
            examples: worked examples, each between tags.
        """
        shown = {name: tagged(name, texts[name], more=TAGS) for name in self.header.shows}
        shown[EXAMPLES] = "\n".join(
            "\n".join(
                ("<example>", *(tagged(tag, text, more=TAGS) for tag, text in one), "</example>")
            )
            for one in examples
        )
        return fill(self.system, self.user, shown | {name: texts[name] for name in self.sets})

    @property
    def sets(self) -> list[str]:
        """The sentences of the recipe that it contains."""
        return list(self.header.sets)

    @property
    def fields(self) -> list[str]:
        """The texts of an answer: the fields of a JSON object, or `text`."""
        return self.header.fields or [TEXT]

    def parse(self, answer: str, cut: bool = False) -> list[dict[str, str]]:
        """The texts in an answer, by field; see `hone.generation.answers`."""
        return parse_answer(answer, self.header.answer, self.header.fields, cut)


@dataclass(frozen=True)
class PromptUse:
    """What a method gives to a prompt, and what it reads in the answers.

    Attributes:
        texts: that the prompt may show or contain.
        fields: that the method reads: `text`, unless the answer is a JSON object.
    """

    texts: tuple[str, ...]
    fields: tuple[str, ...] = (TEXT,)

    def refuse_unfit(self, prompt: WritingPrompt, where: str) -> None:
        """Raise Refused if a prompt does not fit the method.

        Args:
            prompt: any prompt.
            where: the parameter, for messages.
        """
        if more := [one for one in (*prompt.header.shows, *prompt.sets) if one not in self.texts]:
            raise Refused(
                f"{where}: the prompt {prompt.name} shows {listed(more)}, but this method shows "
                f"{listed(self.texts)}. Use another prompt, or change its `shows`."
            )
        if lacking := [one for one in self.fields if one not in prompt.fields]:
            asked = (
                "has the answer format `json`"
                if self.fields == (TEXT,)
                else f"does not ask for {listed(lacking)}"
            )
            fix = (
                "`answer: line`, `lines` or `text`"
                if self.fields == (TEXT,)
                else f"`answer: json` and `fields: [{', '.join(self.fields)}]`"
            )
            raise Refused(f"{where}: the prompt {prompt.name} {asked}. Write {fix} in its header.")


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
    header, allowed = prompt.header, (*prompt.header.shows, *prompt.sets, EXAMPLES)
    for word in placeholders:
        if word not in allowed:
            hint = nearest(word, allowed)
            add = " Add it to `shows`." if word in TEXTS else ""
            raise Refused(f"the prompt {prompt.name} has {{{{{word}}}}}: {hint}{add}")
    for setting, named in (("shows", header.shows), ("sets", header.sets)):
        if lacking := [f"{{{{{name}}}}}" for name in named if name not in placeholders]:
            raise Refused(
                f"the prompt {prompt.name} lacks {listed(lacking)}, which `{setting}` names. Add "
                "it to the question."
            )
    if (header.answer == "json") != bool(header.fields):
        raise Refused(
            f"the prompt {prompt.name}: `fields` and `answer: json` belong together. Set both or "
            "neither."
        )
