"""The text of one file: its title, and its sections by heading. It imports each parser when a file
needs it.

Everything here runs in a separate process (file_reader.py), because the files are untrusted.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

TITLE = 300  # characters of a title; longer titles are cut
UTF16 = (b"\xff\xfe", b"\xfe\xff")
FRONT_LINE = re.compile(r"[ \t]*(?:#|- |$)|[ \t]+\S|[\w-]+[ \t]*:")
FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+)$", re.MULTILINE)
SPACES = re.compile(r"\s+")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
SKIPPED = frozenset(
    ("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "nav", "head")
)
BLOCKS = frozenset(
    (
        *HEADINGS,
        *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div"),
        *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr"),
        *("html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot"),
        *("thead", "tr", "ul"),
    )
)


class Unreadable(Exception):
    """A file without a usable text. The message is the reason."""


@dataclass(frozen=True)
class Section:
    """The text from one heading to the next.

    Attributes:
        text: with the heading itself.
        level: of the heading, from 1. 0: the text before the first heading.
        heading: its words.
        anchor: its `id` in an HTML file.
    """

    text: str
    level: int = 0
    heading: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class FileText:
    """The text of a file.

    Attributes:
        title: of the file. Empty: it has none.
        sections: in order.
        markup: whether the text is Markdown.
    """

    title: str
    sections: list[Section]
    markup: bool


def read_text(path: Path, kind: str) -> FileText:
    """The text of a file. `kind` is a format of file_listing.py.

    Raises:
        Unreadable: the file has no text, or another encoding or format.
    """
    content = path.read_bytes()
    if kind == "pdf":
        found = pdf_text(content)
    else:
        text = decoded(content)
        found = {"markdown": markdown_text, "html": html_text, "text": plain_text}[kind](text)
    if not any(section.text.strip() for section in found.sections):
        raise Unreadable(
            "it has no text" + (", only images. Run OCR first" if kind == "pdf" else "")
        )
    return found


def decoded(content: bytes) -> str:
    """UTF-8 bytes as text, with line feeds as line ends and without a byte order mark.

    Raises:
        Unreadable: another encoding, or not a text.
    """
    if content.startswith(UTF16):
        raise Unreadable("it is UTF-16. Save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"it is not UTF-8 (byte {error.start + 1:,} is 0x{content[error.start]:02x}). Save it "
            "as UTF-8"
        ) from None
    if "\0" in text:
        raise Unreadable("it is not a text file (it has a zero byte)")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def plain_text(text: str) -> FileText:
    return FileText("", [Section(text)], markup=False)


def markdown_text(text: str) -> FileText:
    """Sections of a Markdown file by its headings outside lists, quotes and code. Front matter is
    not part of the text.
    """
    from markdown_it import MarkdownIt

    front, body = split_front_matter(text)
    lines = body.split("\n")
    tokens = MarkdownIt("commonmark").parse(body)
    starts = [
        (token.map[0], int(token.tag[1:]), inline_text(tokens[place + 1].children or []))
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    first = starts[0][0] if starts else len(lines)
    sections = [Section("\n".join(lines[:first]))]
    ends = [*(start for start, _, _ in starts[1:]), len(lines)]
    for (start, level, heading), end in zip(starts, ends, strict=False):
        sections.append(Section("\n".join(lines[start:end]), level, heading))
    named = FRONT_TITLE.search(front)
    title = named[1].strip().strip("\"'") if named else first_heading(sections)
    return FileText(one_line(title), sections, markup=True)


def split_front_matter(text: str) -> tuple[str, str]:
    """The YAML front matter of a Markdown file and the rest. Empty if there is none."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            front = "\n".join(lines[1:number])
            return (front, "\n".join(lines[number + 1 :])) if ":" in front else ("", text)
        if not FRONT_LINE.match(line):
            break
    return "", text


def inline_text(tokens: list) -> str:
    """The words of a Markdown heading, without markup."""
    parts = [
        " " if token.type in ("softbreak", "hardbreak") else token.content
        for token in tokens
        if token.type in ("softbreak", "hardbreak", "text", "code_inline", "text_special")
    ]
    return one_line("".join(parts))


def first_heading(sections: list[Section]) -> str:
    return next((section.heading for section in sections if section.heading), "")


def one_line(text: str) -> str:
    """A text with single spaces, cut at TITLE characters."""
    return " ".join(text.split())[:TITLE].rstrip()


def pdf_text(content: bytes) -> FileText:
    """The text of all pages. Hyphenated words at line ends stay as they are.

    Raises:
        Unreadable: it needs a password, or a page cannot be read.
    """
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(content))
        locked = reader.is_encrypted and not reader.decrypt("")
    except Exception as error:  # a damaged file can raise anything
        raise Unreadable(f"it cannot be read as PDF: {described(error)}") from None
    if locked:
        raise Unreadable("it needs a password. Save it without one")
    pages = []
    try:
        for page in reader.pages:
            pages += [page.extract_text()]
        title = (reader.metadata and reader.metadata.title) or ""
    except Exception as error:
        place = f"page {len(pages) + 1:,}"
        raise Unreadable(f"{place} cannot be read as PDF: {described(error)}") from None
    text = clean("\n".join(pages))
    return FileText(one_line(clean(str(title))), [Section(text)], markup=False)


def clean(text: str) -> str:
    """A text without lone surrogates and control characters, which fonts of a PDF can produce."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return CONTROL.sub("", whole.replace("\f", "\n"))


def described(error: Exception) -> str:
    """The first line of a library's error message."""
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__} {clean(line)[:100]}".strip()


@dataclass
class Block:
    """A block of an HTML page: a heading, a paragraph, a list item, a table row."""

    text: str
    level: int = 0
    anchor: str = ""


def html_text(text: str) -> FileText:
    """Sections of an HTML page by its headings, as Markdown, without scripts, styles and
    navigation.
    """
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(text)
    sections: list[Section] = [Section("")]
    for block in HtmlBlocks().read(page.root):
        if block.level:
            marked = f"{'#' * block.level} {block.text}"
            sections.append(Section(marked, block.level, one_line(block.text), block.anchor))
        else:
            last = sections.pop()
            joined = f"{last.text}\n\n{block.text}" if last.text else block.text
            sections.append(Section(joined, last.level, last.heading, last.anchor))
    head = page.css_first("head title")
    title = one_line(head.text()) if head else ""
    return FileText(title or first_heading(sections), sections, markup=True)


class HtmlBlocks:
    """The blocks of a page, collected in document order. Deep nesting needs no recursion."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.level, self.anchor, self.pre = 0, "", 0

    def read(self, root: LexborNode | None) -> list[Block]:
        waiting = [(root, False)] if root is not None else []
        while waiting:
            node, left = waiting.pop()
            if left:
                self.leave(node)
            elif node.tag == "-text":
                text = node.text_content or ""
                self.parts.append(text if self.pre else SPACES.sub(" ", text))
            elif node.tag not in SKIPPED and not node.tag.startswith(("-", "!")):
                self.enter(node)
                waiting.append((node, True))
                waiting += [(child, False) for child in reversed(children(node))]
        self.end_block()
        return [block for block in self.blocks if block.text]

    def enter(self, node: LexborNode) -> None:
        if node.tag in BLOCKS:
            self.end_block()
        if node.tag in HEADINGS:
            self.level, self.anchor = int(node.tag[1]), node.attributes.get("id") or ""
        elif node.tag == "pre":
            self.pre += 1
        elif node.tag == "li":
            self.parts.append("- ")
        elif node.tag == "br":
            self.parts.append("\n")
        elif node.tag in ("td", "th") and "".join(self.parts).strip():
            self.parts.append(" | ")

    def leave(self, node: LexborNode) -> None:
        if node.tag in BLOCKS:
            self.end_block()
        if node.tag in HEADINGS:
            self.level, self.anchor = 0, ""
        elif node.tag == "pre":
            self.pre -= 1

    def end_block(self) -> None:
        text, self.parts = "".join(self.parts), []
        if self.pre:
            self.blocks.append(Block(fenced(text) if text.strip() else ""))
        elif self.level:
            self.blocks.append(Block(" ".join(text.split()), self.level, self.anchor))
        else:
            lines = (" ".join(line.split()) for line in text.split("\n"))
            text = "\n".join(line for line in lines if line)
            self.blocks.append(Block("" if text == "-" else text))


def children(node: LexborNode) -> list[LexborNode]:
    return list(node.iter(include_text=True))


def fenced(code: str) -> str:
    """Code between fences that are longer than any in it."""
    longest = max((len(found) for found in re.findall("`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{code.strip(chr(10))}\n{fence}"
