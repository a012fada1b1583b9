"""Docstrings taken apart, and ranges in words."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import pytest
from pydantic import Field, create_model

from commands.docs import methods_pages
from hone.config import docstrings, methods
from hone.config.sections.rank import Rank, Ranks
from hone.config.sections.relabel import Budget, Judged, Relabel
from hone.config.sections.sample import Sample, Window
from hone.config.sections.train import Train
from tests.conftest import PROJECT

DOCSTRING = """The first line,
    which goes on.

    A text: with a colon.

        a formula

    Args:
        pool: query_id, doc_id.
        low, high: the band, both ends
            in it: ours.
        last: one that follows.

    Returns:
        a table of
        two columns.

    Raises:
        Refused: something is wrong.
    """


def test_a_docstring_is_taken_apart():
    found = docstrings.taken_apart(DOCSTRING)
    assert found.summary == "The first line, which goes on."
    assert found.text == "A text: with a colon.\n\n    a formula"
    band = "the band, both ends in it: ours."
    assert found.entries == {
        "pool": "query_id, doc_id.",
        "low": band,
        "high": band,
        "last": "one that follows.",
    }
    assert found.returns == "a table of two columns."
    assert docstrings.taken_apart(None) == docstrings.Docstring()


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1)], "a whole number from 1"),
        (Annotated[float, Field(gt=0, le=1)] | None, "a number above 0 to 1, or null"),
        (Annotated[float, Field(ge=0, lt=0.5)], "a number from 0 below 0.5"),
        (bool, "true or false"),
        (str, "a text"),
        (Annotated[str, Field(pattern="^a+$")], "a text like ^a+$"),
        (Literal["all", "found", "not-found"], "all, found or not-found"),
        (Literal["none"] | int, "none, or a whole number"),
        (Annotated[list[Literal["a", "b"]], Field(min_length=1)], "a list of at least 1: a or b"),
        (dict[str, float], "settings by name"),
    ],
)
def test_a_range_in_words(annotation: object, words: str):
    model = create_model("model", of=(annotation, ...))
    (setting,) = docstrings.settings(model, {"of": "what it is"})
    assert (setting.allowed, setting.default, setting.means) == (words, ..., "what it is")


def test_a_method_says_what_it_is_and_where_its_default_comes_from():
    method = methods.find("sample.filters", "positive-aware")
    assert docstrings.summary(method).startswith(
        "keeps only candidates that score clearly below the labelled positive"
    )
    share = docstrings.of_method(method)[0]
    assert (share.name, share.default, share.allowed) == (
        "share",
        0.95,
        "a number above 0 to 1, or null",
    )
    assert share.source == "survey"


def test_the_table_of_sources_has_every_source():
    page = (PROJECT / "docs/reference/methods/sources.md").read_text(encoding="utf-8")
    table = page.partition("| source | use |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)) == sorted(
        methods.names("retrieve")
    )


def test_every_default_of_every_method_and_section_has_a_source():
    """The paper, the authors' code, a survey, a Hone default, or unverified: an entry ends with
    one of them in brackets.
    """
    places = methods_pages.PLACES
    found = [
        (f"{place}.{name}", docstrings.of_method(methods.find(place, name)))
        for place in places
        for name in methods.names(place)
    ]
    sections = (Ranks, Window, Sample, Judged, Budget, Relabel, Rank, Train)
    found += [
        (model.__name__, docstrings.settings(model, docstrings.taken_apart(model.__doc__).entries))
        for model in sections
    ]
    settings = [(where, one) for where, given in found for one in given if one.default is not ...]
    lacking = [
        f"{where}.{one.name}" for where, one in settings if one.source not in docstrings.SOURCES
    ]
    assert not lacking
    assert {one.source for _, one in settings} == set(docstrings.SOURCES)


def test_a_source_is_taken_off_what_a_setting_means():
    assert docstrings.with_source("how many; 3. [authors' code]") == (
        "how many; 3.",
        "authors' code",
    )
    assert docstrings.with_source("a list [of two]") == ("a list [of two]", "")
