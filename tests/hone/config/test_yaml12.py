"""Numbers in settings, as DVC writes them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hone.config.yaml12 import Unusable, from_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("-2E+3", -2000.0),
        ("1.e2", 100.0),
        ("2.0e-05", 2e-5),
        ("1", 1),
        ("'1e-5'", "1e-5"),
        ("1e", "1e"),
        ("e5", "e5"),
        ("1e-5x", "1e-5x"),
        ("v1e5", "v1e5"),
        ("on", True),
        ("r1", "r1"),
    ],
)
def test_a_number_with_an_exponent_needs_no_point(text: str, value: object):
    read = from_yaml(f"setting: {text}")["setting"]
    assert read == value
    assert type(read) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_as_python_writes_it(value: float):
    assert from_yaml(f"[{value!r}]") == [value]


def test_objects_are_still_refused():
    with pytest.raises(yaml.YAMLError):
        from_yaml("!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        (
            "rounds:\n  r1: {from: r0}\n  r2: {from: r1}\n  r1: {from: r2}",
            "'r1' is defined twice (also on line 2)",
            4,
        ),
        ("a: 1\n1: x\n'1': y", "'1' is defined twice", 3),
        ("a: &a [1, *a]", "an alias contains itself", 1),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
                for before, name in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "aliases expand to more than 100,000 values",
            5,
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, problem: str, line: int):
    with pytest.raises(Unusable) as found:
        from_yaml(text)
    assert found.value.problem.startswith(problem)
    assert found.value.problem_mark.line + 1 == line


@pytest.mark.parametrize(
    "text", ["[" * 3000 + "]" * 3000, "\n".join(" " * depth + "a:" for depth in range(3000))]
)
def test_what_is_nested_too_deeply_is_refused(text: str):
    with pytest.raises(yaml.YAMLError, match="nesting is too deep"):
        from_yaml(text)


def test_a_few_aliases_and_a_merge_are_taken():
    read = from_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a")
    assert read == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}
