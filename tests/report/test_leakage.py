"""What the page says of leakage."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.errors import Refused
from hone.files import read_json, write_json
from hone.layout import LEAKAGE
from tasks.report.leakage import read_leakage, warn_of_leaks
from tests.report.made_up import write_leakage


def test_only_leaks_are_reported_first(workspace: Path):
    write_leakage("clean")
    write_leakage("leaky", 2)
    found = read_leakage(["clean", "leaky"])
    assert [one["leaked"] for one in found] == [False, True]
    assert warn_of_leaks(found) == [
        "Leakage on leaky: training data contains 2 of 4 test queries (50.0 %) and 0 of 2 dev "
        "queries (0.0 %), verbatim or nearly. "
        "Its score partly reflects memorization."
    ]


def test_a_leak_into_dev_alone_touches_the_choice(workspace: Path):
    write_leakage("made-up")
    file = LEAKAGE / "made-up.json"
    account = read_json(file)
    account["splits"]["dev"] |= {"leaked": 1, "near": 1, "share": 0.5}
    write_json(file, account)
    [line] = warn_of_leaks(read_leakage(["made-up"]))
    assert line.endswith(
        "1 of 2 dev queries (50.0 %), verbatim or nearly. The selection of the round partly "
        "reflects memorization."
    )


def test_a_collection_that_nobody_looked_at(workspace: Path):
    with pytest.raises(
        Refused, match=r"reports/leakage/made-up\.json is missing. Run `dvc repro leakage@made-up`"
    ):
        read_leakage(["made-up"])
