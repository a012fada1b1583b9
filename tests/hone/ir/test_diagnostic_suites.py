"""Which collections are suites for one ability, and what is refused of them."""

from __future__ import annotations

import pytest

from hone.config.params import Params
from hone.errors import Refused
from hone.ir.diagnostic_suites import modules, of_all

FOLDER = {"source": "folder", "path": "inputs/ours"}
NEGATION = {"source": "negation", "path": "requirements.txt"}


def params(
    evaluate_on: list[str], train_on: tuple[str, ...] = ("ours",), **collections: dict
) -> Params:
    return Params(
        collections={"ours": FOLDER} | collections,
        train_on=list(train_on),
        evaluate_on=evaluate_on,
        rounds={"r1": {"from": "r0", "recipe": "warm-up"}},
    )


def test_the_source_says_it_or_the_user():
    given = params(
        ["ours", "pairs", "nevir"], pairs=NEGATION, nevir=FOLDER | {"ability": "negation"}
    )
    assert of_all(given) == {"pairs": "negation", "nevir": "negation"}
    assert of_all(params(["ours"], pairs=NEGATION)) == {}


def test_only_what_a_suite_uses_is_in_its_fingerprint():
    suites = {"one": "negation", "two": "no-answer"}
    assert modules(suites, "one") == ["tasks.evaluate.abilities.negation"]
    assert modules(suites, "ours") == []
    assert len(modules(suites)) == 2


def test_what_is_refused():
    with pytest.raises(
        Refused,
        match="collections.odd.ability: no measure is named 'negations'; did you mean 'negation'",
    ):
        of_all(params(["ours", "odd"], odd=FOLDER | {"ability": "negations"}))
    with pytest.raises(Refused, match="train_on names pairs, which is a diagnostic set"):
        of_all(params(["ours", "pairs"], ("ours", "pairs"), pairs=NEGATION))
    with pytest.raises(Refused, match="evaluate_on names only diagnostic sets"):
        of_all(params(["pairs"], pairs=NEGATION))
