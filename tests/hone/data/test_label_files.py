"""Labels that people and judges made here are found where they are now and where they were
before.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.data.label_files import label_file, label_files
from hone.errors import Refused
from hone.files import write_json, write_text
from hone.ir import judge_labels
from hone.judging import settings
from hone.judging.annotation import overrides

DECIDED = "query_id,doc_id,label\nq1,d1,positive\n"


def test_a_new_file_goes_to_the_folder_that_git_keeps(workspace: Path):
    assert label_file("fitness/strong@ours.json") == Path("inputs/labels/fitness/strong@ours.json")
    assert len(overrides.read()) == 0


@pytest.mark.parametrize("folder", ["inputs", "inputs/labels"])
def test_labels_count_wherever_they_are(workspace: Path, folder: str):
    write_text(Path(folder, "overrides.csv"), DECIDED)
    write_json(Path(folder, "retries.json"), {"r1": 3})
    write_text(Path(folder, "filled/ours@strong.parquet"), "")
    write_text(Path(folder, "fitness/strong@ours.json"), "")
    assert overrides.read().rows() == [("q1", "d1", "positive")]
    assert settings.retries("r1") == 3
    assert judge_labels.judges_of("ours") == ["strong"]
    assert settings.fitness_file("strong", "ours") == Path(folder, "fitness/strong@ours.json")


def test_the_same_decisions_have_one_hash_in_both_places(workspace: Path):
    """A round is not judged again because the file was moved."""
    write_text(Path("inputs/overrides.csv"), DECIDED)
    before = settings.overrides()
    Path("inputs/labels").mkdir()
    Path("inputs/overrides.csv").rename("inputs/labels/overrides.csv")
    assert settings.overrides() == before


def test_two_files_that_differ_are_refused_and_two_that_agree_are_one(workspace: Path):
    for folder in ("inputs", "inputs/labels"):
        write_text(Path(folder, "overrides.csv"), DECIDED)
    assert label_files("*.csv") == [Path("inputs/labels/overrides.csv")]
    write_text(Path("inputs/overrides.csv"), DECIDED + "q2,d1,negative\n")
    with pytest.raises(
        Refused, match=r"inputs/overrides.csv and inputs/labels/overrides.csv both exist and differ"
    ):
        overrides.read()
