"""Parse the answers of judges. The parser is lenient, but an answer that it cannot parse gives the
verdict `unknown`, never a label.

The rules are Hone's own, except the two lists between tags, which are RLHN's (arXiv 2505.16967).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hone.llm.reasoning import separated

Tops = Sequence[tuple[str, float]]

BETTER, WORSE, NEITHER = (
    3.0,
    2.0,
    0.0,
)  # grades of the two lists and of neither, on the scale of the graded prompt
CERTAIN = 0.5  # minimum probability of a positive verdict
# Alternatives with a lower total probability are ignored: the answer begins with another word [Hone
# default].
LEAST = 0.05
MOST_BRACES = (
    200  # maximum number of braces in an answer that are tried as the start of a JSON object
)

TAG = re.compile(r"<\s*(better|worse)\s*>", re.IGNORECASE)
END = re.compile(r"</?\s*(?:better|worse|verdict|answer)\s*>", re.IGNORECASE)
RANGE = re.compile(
    r"\d\W{0,4}(?:-|–|—|\bto\b|\bthrough\b|\.\.)\W{0,4}(?:docs?(?:ument)?s?\W{0,3})?\d",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"\bdoc(?:ument)?s?\s*(?:#|no\.?|numbers?)?\s*[(\[]?\s*(\d+)\s*[)\]]?((?:\s*(?:,|;|&|\band\b)+\s*[(\[]?\s*\d+\s*[)\]]?)*)",
    re.IGNORECASE,
)
NONE = re.compile(
    r"\W*+(?:none(?: of (?:the|these) doc(?:ument)?s?)?|nothing|empty|n/?a|no "
    r"doc(?:ument)?s?)?\W*+",
    re.IGNORECASE,
)
# Allowed after a first word that is the whole answer.
AFTER = r"\s*(?:[*\"'`()\].,;:!<\n]|[-–—]\s|$)|\s+(?:because|since|as|it|the|this|that)\b"


A_GRADE = r"(-?\d++(?:\.\d++)?)"
# Names of a scale directly after a grade. The highest grade is the one group that has matched.
SCALE = "|".join(
    rf"[\s*_`\"']{{0,4}}{form}"
    for form in (
        r"/\s{0,4}(\d++(?:\.\d++)?)",  # 3/10
        r"(?:out\s+)?of\s+(?:a\s+possible\s+)?(\d++)",  # 3 out of 10
        # 3 (0-5 scale)
        r"[(\[]\s{0,4}(?:on\s+)?(?:an?\s+|the\s+)?(?:scale\W+)?(?:of\s+|from\s+)?\d\s?(?:-|–|—|to|\.{2,3})\s?(\d++)",
        # 3 on a scale of 1 to 5
        r",?\s?on\s+(?:an?|the)\s+(?:scale\s+(?:of|from)\s+)?\d\s?(?:-|–|—|to|\.{2,3})\s?(\d++)",
        # 3 on a 5-point scale
        r",?\s?on\s+(?:an?|the)\s+(?:scale\s+(?:of|to)\s+)?(\d++)(?=\W{0,3}(?:point|$))",
        r"(?:%|per\s?cent)()",
    )
)


class Unreadable(Exception):
    """An answer without a reliable verdict; the message is the reason."""


@dataclass(frozen=True)
class ParsedVerdict:
    """An answer's verdict on one candidate: positive, negative or unknown, with a reason if it
    is unknown or unusual.
    """

    verdict: str
    grade: float | None = None
    probability: float | None = None
    reason: str | None = None


def unreadable(error: Unreadable) -> ParsedVerdict:
    return ParsedVerdict("unknown", reason=f"unparsable: {error}")


def listwise(text: str | None, count: int, cut: bool = False) -> list[ParsedVerdict]:
    """Verdicts on `count` numbered candidates from an answer with two lists.

    Both lists count as found (RLHN). A number in both lists has the lower grade. A number without a
    candidate is ignored, and noted with every verdict.

    Args:
        text: the answer.
        count: number of candidates, numbered from 1.
        cut: whether the answer was cut off at max_tokens.
    """
    try:
        better, worse = lists(text, cut)
    except Unreadable as error:
        return [unreadable(error)] * count
    beyond = sorted({number for number in (*better, *worse) if not 1 <= number <= count})
    noted = (
        f"the answer names {', '.join(map(str, beyond[:5]))}, of {count} documents"
        if beyond
        else None
    )
    verdicts = []
    for number in range(1, count + 1):
        if number in worse:
            both = "in both lists" if number in better else None
            verdicts.append(
                ParsedVerdict(
                    "positive", WORSE, reason="; ".join(filter(None, (both, noted))) or None
                )
            )
        elif number in better:
            verdicts.append(ParsedVerdict("positive", BETTER, reason=noted))
        else:
            verdicts.append(ParsedVerdict("negative", NEITHER, reason=noted))
    return verdicts


def lists(text: str | None, cut: bool = False) -> tuple[list[int], list[int]]:
    """The numbers in an answer's two lists, better and worse, in order and without repetition.

    The last complete pair of lists counts, between RLHN's tags or as JSON. Earlier text may be a
    quotation from a document.

    Raises:
        Unreadable: a list is missing, was cut off or does not identify its documents.
    """
    text = without_thoughts(text, cut)
    found = [
        (place, value["better"], value["worse"])
        for place, value in objects(text)
        if {"better", "worse"} <= set(value)
    ]
    place, better, worse = found[-1] if found else (-1, [], [])
    last = {match[1].lower(): match for match in TAG.finditer(text)}
    if last and max(match.start() for match in last.values()) > place:
        if len(last) == 1:
            raise Unreadable(f"the list <{'worse' if 'better' in last else 'better'}> is missing")
        return numbers(between(text, last["better"])), numbers(between(text, last["worse"]))
    if place < 0:
        raise Unreadable(
            "it was cut off before its lists"
            if cut
            else "it has neither <better> and <worse> nor JSON with them"
        )
    return whole_numbers(better), whole_numbers(worse)


def between(text: str, opening: re.Match[str]) -> str:
    """The text between a list's opening tag and the next tag.

    Raises:
        Unreadable: no tag follows, so the list may be incomplete.
    """
    closing = END.search(text, opening.end())
    if closing is None:
        raise Unreadable(f"the list <{opening[1].lower()}> does not end")
    return text[opening.end() : closing.start()]


def numbers(content: str) -> list[int]:
    """The numbers of a list in any usual form: `[Doc (2), Doc (7)]`, `2, 7`, `Documents 2 and 7`,
    `none`, after any label.

    Raises:
        Unreadable: a range, or words that do not identify documents.
    """
    content = re.sub(r"^[^\d\[:]*:", "", re.sub(r"\s+", " ", content), count=1)
    if NONE.fullmatch(content):
        return []
    if RANGE.search(content):
        raise Unreadable(f"a list has a range: {content.strip()[:60]}")
    named = [number for match in NAMED.finditer(content) for number in re.findall(r"\d+", match[0])]
    if not named and not re.sub(r"\band\b|[\d\s,;.&()\[\]#*'\"]", "", content):
        named = re.findall(r"\d+", content)
    if not named or re.match(r"\W*(?:none|no|nothing)\b", content, re.IGNORECASE):
        raise Unreadable(f"a list names no document: {content.strip()[:60]}")
    return whole_numbers(named)


def whole_numbers(values: Any) -> list[int]:
    """Document numbers of a JSON list: 3, "3" or "Doc (3)", in order and without repetition."""
    if not isinstance(values, list):
        raise Unreadable(f"a list is no list: {str(values)[:60]}")
    total = []
    for value in values:
        if isinstance(value, str) and (
            match := re.fullmatch(r"\W*(?:doc(?:ument)?)?\W*(\d{1,9})\W*", value, re.IGNORECASE)
        ):
            total.append(int(match[1]))
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and value == int(value)
        ):
            total.append(int(value))
        else:
            raise Unreadable(f"a list has {str(value)[:60]!r}, which is no document's number")
    return list(dict.fromkeys(total))


def yes_no(text: str | None, tops: Tops | None = None, inverted: bool = False) -> ParsedVerdict:
    """The verdict of a yes-no answer, with a probability from the first token's alternatives.

    Args:
        text: the answer.
        tops: alternatives of the first token with their log-probabilities; p = yes / (yes + no),
            summed over all spellings.
        inverted: the question was whether the candidate is not relevant.
    """
    weights = alike(tops, {"yes": "yes", "no": "no"})
    if weights:
        probability = weights.get("yes", 0.0) / sum(weights.values())
        probability = 1 - probability if inverted else probability
        return ParsedVerdict(
            "positive" if probability >= CERTAIN else "negative", probability=probability
        )
    try:
        says = word(text, ("yes", "no"))
    except Unreadable as error:
        return unreadable(error)
    return ParsedVerdict("positive" if (says == "yes") != inverted else "negative")


def graded(text: str | None, tops: Tops | None = None, positive_from: float = 2) -> ParsedVerdict:
    """The verdict of a grade from 0 to 3.

    Args:
        text: the answer.
        tops: alternatives of the first token. They give the expected grade, and the probability of
            a positive verdict.
        positive_from: minimum grade of a positive verdict (2) [Hone default].
    """
    weights = alike(tops, {str(grade): str(grade) for grade in range(4)})
    if weights and on_our_scale(text):
        total = sum(weights.values())
        expected = sum(int(grade) * weight for grade, weight in weights.items()) / total
        probability = (
            sum(weight for grade, weight in weights.items() if int(grade) >= positive_from) / total
        )
        return ParsedVerdict(
            "positive" if probability >= CERTAIN else "negative", expected, probability
        )
    try:
        grade = grade_of(text)
    except Unreadable as error:
        return unreadable(error)
    return ParsedVerdict("positive" if grade >= positive_from else "negative", float(grade))


def pairwise(text: str | None, tops: Tops | None = None) -> ParsedVerdict:
    """The verdict of a comparison of the candidate (B) with the labelled positive (A); "equal"
    counts as found.
    """
    weights = alike(tops, {"a": "A", "b": "B", "equal": "equal"})
    if weights:
        probability = 1 - weights.get("A", 0.0) / sum(weights.values())
        return ParsedVerdict(
            "positive" if probability >= CERTAIN else "negative", probability=probability
        )
    try:
        says = word(text, ("A", "B", "equal"))
    except Unreadable as error:
        return unreadable(error)
    return ParsedVerdict("negative" if says == "A" else "positive")


def alike(tops: Tops | None, words: dict[str, str]) -> dict[str, float]:
    """The probability of each word, summed over alternatives that differ only in case, spaces and
    quotes.

    Empty if these words have a low probability among the alternatives.
    """
    total: dict[str, float] = {}
    for token, logarithm in tops or ():
        meant = words.get(token.strip(" \t\r\n\u2581\u0120\u010a\"'*`.").casefold())
        if meant is not None and not math.isnan(logarithm):
            total[meant] = total.get(meant, 0.0) + math.exp(min(logarithm, 0.0))
    return total if sum(total.values()) >= LEAST else {}


def word(text: str | None, words: tuple[str, ...]) -> str:
    """The one of a few words that an answer contains: alone, at its beginning, after "answer:" or
    as JSON.

    Raises:
        Unreadable: none of them, or two that contradict each other.
    """
    text = without_thoughts(text)
    known = {item.casefold(): item for item in words}
    given = [plain(value["answer"], known) for _, value in objects(text) if "answer" in value]
    if given:
        if given[-1] not in known:
            raise Unreadable(f"the answer is {given[-1][:60]!r}")
        return known[given[-1]]
    if (alone := text.strip().casefold()) in known:
        return known[alone]
    any_word = "|".join(
        item if len(item) > 1 else f"(?-i:{item})" for item in words
    )  # "a" is also an article
    named = rf"\b(?:answer|verdict)\b(?:\s+is\b)?\W{{1,10}}({any_word})\b"
    spoken = [match[1].casefold() for match in re.finditer(named, text, re.IGNORECASE)]
    if first := re.match(rf"\W*({any_word})(?:{AFTER})", text, re.IGNORECASE):
        rest = text[first.end(1) :]
        later = re.findall(rf"\b({any_word})\b", rest, re.IGNORECASE)
        whole = re.findall(rf"[\n.!?]\s*({any_word})\s*(?=[.,;!\n]|$)", rest, re.IGNORECASE)
        # "no" and "a" also occur in other sentences. They contradict only as a sentence of their
        # own.
        spoken += [
            item.casefold()
            for item in (
                first[1],
                *(item for item in later if item.casefold() not in ("no", "a")),
                *whole,
            )
        ]
    if not spoken:
        raise Unreadable(f"neither {' nor '.join(words)}: {shortened(text)}")
    if len(set(spoken)) > 1:
        raise Unreadable(f"it says {' and '.join(sorted(set(spoken)))}: {shortened(text)}")
    return known[spoken[-1]]


def plain(value: Any, known: dict[str, str]) -> str:
    """A word from JSON without case and periods. true and false become yes and no if these are
    the words.
    """
    if isinstance(value, bool) and {"yes", "no"} <= known.keys():
        return "yes" if value else "no"
    return str(value).strip(" \t\r\n.!\"'`*").casefold()


def grade_of(text: str | None) -> int:
    """The grade of an answer: alone, after "grade:" or "score:", or as JSON.

    Raises:
        Unreadable: no grade, a grade other than 0, 1, 2 or 3, or a grade on another scale, such as
            3/10.
    """
    grade, after = grade_with_scale(without_thoughts(text))
    refuse_scale(after)
    if not re.fullmatch(r"[0-3](?:\.0+)?", grade):
        raise Unreadable(f"the grade is {grade[:20]}, not 0, 1, 2 or 3")
    return int(float(grade))


def grade_with_scale(text: str) -> tuple[str, str]:
    """An answer's number as its grade, and the text after it.

    Raises:
        Unreadable: there is no number.
    """
    if given := [str(value["grade"]) for _, value in objects(text) if "grade" in value]:
        parts = re.match(rf"\s*{A_GRADE}", given[-1])
        return (
            (parts[1], given[-1][parts.end() :])
            if parts and re.match(SCALE, given[-1][parts.end() :])
            else (given[-1], "")
        )
    named = rf"\b(?:grade|score|answer|relevance)\b[^\w-]{{1,10}}(?:is\s+)?{A_GRADE}"
    found = list(re.finditer(named, text, re.IGNORECASE))
    if not found and (
        alone := re.match(
            rf"[^\w-]*{A_GRADE}(?=(?:{SCALE})(?![\d/])|\W*(?:\n|$)|[.,;:]\s)", text, re.IGNORECASE
        )
    ):
        found = [alone]
    if not found:
        raise Unreadable(f"no grade: {shortened(text)}")
    return found[-1][1], text[found[-1].end(1) :]


def on_our_scale(text: str | None) -> bool:
    """Whether an answer, whose first token is a grade, has no other scale after it."""
    try:
        refuse_scale(re.sub(r"\A\W*\d++", "", text or "", count=1))
    except Unreadable:
        return False
    return True


def refuse_scale(after: str) -> None:
    """Raises Unreadable if the text after a grade names another scale than 0 to 3."""
    if (found := re.match(SCALE, after, re.IGNORECASE)) is None:
        return
    most = next((group for group in found.groups() if group is not None), "") or "100"
    if float(most) != 3:
        raise Unreadable(f"on a scale to {most[:20]}, not 3")


def without_thoughts(text: str | None, cut: bool = False) -> str:
    """An answer without the reasoning before it.

    Raises:
        Unreadable: nothing is left.
    """
    # Long runs of spaces would make the searches for words slow.
    rest, thinking = separated(re.sub(r"\s{3,}", "\n\n", text or ""))
    # A reasoning model has not begun to answer. Another model may only have forgotten the tag that
    # the prompt requests.
    if thinking and (cut or thinking != "thinking"):
        raise Unreadable("it was cut off while it thought" if cut else "its thoughts do not end")
    if not rest.strip():
        raise Unreadable("empty")
    return rest


def objects(text: str) -> Iterator[tuple[int, dict]]:
    """Position and value of JSON objects in a text, and of the objects directly inside one."""
    decoder, place = json.JSONDecoder(), -1
    for _ in range(MOST_BRACES):
        if (place := text.find("{", place + 1)) < 0:
            return
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        yield place, value
        yield from ((place, inner) for inner in value.values() if isinstance(inner, dict))
        place = end - 1


def shortened(text: str) -> str:
    return repr(text.strip()[:60])
