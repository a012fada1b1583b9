"""A recipe that trains no cross-encoder."""

from __future__ import annotations

from pathlib import Path

from tests.prepared import pairs, prepare, write_rows
from tests.stages import rank
from tests.tiny_model import tiny_model


def test_the_last_rounds_ranker_is_passed_on_as_it_is(workspace: Path):
    queries = [
        {"query_id": split, "text": f"a question to {split}", "split": split}
        for split in ("train", "dev", "test")
    ]
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "red"}],
        queries,
        pairs(*((split, "d") for split in ("train", "dev", "test"))),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model={"name": "inputs/tiny", "max_length": 32})
    before = {file.name: file.read_bytes() for file in Path("rankers/r0").iterdir()}
    rank("r1")
    assert before
    assert {file.name: file.read_bytes() for file in Path("rankers/r1").iterdir()} == before
