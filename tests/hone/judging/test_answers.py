"""Answers are read with patience; what cannot be read is unknown, never a label."""

from __future__ import annotations

import json
from math import log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.judging.answers import (
    ParsedVerdict,
    Unreadable,
    graded,
    lists,
    listwise,
    pairwise,
    yes_no,
)


@pytest.mark.shared
@pytest.mark.parametrize("file", ["fiqa", "msmarco_passage"])
def test_recorded_answers_of_rlhn_give_the_recorded_lists(shared: Path, file: str):
    read, recorded = [], []
    for line in (shared / "rlhn_cascade" / f"{file}.jsonl").read_text().splitlines():
        record = json.loads(line)
        for answer in (record.get("stage1"), record.get("stage2")):
            if answer is not None:
                read.append(lists(answer["response"]))
                recorded.append((answer["better"], answer["worse"]))
    assert len(read) == {"fiqa": 42, "msmarco_passage": 44}[file]
    assert read == recorded


def tags(better: str, worse: str) -> str:
    return (
        "<thinking>Doc (9) is "
        f"close.</thinking>\n<better>{better}</better>,\n<worse>{worse}</worse>"
    )


@pytest.mark.parametrize(
    ("answer", "better", "worse"),
    [
        (tags("[Doc (2)]", "[Doc (1), Doc (3)]"), [2], [1, 3]),
        (tags("[]", "[]"), [], []),
        (tags("", "none"), [], []),
        (tags("None.", "None of the documents"), [], []),
        (
            tags(
                "Preferred over or equally as ground truth: []",
                "Relevant but not preferred: [Doc (4)]",
            ),
            [],
            [4],
        ),
        (tags("2, 7", "[3]"), [2, 7], [3]),
        (tags("Docs 2, 5 and 7", "documents #1 & 4"), [2, 5, 7], [1, 4]),
        (tags("1. Doc (3)\n2. Doc (5)", "- **Doc (1)**"), [3, 5], [1]),
        (tags("Doc (3): names the rate of 5 percent", "[]"), [3], []),
        (tags("[Doc (2), Doc (2), Doc (1)]", "[]"), [2, 1], []),
        ("<better>[Doc (2)] <worse>[Doc (1)] </verdict>", [2], [1]),
        ("<BETTER>[2]</BETTER><WORSE>[]</WORSE> I hope this helps with Doc (1)!", [2], []),
        ("<worse>[1]</worse><better>[2]</better>", [2], [1]),
        ('{"reasoning": "Doc (9) {no}", "better": [2], "worse": [1, 3]}', [2], [1, 3]),
        ('Here it is:\n```json\n{"better": ["2", "Doc (3)"], "worse": [1.0]}\n```', [2, 3], [1]),
        ('{"verdict": {"better": [2], "worse": []}}', [2], []),
        # A document may be quoted: what stands last is the verdict.
        ('Doc (1) says {"better": [1], "worse": []}. ' + tags("[]", "[Doc (2)]"), [], [2]),
        ("Doc (1) says " + tags("[Doc (1)]", "[]") + ' {"better": [], "worse": [2]}', [], [2]),
        ("<think>" + tags("[Doc (1)]", "[]") + "</think>" + tags("[Doc (2)]", "[]"), [2], []),
    ],
)
def test_two_lists_in_every_form_that_models_write(
    answer: str, better: list[int], worse: list[int]
):
    assert lists(answer) == (better, worse)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "empty"),
        (" \n", "empty"),
        ("None of them is relevant.", "neither <better> and <worse> nor JSON"),
        ("<better>[Doc (2)]</better>", "the list <worse> is missing"),
        ("<worse>[Doc (2)]</worse>", "the list <better> is missing"),
        ("<better>[Doc (2)]</better> <worse>[Doc (1), Doc (1", "the list <worse> does not end"),
        (tags("Doc (2) to Doc (5)", "[]"), "a list has a range"),
        (tags("2-5", "[]"), "a list has a range"),
        (tags("all of them", "[]"), "names no document"),
        (tags("none, although Doc (2) is close", "[]"), "names no document"),
        (tags("Doc (99999999999)", "[]"), "no document's number"),
        ('{"better": [2]}', "neither"),
        ('{"better": [2], "worse": "all"}', "is no list"),
        ('{"better": [true], "worse": []}', "no document's number"),
        ('{"better": [2.5], "worse": []}', "no document's number"),
        ('{"better": [2], "worse": [1', "neither"),
        ("<think>maybe <better>[1]</better><worse>[]</worse>", "its thoughts do not end"),
    ],
)
def test_lists_that_cannot_be_relied_on_make_every_document_unknown(answer: str | None, why: str):
    with pytest.raises(Unreadable, match=why):
        lists(answer)
    verdicts = listwise(answer, 3)
    assert [item.verdict for item in verdicts] == ["unknown"] * 3
    assert all(item.reason.startswith("unparsable: ") and why in item.reason for item in verdicts)


def test_an_answer_that_was_cut_off_is_unknown_unless_its_lists_are_whole():
    assert (
        listwise(
            "<thinking>Doc (1): <better>[Doc (1)]</better> <worse>[]</worse> perhaps, but",
            1,
            cut=True,
        )[0].verdict
        == "unknown"
    )
    assert (
        listwise("Doc (1) is about", 1, cut=True)[0].reason
        == "unparsable: it was cut off before its lists"
    )
    assert listwise(tags("[Doc (1)]", "[]"), 1, cut=True)[0].verdict == "positive"


def test_both_lists_count_as_found():
    assert listwise(tags("[Doc (2)]", "[Doc (3)]"), 3) == [
        ParsedVerdict("negative", 0.0),
        ParsedVerdict("positive", 3.0),
        ParsedVerdict("positive", 2.0),
    ]


def test_numbers_that_no_document_has_concern_none_and_are_noted():
    verdicts = listwise(tags("[Doc (0), Doc (2)]", "[Doc (31), Doc (-2)]"), 2)
    assert [item.verdict for item in verdicts] == ["negative", "positive"]
    assert {item.reason for item in verdicts} == {"the answer names 0, 31, of 2 documents"}


def test_a_number_in_both_lists_is_found_with_the_lower_grade():
    assert listwise(tags("[1]", "[1]"), 1) == [
        ParsedVerdict("positive", 2.0, reason="in both lists")
    ]


PIECES = [
    "<better>",
    "</worse>",
    "Doc (1)",
    "{",
    "}",
    "[",
    ",",
    "2",
    "<think>",
    "none",
    "yes",
    "A",
    "[THINK]",
    "[/THINK]",
    "<|channel|>final<|message|>",
    "analysisWe",
    "3/10",
    "grade: 3",
    "<|end|>",
    "</reasoning>",
]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_no_answer_is_a_crash(text: str):
    """And a list that is read has each number once."""
    verdicts = listwise(text, 2)
    assert len(verdicts) == 2
    assert all(
        (item.verdict == "unknown") == (item.reason or "").startswith("unparsable")
        for item in verdicts
    )
    for item in (yes_no(text), graded(text), pairwise(text)):
        assert (item.verdict == "unknown") == (item.reason or "").startswith("unparsable")


LONG = 500_000


@pytest.mark.parametrize(
    "answer",
    [
        "\n" * LONG,
        "yes" + "\n" * LONG + "no",
        "<better>" + "." * LONG + "x</better><worse></worse>",
        "<better>Doc" + " " * LONG + "(</better><worse>" + "," * LONG + "x</worse>",
        "{" * LONG,
        '{"a":' * (LONG // 5),
        '{"better": [' + "1" * LONG + '], "worse": []}',
        "grade" + " " * LONG + "9" * LONG,
        "9" * LONG,
        "final " * (LONG // 6),
        "<|channel|>analysis" * (LONG // 20),
        "grade: 9 " + "/" * LONG,
    ],
    ids=range(12),
)
def test_endless_answers_are_read_in_the_end(answer: str):
    assert {item.verdict for item in listwise(answer, 2)} == {"unknown"}
    assert graded(answer).verdict == "unknown"
    assert yes_no(answer).verdict == "unknown"


@given(st.lists(st.integers(1, 9), unique=True), st.lists(st.integers(1, 9), unique=True))
def test_lists_are_read_back_as_they_were_written(better: list[int], worse: list[int]):
    written = tags(*(str([f"Doc ({number})" for number in part]) for part in (better, worse)))
    assert lists(written) == (better, worse)
    assert lists(json.dumps({"better": better, "worse": worse})) == (better, worse)


def near(
    parsed: ParsedVerdict, verdict: str, probability: float, grade: float | None = None
) -> None:
    assert parsed.verdict == verdict
    assert parsed.probability == pytest.approx(probability)
    assert parsed.grade == (None if grade is None else pytest.approx(grade))


def test_every_spelling_of_yes_and_no_counts():
    """.5 + .1 = .6 of yes against .2 of no: .75."""
    tops = [
        ("Yes", log(0.5)),
        (" yes", log(0.1)),
        ("▁NO", log(0.2)),
        ("The", log(0.1)),
        ("y", log(0.1)),
    ]
    near(yes_no("No", tops), "positive", 0.75)
    near(yes_no("No", tops, inverted=True), "negative", 0.25)


def test_alternatives_that_do_not_read_yes_or_no_leave_the_text_to_speak():
    assert yes_no("Yes", [("{", 0.0), ("yes", log(0.001))]) == ParsedVerdict("positive")
    assert yes_no("Yes", []) == ParsedVerdict("positive")
    assert yes_no("perhaps", [("perhaps", 0.0)]).verdict == "unknown"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("yes", "positive"),
        ("No.", "negative"),
        ("**Yes**", "positive"),
        ("Yes, the document answers it, no doubt", "positive"),
        ("No\n\nThe document is about", "negative"),
        ("Yes because it names the rate", "positive"),
        ("It is on the topic. Answer: no", "negative"),
        ("The final answer is: **yes**", "positive"),
        ('{"answer": "Yes"}', "positive"),
        ('{"answer": "Yes."}', "positive"),
        ('{"answer": " **no!** "}', "negative"),
        ('{"answer": true}', "positive"),
        ('{"answer": false}', "negative"),
        ('{"answer": null}', "unknown"),
        ('{"answer": 1}', "unknown"),
        ("<think>no, no</think>\nyes", "positive"),
        ("No doubt about it", "unknown"),
        ("Yes or no?", "unknown"),
        ("yes/no", "unknown"),
        ("Yes. No.", "unknown"),
        ("No, or rather yes", "unknown"),
        ("Answer: yes. Answer: no", "unknown"),
        ("It depends", "unknown"),
        ("Yesterday", "unknown"),
        ('{"answer": "maybe"}', "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("<think>yes", "unknown"),
    ],
)
def test_yes_or_no_in_words(text: str | None, verdict: str):
    parsed = yes_no(text)
    assert parsed.verdict == verdict
    assert parsed.probability is None
    if verdict != "unknown":
        assert yes_no(text, inverted=True).verdict != verdict


def test_grades_are_expected_from_the_alternatives():
    """Of .1, .2, .3, .4 of the grades 0 to 3: 0 .1 + 1 .2 + 2 .3 + 3 .4 = 2; at least 2 with .7,
    at least 3 with .4.
    """
    tops = [("0", log(0.1)), (" 1", log(0.2)), ("2", log(0.3)), ("3", log(0.4))]
    near(graded("0", tops), "positive", 0.7, 2.0)
    near(graded("0", tops, positive_from=3), "negative", 0.4, 2.0)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("2", 2),
        ("3.", 3),
        ("1\nThe passage", 1),
        ("Grade: 0", 0),
        ("**Score: 3/3**", 3),
        ('{"grade": 2}', 2),
        ("The grade is 2", 2),
        ("2/3", 2),
        ("3 out of 3", 3),
        ("Grade: 1 (0-3)", 1),
        ("Score: 2 on a scale of 0 to 3", 2),
        ('{"grade": "2/3"}', 2),
        ("Grade: 2 (the passage names 1-5 people)", 2),
        ("Grade: 2, of which", 2),
    ],
)
def test_grades_in_words(text: str, grade: int):
    assert graded(text) == ParsedVerdict("positive" if grade >= 2 else "negative", float(grade))


@pytest.mark.parametrize(
    "text", ["4", "-1", "2.5", "Grade: 7", '{"grade": 12}', "good", "", "2 or 3", "12", "2019 was"]
)
def test_grades_that_are_none_are_unknown(text: str):
    assert graded(text).verdict == "unknown"
    assert graded(text).grade is None


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("Score: 3/10", "10"),
        ("Relevance: 3 out of 10", "10"),
        ("Grade: 2 / 5", "5"),
        ("score: 3/100", "100"),
        ("Grade: 3 (0-5 scale)", "5"),
        ("3/10", "10"),
        ("**2** / 5", "5"),
        ("2 out of 5", "5"),
        ("3 of 4", "4"),
        ("Grade: 3 (scale: 1 to 5)", "5"),
        ("3%", "100"),
        ("Grade: 3 on a scale of 1-10", "10"),
        ("Score: 2, on a 5-point scale", "5"),
        ('{"grade": "3/10"}', "10"),
        ("1/1", "1"),
        ("<think>0/3</think>3/5", "5"),
    ],
)
def test_a_grade_on_another_scale_is_unknown(text: str, scale: str):
    assert graded(text) == ParsedVerdict(
        "unknown", reason=f"unparsable: on a scale to {scale}, not 3"
    )
    # The first token alone looks like a grade.
    assert (
        graded(text, [("3", log(0.9)), ("2", log(0.1))] if text[0].isdigit() else None).verdict
        == "unknown"
    )


THINKING = [
    "[THINK]It is about cats, so the answer is no. Wait, it names the city.[/THINK]{}",
    "<|channel|>analysis<|message|>The verdict is no at first "
    "sight.<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
    "<|channel|>commentary<|message|>no<|end|><|start|>assistant<|channel|>final "
    "<|constrain|>json<|message|>{}",
    "analysisThe user asks. The answer is no.assistantfinal{}",
    "◁think▷the answer is no, or is it?◁/think▷{}",
    "<reasoning>at first the answer is no</reasoning>\n{}",
    "<thinking>answer: no</thinking>\n\n{}",
    "<think>answer: no</think>{}",
    "the answer is no, or is it?</think>\n{}",
    "<|START_THINKING|>answer: no<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "<seed:think>answer: no</seed:think>{}",
    "<|begin_of_thought|>answer: no<|end_of_thought|>\n<|begin_of_solution|>{}<|end_of_solution|>",
    "<|channel>thought\nanswer: no<channel|>{}",
    "<thought>answer: no</thought><Reasoning>grade: 0</Reasoning>{}",
]


@pytest.mark.parametrize("marks", THINKING)
def test_thoughts_are_no_verdict(marks: str):
    assert yes_no(marks.format("yes")) == ParsedVerdict("positive")
    assert graded(marks.format("3")) == ParsedVerdict("positive", 3.0)
    assert pairwise(marks.format("B")).verdict == "positive"
    draft = marks.replace("no", tags("[Doc (3)]", "[]")).format("I refuse")
    assert {item.verdict for item in listwise(draft, 3)} == {"unknown"}
    assert [item.verdict for item in listwise(marks.format(tags("[]", "[2]")), 3)] == [
        "negative",
        "positive",
        "negative",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[THINK]yes",
        "<|channel|>analysis<|message|>answer: yes",
        "analysisWe see. Answer: yes",
        "◁think▷answer: yes",
        "<reasoning>answer: yes",
        "<|START_THINKING|>answer: yes",
        "no</think><think>answer: yes",
        "<analysis>answer: yes",
        "<|channel>thought\nanswer: yes",
    ],
)
def test_thoughts_that_do_not_end_say_nothing(text: str):
    assert yes_no(text) == ParsedVerdict("unknown", reason="unparsable: its thoughts do not end")
    assert (
        listwise(text.replace("yes", "<better>[1]</better><worse>[]</worse>"), 1)[0].verdict
        == "unknown"
    )


def test_what_is_not_between_marks_is_no_thought():
    assert yes_no("Analysis: it names the city. Answer: yes").verdict == "positive"
    assert yes_no("analysis of the text: answer is yes").verdict == "positive"
    assert (
        listwise("<thinking>I forgot the tag <better>[Doc (1)]</better><worse>[]</worse>", 1)[
            0
        ].verdict
        == "positive"
    )


def test_a_candidate_that_is_equal_to_the_known_answer_is_found():
    assert [pairwise(text).verdict for text in ("A", "B", "equal", "B is better", "C")] == [
        "negative",
        "positive",
        "positive",
        "unknown",
        "unknown",
    ]
    assert pairwise("Answer: B").verdict == "positive"
    assert pairwise(" b\n").verdict == "positive"
    assert pairwise("The answer is a matter of taste").verdict == "unknown"
    near(pairwise("A", [("A", log(0.5)), ("B", log(0.3)), (" Equal", log(0.2))]), "positive", 0.5)
    near(pairwise("A", [("A", log(0.8)), ("B", log(0.2))]), "negative", 0.2)
