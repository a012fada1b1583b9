"""Settings of stages: what `resolve` writes is what a stage reads, and a file that does not fit
is refused with a way out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hone.config import params, recipe
from hone.config.stage_settings import StageSettings
from hone.errors import Refused
from hone.stage import call, options_of
from tasks.evaluate.settings import ReferenceSettings
from tasks.resolve.stages import everything
from tasks.sample.settings import SampleSettings
from tasks.train.settings import TrainSettings
from tests.base.test_base import small_collection
from tests.prepared import prepare, write_params


class Toy(StageSettings):
    """A stage of a test."""

    place = "toys/{round}/{name}"

    size: int
    new: str = "default"


def toy(settings: Toy, again: str = "no") -> None:
    print(settings.size, settings.new, again)


def written(content: str) -> None:
    file = Toy.file(round="r1", name="x")
    file.parent.mkdir(parents=True)
    file.write_text(content)


def test_a_stage_is_called_with_its_settings_and_its_own_options(
    workspace: Path, capsys: pytest.CaptureFixture
):
    written('{"size": 3}')
    assert list(options_of(toy)) == ["round", "name", "again"]
    call(toy, round="r1", name="x", again="yes")
    assert capsys.readouterr().out == "3 default yes\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"size": "large"}',
            r"resolved/toys/r1/x.json does not match this version of Hone: 'size' is 'large'.*Run "
            r"`dvc repro resolve`",
        ),
        ('{"size": 3, "old": 1}', "does not match this version of Hone: 'old' is not a setting"),
        ("{}", "'size' is missing"),
    ],
)
def test_a_file_that_does_not_fit(workspace: Path, content: str, message: str):
    written(content)
    with pytest.raises(Refused, match=message):
        Toy.read(round="r1", name="x")


def test_a_file_that_is_missing(workspace: Path):
    with pytest.raises(
        Refused, match=r"resolved/toys/r2/x.json is missing. Run `dvc repro resolve`"
    ):
        Toy.read(round="r2", name="x")


def test_those_that_are_there(workspace: Path):
    assert Toy.existing() == []
    written('{"size": 3}')
    assert [one.size for one in Toy.existing()] == [3]


def test_settings_cannot_be_changed(workspace: Path):
    with pytest.raises(Exception, match="frozen"):
        Toy(size=3).size = 4


def test_what_resolve_makes_is_what_stages_read(workspace: Path):
    """Of every shipped recipe that needs nothing else, and of references: each file holds the
    same settings as the object.
    """
    small_collection()
    write_params()
    able = []
    for name in recipe.names():
        write_params(rounds={"r1": {"from": "r0", "recipe": name}}, compare_with=["r0", "bm25"])
        try:
            made = everything(params.read())
        except Refused:  # it needs a judge, a file or a column that this workspace lacks
            continue
        able.append(name)
        for path, settings in made.items():
            text = json.dumps(settings.plain())
            assert type(settings).model_validate(json.loads(text)) == settings, (name, path)
    assert {"warm-up", "nv-retriever", "simans", "ance"} <= set(able)
    assert len(able) > 12


def test_a_section_is_typed(workspace: Path):
    small_collection()
    prepare(rounds={"r1": {"from": "r0", "recipe": "nv-retriever"}})
    sample, train = SampleSettings.read(round="r1"), TrainSettings.read(round="r1")
    assert sample.parent == "r0"
    assert sample.sample.window.counted == "after"
    assert sample.sample.choose["method"] == "top"
    assert train.train.precision in ("fp32", "bf16", "fp16")
    assert ReferenceSettings.read(reference="bm25", collection="ours").reference == {"kind": "bm25"}
