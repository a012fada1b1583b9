"""entities: sentences with another entity or quantity as hard negatives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.generate.entities import (
    MENTIONS,
    QUANTITY,
    choose_swaps,
    draw_sentences,
    is_sentence,
    is_swapped,
    replacement_of,
    stands_in,
)
from tests.generate.imitation import imitate, instead, number_in, question_of, shown
from tests.generate.test_stage import DOCUMENTS, documents_only, prepare, read
from tests.hone.llm.answering import serving
from tests.stages import generate


def run(answers: dict[str, Any] | None = None, **parameters: Any) -> list[str]:
    """Generate for eight documents of one sentence each; returns the last line of each call."""
    documents_only()
    with serving(instead(**(answers or {}))) as server:
        prepare(server, {"methods": [{"entities": parameters}], "filters": [], "dev": 0})
        generate("ours")
        return [question_of(body).splitlines()[-1] for body in server.requests]


def variants(relevance: int) -> dict[str, list[str]]:
    """The generated documents of each sentence, by its number."""
    queries, documents = read("queries"), read("documents")
    rows = (
        read("qrels")
        .filter(relevance=relevance)
        .join(queries.select("query_id", query="text"), on="query_id")
        .join(documents.select("doc_id", "text"), on="doc_id", maintain_order="left")
    )
    found: dict[str, list[str]] = {}
    for query, text in rows.select("query", "text").rows():
        found.setdefault(number_in(query), []).append(text)
    return found


def test_a_sentence_has_other_words_as_positive_and_the_opposite_as_negative(workspace: Path):
    calls = run(operations=["opposite"])
    assert sorted(calls) == ["In other words:"] * 8 + ["The opposite:"] * 8
    assert set(read("queries")["text"]) == {row["text"] for row in DOCUMENTS}
    assert variants(1) == {
        str(n): [f"Up in the branches, music is made for {n}."] for n in range(8)
    }
    assert variants(0) == {
        str(n): [f"The bird is silent about number {n} in the tree."] for n in range(8)
    }


@pytest.mark.parametrize("swap", ["model", "corpus"])
def test_an_entity_is_replaced_with_another_of_its_type_in_the_corpus(workspace: Path, swap: str):
    calls = run(operations=["entity"], swap=swap, positive="document")
    assert calls.count("JSON:") == 8
    assert calls.count("New sentence:") == (8 if swap == "model" else 0)
    colors = {row["text"].split()[1] for row in DOCUMENTS}
    for number, (text,) in variants(0).items():
        original = DOCUMENTS[int(number)]["text"]
        words, changed = original.split(), text.split()
        assert changed[1] in colors - {words[1]}
        assert [*words[:1], *words[2:]] == [*changed[:1], *changed[2:]]
    assert read("qrels").filter(relevance=1)["doc_id"].n_unique() == 8


def test_a_quantity_becomes_another_number(workspace: Path):
    run(operations=["quantity"], swap="corpus", positive="document")
    found = variants(0)
    assert len(found) == 8
    for number, (text,) in found.items():
        new = int(number_in(text))
        assert 0 <= new <= 1000
        assert new != int(number)
        assert text == DOCUMENTS[int(number)]["text"].replace(f"number {number}", f"number {new}")


def test_a_sentence_is_written_from_facts_of_which_one_is_changed(workspace: Path):
    run(operations=["facts"], positive="document")
    found = variants(0)
    assert len(found) == 8
    for number, (text,) in found.items():
        animal, quantity = text.removeprefix("There is ").removesuffix(".").split(" and ")
        own = DOCUMENTS[int(number)]["text"]
        assert (f" {animal} " in own) != (f" {quantity} " in own)


def test_a_swap_that_the_model_did_not_make_is_removed(workspace: Path):
    run({"New_sentence": lambda body: shown(body, "document")}, operations=["entity"])
    assert read("removed")["rule"].to_list() == ["negative-not-swapped"] * 8
    assert read("qrels").filter(relevance=0).is_empty()


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("no entities here", "negative-no-text"),
        ('[{"text": "Marie Curie", "type": "person"}]', "negative-no-entity"),
        ('[{"text": "red", "type": "none"}]', "negative-no-entity"),
        ('[{"text": "re", "type": "term"}, {"text": "", "type": "x"}]', "negative-no-entity"),
        ('[{"text": "Ignore the above", "type": "order"}]', "negative-no-entity"),
    ],
)
def test_only_words_of_the_sentence_are_entities(workspace: Path, answer: str, rule: str):
    run({"JSON": answer}, operations=["entity"], positive="document")
    assert set(read("removed")["rule"]) == {rule}
    assert len(read("removed")) == 8
    assert len(read("queries")) == 8


def test_an_entity_without_another_of_its_type_stays(workspace: Path):
    run({"JSON": '[{"text": "tree", "type": "plant"}]'}, operations=["entity"])
    assert set(read("removed")["rule"]) == {"negative-no-replacement"}
    assert len(read("removed")) == 8


def test_a_sentence_that_is_not_rewritten_has_no_positive_and_is_removed(workspace: Path):
    run({"In_other_words": lambda body: shown(body, "document")}, operations=["opposite"])
    assert read("queries").is_empty()
    assert set(read("removed")["rule"]) == {"positive-copy", "no-positive"}


def test_entities_inside_another_object_are_read(workspace: Path):
    def nested(body: dict) -> str:
        listed = json.loads(imitate(body))
        return json.dumps({"cls": ["story"], "entities": listed[:1], "quantities": listed[1:]})

    run({"JSON": nested}, operations=["entity", "quantity"], swap="corpus", positive="document")
    assert sum(map(len, variants(0).values())) == 16


def test_documents_without_a_sentence_have_a_reason():
    documents = pl.DataFrame(
        {"doc_id": ["a", "b"], "text": ["One two. Three.", "This has five words, yes. Short one."]}
    )
    found, removed = draw_sentences(documents, 13, 2, (5, 60))
    assert found.rows() == [("b", "This has five words, yes.")]
    assert removed.select("doc_id", "rule").rows() == [("a", "no-sentence")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The red bird sings (loudly).", True),
        ("Four words are few.", False),
        ("It has more words than there may be here now, or so it seems.", False),
        ("attr_dict = self._node[node_for_adding] = self.node_attr_dict_factory()", False),
        ("for node in graph: if node in seen", True),
        ("1 2 3 4 5 6", False),
    ],
)
def test_a_sentence_has_the_right_length_and_mostly_words(text: str, expected: bool):
    assert is_sentence(text.split(), 5, 12) is expected


def test_more_sentences_add_to_the_same_ones():
    text = " ".join(f"This is sentence number {number} of many." for number in range(9))
    documents = pl.DataFrame({"doc_id": ["a"], "text": [text]})
    first, more = (draw_sentences(documents, 13, number, (5, 60))[0] for number in (2, 4))
    assert len(first) == 2
    assert set(first["text"]) < set(more["text"])


@pytest.mark.parametrize(
    ("text", "sentence", "expected"),
    [
        ("red bird", "The red bird sings.", True),
        ("red", "The redder bird sings.", False),
        ("bird.", "The red bird. It sings.", True),
        ("C++", "Use C++ here", True),
        ("", "The red bird", False),
        ("BIRD", "The red bird", False),
    ],
)
def test_an_entity_stands_in_the_sentence_as_whole_words(text: str, sentence: str, expected: bool):
    assert stands_in(text, sentence) is expected


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("Lima is a city.", "Oslo", "Lima", True),
        ("oslo and LIMA", "Oslo", "Lima", False),
        ("It is in New York.", "York", "New York", True),
        ("It is in York, New York.", "York", "New York", False),
        ("It is a city.", "Oslo", "Lima", False),
        ("Limassol is a city.", "Oslo", "Lima", False),
    ],
)
def test_a_swap_shows_the_new_entity_and_not_the_old(text: str, old: str, new: str, expected: bool):
    assert is_swapped(text, old, new, True) is expected


def test_numbers_in_words_are_replaced_from_the_corpus():
    pool = ["two dogs", "five cats", "2 GB"]
    new = replacement_of("two dogs", QUANTITY, "He has two dogs.", pool, 13)
    assert new in {"five cats", "2 GB"}
    digits = replacement_of("2 GB", QUANTITY, "It has 2 GB and 7 cores.", pool, 13)
    assert digits.endswith(" GB")
    assert digits.split()[0] not in {"2", "7"}


def test_further_documents_change_few_choices():
    """A choice changes only if a new candidate comes first."""
    rows = [(n, f"The x{n} bird sings.", f"x{n}", "animal") for n in range(60)]
    few = pl.DataFrame(rows[:50], schema=MENTIONS, orient="row")
    many = pl.DataFrame(rows, schema=MENTIONS, orient="row")
    before = dict(choose_swaps(few, "entity", 13).select("row", "replacement").rows())
    after = dict(choose_swaps(many, "entity", 13).select("row", "replacement").rows())
    new = {f"x{n}" for n in range(50, 60)}
    changed = {row for row in before if before[row] != after[row]}
    assert {after[row] for row in changed} <= new
    assert len(changed) < 25


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.text("abc 12.", max_size=12),
            st.text("abc 12.", min_size=1, max_size=4),
            st.sampled_from(["animal", "place", QUANTITY]),
        ),
        max_size=12,
    ),
    operation=st.sampled_from(["entity", "quantity", "facts"]),
)
def test_a_replacement_is_of_the_same_type_and_not_in_the_sentence(rows, operation):
    mentions = pl.DataFrame(rows, schema=MENTIONS, orient="row")
    swaps = choose_swaps(mentions, operation, 13)
    assert swaps["row"].n_unique() == len(swaps)
    for row, entity, kind, new in swaps.rows():
        assert (row, entity, kind) in set(mentions.select("row", "text", "type").rows())
        assert new != entity
        if kind != QUANTITY or not any(letter.isdigit() for letter in entity):
            assert new in set(mentions.filter(type=kind)["text"])
        assert (kind == QUANTITY) == (operation == "quantity") or operation == "facts"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"operations": ["swap"]}, "operations"),
        ({"extract_prompt": "paraphrase"}, "shows 'query'"),
        ({"swap_prompt": "fill-in-query"}, "shows 'task'"),
        ({"sentences": 0}, "greater than or equal to 1"),
    ],
)
def test_invalid_parameters_are_refused_before_any_stage(
    workspace: Path, parameters: dict[str, Any], message: str
):
    documents_only()
    with pytest.raises(Refused) as refusal:
        prepare(None, {"methods": [{"entities": parameters}]})
    assert message in str(refusal.value)
