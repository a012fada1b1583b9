"""The nearest name, and lists of names, in sentences."""

from __future__ import annotations

from tasks.errors import Refused, listed, nearest


def test_the_nearest_name_or_all_of_them_each_once():
    assert nearest("lokal", ["local", "endpoint"]) == "did you mean 'local'?"
    assert nearest("x", ["local", "guide", "local"]) == "valid: guide, local"
    assert nearest("x", []) == "there is none to choose from"


def test_the_first_few_values_and_how_many_more():
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(range(7), most=2) == "'0', '1' and 5 more"


def test_a_refusal_knows_what_it_is_about():
    assert Refused("wrong").path == ()
    assert (str(Refused("wrong", ("top", "n"))), Refused("wrong", ("top", "n")).path) == ("wrong", ("top", "n"))
