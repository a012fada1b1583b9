"""Texts in which nothing resembles our tags, the tokens of a chat template or a document number, in
any spelling.

Look-alikes are matched as a model may read them: compatibility forms (NFKC) count as plain letters,
and invisible characters are skipped. Only the first character of a look-alike is replaced. All
other texts stay unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from unicodedata import normalize

# Default_Ignorable_Code_Point (Unicode 16), and the control and format characters (Cc, Cf) that are
# not whitespace.
HIDDEN = (
    "\\x00-\\x08\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSEEN = re.compile(f"[{HIDDEN}]+")
OPENER = re.compile(
    "[<\ufe64\uff1c\\[\ufe47\uff3b\u25c1]"
)  # NFKC makes < and [ of these; ◁ begins thoughts
BEFORE = re.compile(
    rf"[\s/\\\uff0f\uff3c\u2044\u2215{HIDDEN}]*+"
)  # allowed between an opener and a name
LONGEST = 48  # letters of a name that are compared

OURS = (
    "query",
    "known[\\s_-]?answer",
    "document",
    "passage[\\s_-]?[ab]",
    "example",
    "better",
    "worse",
    "verdict",
    "preference",
    "think(?:ing)?",
    "thoughts?",
    "reasoning",
)
# Special tokens in the chat templates and tokenizers of Llama, Mistral, Gemma, Qwen, DeepSeek,
# Kimi, InternLM and others.
THEIRS = (
    "system",
    "user",
    "assistant",
    "human",
    "tool",
    "tools",
    "(?:\\w+:)?tool_calls?",
    "tool_responses?",
    "function_calls?",
    "seed:\\w+",
    "start_of_\\w+",
    "end_of_\\w+",
    "begin_of_\\w+",
    "(?:bos|eos|pad|unk|mask|cls|sep|sop|eop|eoh|eoa)(?=\\s*>)",
    "s(?=\\s*>)",
    "unused\\d+",
    "extra_id_\\d+",
    "reserved_\\w+",
    "image_soft_token",
    "0x[0-9a-f]{2}(?=\\s*>)",
    "\\w+\\|(?=\\s*>)",
)


@cache
def angled(more: tuple[str, ...] = ()) -> re.Pattern[str]:
    """What must not follow `<` in a text: our tags, those in `more`, and template tokens."""
    names = "|".join((*OURS, *map(re.escape, more), *THEIRS))
    return re.compile(rf"(?:{names})(?!\w)|\||<?[\s/]*sys\s*>\s*>", re.IGNORECASE)


SQUARE = re.compile(
    r"(?:(?i:inst)|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CONTENT|MODEL_SETTINGS|ARGS|CALL_ID|THINK|IMG|IMG_BREAK"
    r"|IMG_END|PREFIX|MIDDLE|SUFFIX|AUDIO|BEGIN_AUDIO|control_\d+|[gs]MASK|BOS|EOS|UNK|PAD|CLS|SEP|MASK)\s*\]"
)
TRIANGLE = re.compile(r"think\s*▷", re.IGNORECASE)
GAP = rf"[{HIDDEN}]*+"
NUMBERED = re.compile(
    rf"\b[Dd\uff24\uff44]{GAP}[Oo\uff2f\uff4f]{GAP}[Cc\uff23\uff43][\s{HIDDEN}]*+[(\uff08\ufe59][\s{HIDDEN}]*+(\d+)[\s{HIDDEN}]*+"
    "[)\uff09\ufe5a]"
)


def harmless(text: str, more: Sequence[str] = ()) -> str:
    """A text without look-alikes of our tags, of chat template tokens and of our document
    numbers.

    Args:
        text: any text.
        more: further tags, which the prompt of this text has.
    """
    angle = angled(tuple(more))
    return NUMBERED.sub(r"Doc \1", OPENER.sub(lambda found: marked(text, found, angle), text))


def marked(text: str, found: re.Match[str], angle: re.Pattern[str]) -> str:
    """An opening character, or its replacement if a delimiter begins with it."""
    opener = normalize("NFKC", found[0])
    pattern, instead = {"<": (angle, "‹"), "[": (SQUARE, "⟦"), "◁": (TRIANGLE, "‹")}[opener]
    after = BEFORE.match(text, found.end()).end()
    return instead if pattern.match(seen(text, after)) else found[0]


def seen(text: str, start: int) -> str:
    """The next letters of a text as a reader sees them."""
    part = text[start : start + LONGEST]
    if part.isascii() and not UNSEEN.search(part):
        return part
    letters: list[str] = []
    while start < len(text) and len(letters) < LONGEST:
        if hidden := UNSEEN.match(text, start):
            start = hidden.end()
            continue
        letters.append(normalize("NFKC", text[start]))
        start += 1
    return "".join(letters)
