"""Numbers in settings, as DVC writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.read_yaml import from_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", 1e-5), ("-2E+3", -2000.0), ("1.e2", 100.0), ("2.0e-05", 2e-5), ("1", 1), ("'1e-5'", "1e-5"), ("1e", "1e"), ("e5", "e5"),
     ("1e-5x", "1e-5x"), ("v1e5", "v1e5"), ("on", True), ("r1", "r1")],
)  # fmt: skip
def test_a_number_with_an_exponent_needs_no_point(text: str, value: object):
    read = from_yaml(f"setting: {text}")["setting"]
    assert read == value
    assert type(read) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_as_python_writes_it(value: float):
    assert from_yaml(f"[{value!r}]") == [value]


def test_objects_are_still_refused():
    import yaml

    with pytest.raises(yaml.YAMLError):
        from_yaml("!!python/object/apply:os.getcwd []")
