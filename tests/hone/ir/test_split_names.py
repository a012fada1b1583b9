"""Names of splits for readers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hone.ir.split_names import is_generated, name_dev_queries, name_split
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("split", "generated", "name"),
    [
        ("dev", True, "generated dev"),
        ("dev", False, "dev"),
        ("test", True, "test"),
        ("test", False, "test"),
    ],
)
def test_only_dev_queries_are_ever_generated(split: str, generated: bool, name: str):
    assert name_split(split, generated) == name


def test_the_collections_with_generated_dev_queries_are_named():
    assert name_dev_queries({}) == "dev queries"
    assert name_dev_queries({"a": False, "b": False}) == "dev queries"
    assert name_dev_queries({"a": True, "b": True}) == "generated dev queries"
    assert name_dev_queries({"a": True, "b": False, "c": True}) == "dev queries (generated on a, c)"


def test_measures_say_whether_their_queries_are_generated():
    assert is_generated({"dev": {"ndcg_at_10": 0.1, "generated_queries": True}})
    assert not is_generated({"ndcg_at_10": 0.1, "dev": {"ndcg_at_10": 0.1}})
    assert not is_generated({"ndcg_at_10": 0.1})
    assert not is_generated({"dev": None})


def test_a_flow_can_read_the_names_without_polars():
    code = "import sys, hone.ir.split_names; sys.exit('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=PROJECT)
    assert done.returncode == 0
