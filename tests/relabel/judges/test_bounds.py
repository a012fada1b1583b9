"""Numbers that no server and no purse could bear are refused before anything is asked."""

from __future__ import annotations

import pytest

from hone.config import methods
from hone.errors import Refused


@pytest.mark.parametrize(
    "name", ["slots", "votes", "max_tokens", "documents", "known", "examples", "timeout"]
)
@pytest.mark.parametrize("method", ["endpoint", "local"])
def test_counts_of_a_judge_have_upper_bounds(method: str, name: str):
    given = {"url": "http://127.0.0.1/v1", "model": "m"} if method == "endpoint" else {}
    assert methods.checked("relabel.judges", {method: given | {name: 2}}, "params.yaml: judges.one")
    with pytest.raises(Refused, match=rf"params.yaml: judges.one.*{name}"):
        methods.checked(
            "relabel.judges", {method: given | {name: 10**8}}, "params.yaml: judges.one"
        )
