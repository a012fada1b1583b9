"""What commands print."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

from hypothesis import given
from hypothesis import strategies as st

from commands.console import print_json
from hone.errors import UNPRINTABLE

TEXTS = st.text() | st.text(alphabet='\x1b\x07\x7f\x9b\u202e\U000e0041\n"\\\\')


@given(st.dictionaries(TEXTS, TEXTS | st.none() | st.integers()))
def test_json_is_valid_and_has_no_control_characters(value: dict):
    with redirect_stdout(io.StringIO()) as output:
        print_json(value)
    assert json.loads(output.getvalue()) == value
    assert UNPRINTABLE.search(output.getvalue()) is None
