"""The stage with real models: what it says is what sentence-transformers' vectors say."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hone.data import tables
from hone.errors import Refused
from hone.files import read_json
from hone.layout import DRIFT
from tests.prepared import pairs, prepare, write_rows
from tests.report.made_up import save
from tests.stages import drift
from tests.tiny_model import WORDS, tiny_model

TEXTS = {f"d{number}": " ".join(WORDS[number : number + 4]) for number in range(12)}
QUERIES = {f"q{number}": " ".join(WORDS[2 * number : 2 * number + 2]) for number in range(6)}
ROUNDS = {
    "r1": {"from": "r0", "recipe": "warm-up"},
    "r2": {"from": "r1", "recipe": "top-k"},
    "r3": {"from": "r2", "recipe": "top-k"},
}
MINED = [
    (f"q{number}", f"d{number}", f"d{11 - number}") for number in range(6)
]  # query, positive, negative


def prepared(mined: list[tuple[str, str, str]] = MINED) -> None:
    """Three rounds: r1's model is the base, r2's and r3's are others; r2 has trained on mined
    negatives.
    """
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in QUERIES.items()]
    queries += [{"query_id": "t", "text": "hot fire", "split": "test"}]
    documents = [{"doc_id": name, "text": text} for name, text in TEXTS.items()]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((query, doc) for query, doc, _ in MINED), ("t", "d2")),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model={"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}, rounds=ROUNDS)
    shutil.copytree("models/r0", "models/r1")
    for seed, name in enumerate(("r2", "r3"), start=1):
        tiny_model(Path("models") / name, seed=seed)
    for name in ROUNDS:
        rows = [
            row
            for query, doc, negative in mined
            for row in ((query, doc, "positive"), (query, negative, "negative"))
        ]
        columns = (
            dict(
                zip(("query_id", "doc_id", "role"), map(list, zip(*rows, strict=True)), strict=True)
            )
            if rows
            else {}
        )
        if name == "r2" and columns:
            save("trained", {"step": 1} | columns, Path("rounds") / name / "trained.parquet")
        else:
            tables.write(
                "trained", tables.empty("trained"), Path("rounds") / name / "trained.parquet"
            )


def vectors(name: str, texts: dict[str, str]) -> dict[str, np.ndarray]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(f"models/{name}", device="cpu")
    return dict(
        zip(texts, model.encode(list(texts.values()), normalize_embeddings=True), strict=True)
    )


def test_margins_and_cosines_are_those_of_the_models(workspace: Path):
    prepared()
    drift()
    found = read_json(DRIFT)
    assert set(found["trained"]) == {"r2"}
    documents, queries = (
        {name: vectors(name, texts) for name in ("r0", "r2", "r3")} for texts in (TEXTS, QUERIES)
    )
    margin = {
        name: np.array(
            [
                queries[name][query] @ (documents[name][doc] - documents[name][other])
                for query, doc, other in MINED
            ]
        )
        for name in ("r0", "r2", "r3")
    }
    models = {one["model"]: one for one in found["trained"]["r2"]["models"]}
    assert list(models) == ["r1", "r2", "r3"]
    assert models["r1"]["gap"] == pytest.approx(
        margin["r0"].mean(), abs=1e-5
    )  # r1 is the base model
    for name in ("r2", "r3"):
        assert models[name]["gap"] == pytest.approx(margin[name].mean(), abs=1e-5)
        assert models[name]["above"] == (margin[name] < 0).sum()
    assert models["r3"]["forgotten"] == ((margin["r2"] >= 0) & (margin["r3"] < 0)).sum()
    r1, r2, r3 = found["vectors"]
    assert (r1["documents_start"], r1["queries_base"]) == (
        pytest.approx(1, abs=1e-6),
        pytest.approx(1, abs=1e-6),
    )
    expected = np.mean([documents["r3"][name] @ documents["r2"][name] for name in TEXTS])
    assert r3["documents_start"] == pytest.approx(expected, abs=1e-5)
    assert r2["documents_start"] == r2["documents_base"]
    assert r3["queries_base"] == pytest.approx(
        np.mean([queries["r3"][name] @ queries["r0"][name] for name in QUERIES]), abs=1e-5
    )


def test_rounds_that_mined_nothing_have_nothing_to_forget(workspace: Path):
    prepared(mined=[])
    drift()
    found = read_json(DRIFT)
    assert found["trained"] == {}
    assert [one["round"] for one in found["vectors"]] == list(ROUNDS)
    assert (found["documents"], found["queries"]) == (12, 6)


def test_a_round_without_its_table_is_refused(workspace: Path):
    prepared()
    Path("rounds/r3/trained.parquet").unlink()
    with pytest.raises(Refused, match=r"rounds/r3/trained\.parquet is missing\. Run `dvc repro`"):
        drift()
