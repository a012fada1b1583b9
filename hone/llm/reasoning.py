"""Reasoning that a model writes before its answer, recognized by its delimiters.

`<think>` (DeepSeek, Qwen, GLM), `[THINK]` (Magistral), channels (gpt-oss), `◁think▷` (Kimi),
`<|START_THINKING|>` (Command A), `<seed:think>` (Seed-OSS), `<|begin_of_thought|>` (OpenThinker),
`<|channel>thought` (Gemma), and the tags that prompts request.
"""

from __future__ import annotations

import re

NAMES = r"think(?:ing)?|thoughts?|reason(?:ing)?|analysis|reflection|scratchpad|seed:think"
OPENING = re.compile(
    rf"<({NAMES})>|\[(THINK)\]|◁(think)▷|<\|(START_THINKING|begin_of_thought)\|>|<\|(channel)>\s*(?:thought|analysis)",
    re.IGNORECASE,
)
CLOSING = re.compile(
    rf"</(?:{NAMES})>|\[/THINK\]|◁/think▷|<\|(?:END_THINKING|end_of_thought)\|>|<channel\|>",
    re.IGNORECASE,
)
CHANNEL = re.compile(
    r"(?:<\|channel\|>\s*)?\b(analysis|commentary|final)\b[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,80})?<\|message\|>"
)
ENDED = re.compile(r"<\|(?:end|return|start|call|channel)\|>")
# Remains of channels if a server removes the delimiters.
BARE = re.compile(r"\s*analysis(?=[A-Z])")
BARE_FINAL = "assistantfinal"
MARKS = re.compile(r"<\|(?:START|END)_RESPONSE\|>|<\|(?:begin|end)_of_solution\|>")


def separated(text: str) -> tuple[str, str | None]:
    """An answer without its reasoning, and the opening delimiter of reasoning that does not end;
    null if all of it ends.
    """
    if channels := list(CHANNEL.finditer(text)):
        finals = [found for found in channels if found[1] == "final"]
        if not finals:
            return "", "channel"
        text = text[finals[-1].end() :]
        ended = ENDED.search(text)
        return (text[: ended.start()] if ended else text), None
    if BARE.match(text):
        _, found, rest = text.rpartition(BARE_FINAL)
        return (rest, None) if found else ("", "analysis")
    *_, rest = CLOSING.split(text)
    opened = OPENING.search(rest)
    return MARKS.sub("", rest), next(filter(None, opened.groups())).lower() if opened else None


def has_thoughts(text: str) -> bool:
    """Whether an answer contains delimited reasoning."""
    return bool(
        CLOSING.search(text) or OPENING.search(text) or CHANNEL.search(text) or BARE.match(text)
    )
