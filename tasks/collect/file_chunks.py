"""Chunks of a file: each section of a heading is split by itself, so a change in one section leaves
the chunks of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.collect.file_texts import FileText, Section

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter
    from tokenizers import Tokenizer

DIGITS = 12  # of the hash in a chunk's id
NOT_IN_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class ChunkSize:
    """The maximum size of a chunk.

    Attributes:
        most: tokens of title and text as the encoder reads them, or characters of the text.
        overlap: of neighboring chunks of a section, in the same unit.
        tokenizer: path of the model's tokenizer.json. Null: `most` counts characters.
        prompt: the prefix of every document.
    """

    most: int
    overlap: int
    tokenizer: str | None = None
    prompt: str = ""


@dataclass(frozen=True)
class Chunk:
    """A part of a file.

    Attributes:
        text: of the chunk.
        headings: the headings above it, outermost first.
        fragments: what may follow `#` in a label that names one of these headings.
    """

    text: str
    headings: list[str]
    fragments: list[str]


class Splitter:
    """Splits files into chunks of one maximum size."""

    def __init__(self, size: ChunkSize) -> None:
        self.size = size
        self.tokenizer = None if size.tokenizer is None else read_tokenizer(size.tokenizer)

    def split(self, found: FileText, title: str) -> list[Chunk]:
        """The chunks of a file in order. No chunk extends over a heading with text of its own."""
        splitter = self.splitter(self.capacity(title), found.markup)
        return [
            Chunk(text, part.headings, part.fragments)
            for part in parts_of(found.sections)
            for text in splitter.chunks(part.text)
            if text.strip()
        ]

    def capacity(self, title: str) -> int:
        """The maximum size of a chunk's text: what prompt, title and special tokens leave, but at
        least half.
        """
        if self.tokenizer is None:
            return self.size.most
        used = len(self.tokenizer.encode(f"{self.size.prompt}{title} ").ids)
        return max(self.size.most // 2, self.size.most - used)

    def splitter(self, capacity: int, markup: bool) -> MarkdownSplitter | TextSplitter:
        import semantic_text_splitter as library

        kind = library.MarkdownSplitter if markup else library.TextSplitter
        if self.tokenizer is None:
            return kind(capacity, self.size.overlap)
        return kind.from_huggingface_tokenizer(self.tokenizer, capacity, self.size.overlap)


def read_tokenizer(path: str) -> Tokenizer:
    """A tokenizer that counts all tokens of a text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@dataclass
class Part:
    """A section with its place among the headings."""

    text: str
    headings: list[str]
    fragments: list[str]


def parts_of(sections: list[Section]) -> list[Part]:
    """The sections with their headings. A heading without text of its own joins the next section.

    A fragment is a heading's words, its GitHub anchor (`set-up`, a repeated one `set-up-1`), or
    its `id` in HTML, in lower case.
    """
    parts: list[Part] = []
    above: list[tuple[int, str, list[str]]] = []
    anchors: Counter[str] = Counter()
    alone: list[Part] = []  # headings without text
    for section in sections:
        if section.level:
            above = [one for one in above if one[0] < section.level]
            above.append((section.level, section.heading, fragments_of(section, anchors)))
        if not section.text.strip():
            continue
        part = Part(
            "\n\n".join([one.text.strip("\n") for one in alone] + [section.text]),
            [heading for _, heading, _ in above if heading],
            [name for one in alone for name in one.fragments]
            + [name for _, _, names in above for name in names],
        )
        if section.level and "\n" not in section.text.strip():
            alone.append(Part(section.text, part.headings, part.fragments))
        else:
            parts.append(part)
            alone = []
    return [*parts, part] if alone else parts


def fragments_of(section: Section, anchors: Counter[str]) -> list[str]:
    """The fragments that name a heading, in lower case. `anchors` counts those before it."""
    words = section.heading.casefold()
    slug = NOT_IN_SLUG.sub("", words).replace(" ", "-")
    number = anchors[slug]
    anchors[slug] += 1
    names = [f"{slug}-{number}" if number else slug, words, section.anchor.casefold()]
    return [name for name in dict.fromkeys(names) if name]


def chunk_ids(path: str, chunks: list[Any]) -> list[str]:
    """An id for each chunk: the path, `#`, and a hash of its text. Repeated texts are numbered.

    The id follows from the text, so a change elsewhere in the file leaves it.
    """
    seen: Counter[str] = Counter()
    ids = []
    for chunk in chunks:
        digest = hashlib.sha256(chunk.text.encode()).hexdigest()[:DIGITS]
        seen[digest] += 1
        ids.append(f"{path}#{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else ""))
    return ids
