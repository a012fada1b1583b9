"""Names of `--on`: benchmarks of the installed mteb expand to their tasks, without a download."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.evaluate.benchmarks import expand
from hone.errors import Refused
from hone.ir.mteb import mteb_task


def test_nanobeir_has_thirteen_tasks_that_hone_can_evaluate(workspace: Path):
    targets = expand(["mteb:nanobeir"])
    assert len(targets) == 13
    assert {target.benchmark for target in targets} == {"NanoBEIR"}
    assert "mteb:NanoSciFactRetrieval" in [target.name for target in targets]
    for target in targets:
        mteb_task(target.what, target.subset)


def test_the_parts_of_cqadupstack_belong_to_one_task_of_beir(workspace: Path):
    """BEIR has 15 datasets on this list, and one of them has 12 parts: 14 + 12 collections."""
    targets = expand(["mteb:BEIR"])
    parts = [target for target in targets if target.task == "CQADupstackRetrieval"]
    assert (len(targets), len(parts)) == (26, 12)
    assert len({target.task for target in targets}) == 15


def test_bright_has_a_collection_for_each_subset(workspace: Path):
    names = [target.name for target in expand(["mteb:BRIGHT"])]
    assert len(names) == 12
    assert "mteb:BrightRetrieval/biology" in names
    assert [one.name for one in expand(["mteb:BrightRetrieval/pony"])] == [
        "mteb:BrightRetrieval/pony"
    ]


def test_a_collection_of_two_names_is_evaluated_once(workspace: Path):
    assert len(expand(["mteb:NanoBEIR", "mteb:NanoSciFactRetrieval", "beir:scifact"])) == 14


def test_an_unknown_name_lists_the_benchmarks(workspace: Path):
    with pytest.raises(Refused, match="did you mean 'NanoBEIR'") as refusal:
        expand(["mteb:NanoBIER"])
    for name in ("NanoBEIR", "BEIR", "BRIGHT", "CoIR"):
        assert f" {name}," in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NanoBEIR", "does not name a collection"),
        ("mteb:", "does not name a collection"),
        ("trec:dl19", "does not name a collection"),
        ("folder:nowhere", "the folder nowhere does not exist"),
        ("beir:./nowhere", "the folder ./nowhere does not exist"),
        ("mteb:Banking77Classification", "has the type Classification"),
        ("mteb:JinaVDR", "has no retrieval task on texts"),
        ("mteb:BrightRetrieval/bio", "did you mean 'biology'"),
    ],
)
def test_what_is_not_a_collection_is_refused(workspace: Path, name: str, reason: str):
    with pytest.raises(Refused, match=reason):
        expand([name])
