"""A model that answers every built-in prompt sensibly, by the last line of its question; and what a
request shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

Answer = Callable[[dict], object]
VARIANTS = 12


def question_of(body: dict) -> str:
    """The last message of a request."""
    return body["messages"][-1]["content"]


def shown(body: dict, tag: str) -> str:
    """The last text between a tag in a request."""
    return re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", question_of(body), re.DOTALL)[-1]


def number_in(text: str) -> str:
    """The first number of a text; `none` if it has none."""
    found = re.search(r"\d+", text)
    return found[0] if found else "none"


def pair_of(body: dict) -> str:
    """A paraphrase, or a pair about a related topic."""
    number = number_in(shown(body, "document"))
    if "related topic" in body["messages"][0]["content"]:
        query, document = "what does a cat chase near", "A cat chases mice all day near"
    else:
        query, document = "name the musical animal of", "Up in the branches a bird makes music for"
    return json.dumps({"query": f"{query} {number}", "document": f"{document} item {number}."})


def mentions_of(body: dict) -> str:
    """The entities of `The red bird sings about number 0 in the tree.`"""
    words = shown(body, "document").split()
    if len(words) < 7:
        return "[]"
    found = [(f"{words[1]} bird", "animal"), (f"number {words[6]}", "quantity")]
    return json.dumps([{"text": text, "type": kind} for text, kind in found])


def decide(body: dict) -> str:
    """Yes to the question that was written for the document, and to steps with its number."""
    asked = shown(body, "query")
    same = number_in(asked) == number_in(shown(body, "document"))
    return "Yes." if same and ("<steps>" in question_of(body) or "outside" in asked) else "No."


ROUTES: dict[str, Answer] = {
    "Question:": lambda body: (
        f"which creature makes music for item {number_in(shown(body, 'document'))} outside"
    ),
    "Passage:": lambda body: (
        f"Stones and water matter for {number_in(shown(body, 'query'))}. Nobody hears a sound."
    ),
    "JSON:": lambda body: (
        mentions_of(body) if "entities" in body["messages"][0]["content"] else pair_of(body)
    ),
    "Queries:": lambda body: "\n".join(
        f"{place}. which stone makes {place} sounds for item {number_in(shown(body, 'query'))}"
        for place in range(1, VARIANTS + 1)
    ),
    "Yes or no:": decide,
    "In other words:": lambda body: (
        f"Up in the branches, music is made for {number_in(shown(body, 'document'))}."
    ),
    "The opposite:": lambda body: (
        f"The bird is silent about number {number_in(shown(body, 'document'))} in the tree."
    ),
    "New sentence:": lambda body: shown(body, "document").replace(
        shown(body, "entity"), shown(body, "replacement")
    ),
    "Sentence:": lambda body: (
        "There is " + " and ".join(re.findall(r"(.*) \(", shown(body, "facts"))) + "."
    ),
    "Search query:": lambda body: f"music help for {number_in(shown(body, 'document'))} needed",
    "Query:": lambda body: f"tell me the singer of {number_in(shown(body, 'document'))} please",
    "Document:": lambda body: f"An answer about {shown(body, 'query')} in a few words.",
    "Label:": lambda body: "Relevant.",
    "Problem:": lambda body: (
        f"Find the singer for item {number_in(shown(body, 'document'))} and explain it"
    ),
    "Steps:": lambda body: (
        f"1. Look at item {number_in(shown(body, 'query'))} in the tree.\n2. Listen to the bird."
    ),
}


def imitate(body: dict) -> object:
    """The answer to a built-in prompt."""
    question = question_of(body)
    return next(answer(body) for end, answer in ROUTES.items() if question.endswith(end))


def instead(**answers: Answer | str) -> Answer:
    """The imitation with other answers: `Passage="no"` for prompts that end with `Passage:`."""

    def answer(body: dict) -> object:
        question = question_of(body)
        for end, other in answers.items():
            if question.endswith(f"{end.replace('_', ' ')}:"):
                return other(body) if callable(other) else other
        return imitate(body)

    return answer
