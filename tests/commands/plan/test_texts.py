"""`hone plan` counts the texts that the store lacks, whatever else it has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from commands.plan import command
from commands.plan.texts import Read, absent_texts, keys_in
from hone.config import params
from hone.data import tables
from hone.encoders.encoder import encoder_for
from hone.encoders.store import Lookup, Space, keys_of
from tasks.resolve.stages import everything
from tasks.resolve.stages import reading as reading_of
from tests.hone.encoders.test_text_lengths import model_of_words
from tests.prepared import COLLECTION, write_params


def collected(name: str, documents: list[str], **queries: list[str]) -> None:
    """The tables of a collection that was collected."""
    place = Path("data") / name
    rows = pl.DataFrame(
        {"doc_id": [f"d{number}" for number in range(len(documents))], "text": documents}
    )
    tables.write("documents", tables.shaped("documents", rows), place / "documents.parquet")
    for split in ("train", "dev", "test"):
        texts = queries.get(split, [])
        frame = pl.DataFrame(
            {"query_id": [f"{split}{number}" for number in range(len(texts))], "text": texts}
        )
        tables.write("queries", tables.shaped("queries", frame), place / split / "queries.parquet")


def keep(space: Space, texts: list[str]) -> None:
    space.add(keys_of(texts), np.ones((len(texts), 4), dtype=np.float32))


@pytest.fixture
def settings(workspace: Path) -> dict[str, dict]:
    model_of_words(Path("inputs/base"))
    model_of_words(Path("models/r0"))
    write_params(
        collections={name: COLLECTION | {"path": "inputs"} for name in ("ours", "theirs")},
        train_on=["ours"],
        evaluate_on=["ours", "theirs"],
        model={"name": "inputs/base", "max_length": 8, "precision": "fp32"},
    )
    collected("ours", ["a", "b", "c"], train=["x", "y"], dev=["z"], test=["w"])
    collected("theirs", ["c", "d", "e", "d"], test=["v", "w"])
    return everything(params.read())


def absent(read: Read, settings: dict[str, dict]) -> int:
    sizes = {
        "ours": {"documents": 3, "train": 2, "dev": 1, "test": 1},
        "theirs": {"documents": 3, "train": 0, "dev": 0, "test": 2},
    }
    return absent_texts("r0", read, params.read(), settings, sizes)


def test_vectors_of_other_texts_are_not_subtracted(settings: dict[str, dict]):
    """The store is full of a second collection's texts, of the same model: every text of the
    first is still to be encoded.
    """
    encoder = encoder_for(
        Path("models/r0"), reading_of(params.read()), params.read().machine.model_dump()
    )
    keep(encoder.space("document"), [f"other {number}" for number in range(50)])
    everything_read = Read(("ours", "theirs"), ("ours",), ("ours",), float("inf"))
    # documents a to e; queries z, w (dev and test of ours), v (theirs), and x, y for mining
    assert absent(everything_read, settings) == 5 + 5
    keep(encoder.space("document"), ["a", "c"])
    keep(encoder.space("query"), ["w", "x"])
    assert absent(everything_read, settings) == 3 + 3
    assert absent(Read(("theirs",), (), (), 0), settings) == 2 + 1  # d, e; v
    keep(encoder.space("document"), ["b", "d", "e"])
    assert absent(Read((), ("ours",), (), 0), settings) == 1  # z


def test_of_documents_that_mining_reads_in_part_a_share_is_absent(settings: dict[str, dict]):
    """Two queries read one document each: two of three, of which two thirds are absent, so that
    4 / 3 are two.
    """
    encoder = encoder_for(
        Path("models/r0"), reading_of(params.read()), params.read().machine.model_dump()
    )
    keep(encoder.space("document"), ["a"])
    assert absent(Read((), (), ("ours",), 1), settings) == 2 + 2


def test_a_lookup_counts_each_text_once_and_computes_no_checksum(monkeypatch: pytest.MonkeyPatch):
    from hone.encoders.store import Shard

    space = Space({"weights": "w"})
    keep(space, ["a", "b"])
    monkeypatch.setattr(Shard, "checksum", lambda _: pytest.fail("the vectors were read"))
    lookup = Lookup()
    lookup.want(Space({"weights": "w"}), keys_of(["a", "c", "d"]))
    lookup.want(Space({"weights": "w"}), keys_of(["c"]))
    lookup.want(Space({"weights": "another"}), keys_of(["a", "c"]))
    assert lookup.absent() == 2 + 2
    assert lookup.absent_in(space, keys_of(["b", "x", "x"])) == 1


def test_texts_of_chunks_have_the_keys_of_texts():
    assert np.array_equal(keys_in([["a"], ["b", "c"]]), keys_of(["a", "b", "c"]))
    assert keys_in([]).shape == (0, 2)


def test_a_collection_that_was_not_read_has_no_sizes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    Path("inputs/ours").mkdir(parents=True)
    model_of_words(Path("inputs/base"))
    write_params(model={"name": "inputs/base", "max_length": 8, "precision": "fp32"})
    monkeypatch.setattr(
        "hone.pipeline.graph.graph",
        lambda: [SimpleNamespace(name="resolve", needs=(), reads=(), round=None)],
    )
    monkeypatch.setattr("hone.pipeline.graph.out_of_date", lambda: {"resolve"})
    command.plan(probe=True)
    printed = capsys.readouterr().out
    assert "not been read yet" in printed
    assert "Run `hone plan --collect`" in printed
    assert "disk: unknown" in printed
    assert "0 B" not in printed
    assert "time: unknown until the collections are read" in printed
