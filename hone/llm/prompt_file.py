"""Prompt files: a YAML header between two lines `---`, the instructions after a line `# system`,
and the question after a line `# user`.

`{{name}}` is replaced once, in one pass, so inserted texts are never searched for placeholders.
Untrusted texts stand between tags that they cannot close.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hone.config.params import explained
from hone.errors import Refused, nearest
from hone.files import fingerprint_of_file
from hone.layout import INPUTS
from hone.llm.delimiters import harmless

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
PARTS = re.compile(
    r"---\n(.*?\n)---\n(?:# system\n(.*?))?^# user\n(.*)\Z", re.DOTALL | re.MULTILINE
)
Header = TypeVar("Header", bound=BaseModel)


@dataclass(frozen=True)
class PromptParts(Generic[Header]):
    """The parts of a prompt file, and the fingerprint of its bytes."""

    header: Header
    system: str
    user: str
    fingerprint: str

    @property
    def placeholders(self) -> list[str]:
        """The names of the placeholders, in order."""
        return PLACE.findall(self.system + self.user)


def find_prompt(name: str, folder: Path) -> Path:
    """The file of a built-in prompt, or a prompt file below inputs/.

    Args:
        name: the name of a built-in prompt, or a path below inputs/.
        folder: the built-in prompts.

    Raises:
        Refused: the prompt does not exist, or the file is elsewhere.
    """
    names = built_in(folder)
    if name in names:
        return folder / f"{name}.md"
    file = Path(name)
    if file.suffix != ".md" and len(file.parts) == 1:
        raise Refused(
            f"there is no prompt '{name}': {nearest(name, names)} (your own is a path such as "
            "inputs/prompts/mine.md)"
        )
    return below_inputs(name, "the prompt")


def built_in(folder: Path) -> list[str]:
    """The names of the built-in prompts of a folder."""
    return sorted(file.stem for file in folder.glob("*.md"))


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


def read_parts(file: Path, name: str, header: type[Header], needed: str) -> PromptParts[Header]:
    """Read a prompt file.

    Args:
        file: the file.
        name: of the prompt, for messages.
        header: the model of its header.
        needed: the settings that a header must have, for messages.

    Raises:
        Refused: it is not UTF-8, or a part of it is missing or invalid.
    """
    try:
        raw = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"the prompt {name} is not UTF-8. Save it as UTF-8.") from None
    parts = PARTS.match(raw.replace("\r\n", "\n"))
    if parts is None:
        raise Refused(
            f"the prompt {name} needs a header between two lines `---`, then a line `# system` "
            "and a line `# user`."
        )
    try:
        given = yaml.safe_load(parts[1])
        found = header(**given) if isinstance(given, dict) else None
    except yaml.YAMLError as error:
        raise Refused(f"the header of the prompt {name} is not valid YAML: {error}") from None
    except ValidationError as error:
        raise Refused(f"the header of the prompt {name}: {explained(error, header)}") from None
    if found is None:
        raise Refused(f"the header of the prompt {name} is empty. Add at least {needed}.")
    return PromptParts(found, (parts[2] or "").strip(), parts[3].strip(), fingerprint_of_file(file))


def fill(system: str, user: str, texts: Mapping[str, str]) -> tuple[dict[str, str], ...]:
    """The messages of one call, with every placeholder replaced."""
    return tuple(
        {"role": role, "content": PLACE.sub(lambda found: texts[found[1]], part).strip()}
        for role, part in (("system", system), ("user", user))
        if part
    )


def tagged(tag: str, text: str, number: int | None = None, more: Sequence[str] = ()) -> str:
    """A text between tags. Nothing in the text can close them, or the tags in `more`."""
    opening = tag if number is None else f'{tag} number="{number}"'
    return f"<{opening}>\n{harmless(text, more)}\n</{tag}>"
