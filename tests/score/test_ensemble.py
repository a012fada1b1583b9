"""Several encoders as one: components worked by hand, and the stage against an independent PCA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hone.data import tables
from hone.encoders.round_encoders import Models
from hone.encoders.store import Space, Vectors, keys_of
from hone.errors import Refused
from tasks.score.ensemble import components, drop_identical
from tests.prepared import pairs, prepare, write_rows
from tests.stages import retrieve, score
from tests.tiny_model import WORDS, tiny_model

TEXTS = {f"d{number}": " ".join(WORDS[number : number + 4]) for number in range(16)}
QUERIES = {"q1": "red cat", "q2": "square dog"}
KNOWN = {"q1": ["d7", "d5"], "q2": ["d1"]}
MODEL = {"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}


def stored(rows: list | np.ndarray, name: str = "a") -> Vectors:
    """Vectors in the store, as they are."""
    rows = np.asarray(rows, dtype=np.float32)
    space, keys = (
        Space({"a test": name, "dimension": rows.shape[1]}),
        keys_of([str(number) for number in range(len(rows))]),
    )
    space.add(keys, rows)
    return Vectors(space, space.find(keys), unit=False)


def test_two_numbers_by_hand():
    """Around (1, 1): variances of 2 and .5 along the axes, which are .8 and .2 of all."""
    cross = stored([[3, 1], [-1, 1], [1, 2], [1, 0]])
    one = components([cross], 0.8)
    assert one.mean.tolist() == [1, 1]
    assert abs(one.axes).T.tolist() == [[pytest.approx(1), pytest.approx(0)]]
    assert one.share == pytest.approx(0.8)
    assert components([cross], 0.81).axes.shape == (2, 2)
    # (2, 5) lies at (1, 4) from the mean: what is left of it is its first number, of length 1.
    assert abs(one.of([stored([[2, 5], [-9, 5]], "b")])).tolist() == [[1], [1]]
    signs = one.of([stored([[2, 5], [-9, 5]], "c")])
    assert signs[0] == -signs[1]


def test_two_encoders_stand_side_by_side():
    """Both see the same line, so one component holds everything: (t, 2t) for t = -1, 0, 1, along
    (1, 2) / sqrt 5.
    """
    both = [stored([[-1], [0], [1]], "a"), stored([[-2], [0], [2]], "b")]
    found = components(both, 1.0)
    assert (abs(found.axes[:, 0]) * np.sqrt(5)).tolist() == pytest.approx([1, 2])
    assert components(both, 0.99).axes.shape == (2, 1)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(2, 12), st.integers(1, 5)),
        elements=st.floats(-3, 3, width=16),
    ),
    st.floats(0.05, 1),
)
def test_as_few_as_hold_the_share(rows: np.ndarray, variance: float):
    space_name = str(hash(rows.tobytes()))
    found = components([stored(rows, space_name)], variance)
    spread = ((rows - rows.mean(0, dtype=np.float64)) ** 2).sum()
    if spread < 1e-3:
        return
    explained = (((rows - found.mean) @ found.axes) ** 2).sum(0) / spread
    assert explained.sum() >= variance - 1e-6
    assert found.axes.shape[1] == 1 or explained[:-1].sum() < variance
    assert found.axes.T @ found.axes == pytest.approx(np.eye(found.axes.shape[1]), abs=1e-9)


def prepared(*lines: object) -> None:
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in QUERIES.items()]
    queries += [
        {"query_id": "q3", "text": "hot fire", "split": "test"},
        {"query_id": "q4", "text": "cold water", "split": "dev"},
    ]
    known = [(query, doc) for query, docs in KNOWN.items() for doc in docs]
    documents = [{"doc_id": name, "text": text} for name, text in TEXTS.items()]
    write_rows(Path("inputs/ours"), documents, queries, pairs(*known, ("q3", "d2"), ("q4", "d3")))
    tiny_model(Path("inputs/tiny"))
    tiny_model(Path("inputs/guide"), seed=7)
    Path("recipes").mkdir()
    Path("recipes/tried.yaml").write_text(
        yaml.safe_dump(
            {"about": "a test", "retrieve": [{"dense": {"depth": 8}}], "score": list(lines)}
        )
    )
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "tried"}})


def test_scores_are_cosines_in_the_reduced_space(workspace: Path):
    encoders = [None, "inputs/guide"]
    prepared(
        {"ensemble": {"encoders": encoders}},
        {"ensemble": {"encoders": encoders, "to": "positives"}},
    )
    retrieve("r1")
    score("r1")
    made = tables.read("scores", Path("rounds/r1/scores.parquet"))
    by = {name: part for (name,), part in made.partition_by("scorer", as_dict=True).items()}
    assert list(by) == ["dense", "ensemble", "ensemble-to-positives"]
    assert (
        by["ensemble"].select("query_id", "doc_id").equals(by["dense"].select("query_id", "doc_id"))
    )

    from sentence_transformers import SentenceTransformer
    from sklearn.decomposition import PCA

    models = [SentenceTransformer(name, device="cpu") for name in ("models/r0", "inputs/guide")]

    def vectors(texts: list[str]) -> np.ndarray:
        return np.hstack(
            [model.encode(texts, normalize_embeddings=True) for model in models]
        ).astype(np.float64)

    used = sorted(set(by["ensemble"]["doc_id"]))
    pca = PCA(0.95, svd_solver="full").fit(vectors([TEXTS[doc] for doc in used]))
    assert 1 < pca.n_components_ < 64

    def unit(texts: list[str]) -> np.ndarray:
        reduced = pca.transform(vectors(texts))
        return reduced / np.linalg.norm(reduced, axis=1, keepdims=True)

    documents, query_vectors = (
        dict(zip(used, unit([TEXTS[doc] for doc in used]), strict=True)),
        dict(zip(QUERIES, unit(list(QUERIES.values())), strict=True)),
    )
    for query, doc, value in by["ensemble"].select("query_id", "doc_id", "score").iter_rows():
        assert value == pytest.approx(query_vectors[query] @ documents[doc], abs=1e-4)
    for query, doc, value in (
        by["ensemble-to-positives"].select("query_id", "doc_id", "score").iter_rows()
    ):
        assert value == pytest.approx(
            max(documents[known] @ documents[doc] for known in KNOWN[query]), abs=1e-4
        )


def test_an_encoder_that_is_another_counts_once_and_the_base_model_has_a_name(
    workspace: Path, capsys: pytest.CaptureFixture
):
    """In r1, which starts from r0, null and r0 are one model; a model of other weights is
    another.
    """
    prepared({"ensemble": {"encoders": [None, "r0", "inputs/guide"]}}, {"encoder": {"model": "r0"}})
    retrieve("r1")
    score("r1")
    assert (
        "3 encoders of the ensemble include only 2 distinct; the others are the same model"
        in capsys.readouterr().err
    )
    both = tables.read("scores", Path("rounds/r1/scores.parquet"))
    by_base, by_start = (
        both.filter(pl.col("scorer") == name).drop("scorer") for name in ("encoder:r0", "dense")
    )
    assert by_base.equals(by_start)

    from safetensors.numpy import load_file, save_file

    weights = Path("models/r0/model.safetensors")
    save_file(
        {name: value * 1.5 for name, value in load_file(weights).items()},
        weights,
        metadata={"format": "pt"},
    )
    models = Models(
        Path("inputs/tiny"),
        {"max_length": 32, "prompts": {}, "precision": "fp32"},
        {"device": "cpu", "batch_tokens": None},
        {},
    )
    assert len(drop_identical([models.encoder(), models.encoder("r0")], "ours")) == 2


@pytest.mark.parametrize(
    ("encoders", "message"),
    [
        (["elsewhere"], "is not below inputs/"),
        (["inputs/missing"], "did not answer|is not a bundled package"),
        ([], "at least 1 item"),
        (["inputs/guide"] * 2, "'inputs/guide' twice"),
        ([None, None], r"starting model \(null\) twice"),
    ],
)
def test_encoders_that_cannot_be_meant_are_refused_before_anything_works(
    workspace: Path, encoders: list, message: str
):
    tiny_model(Path("elsewhere"))
    with pytest.raises(Refused, match=message):
        prepared({"ensemble": {"encoders": encoders}})


def test_an_encoder_of_the_hub_carries_its_commit(workspace: Path):
    from hone.encoders.pinned_models import made_exact

    commit = "a" * 40
    assert made_exact({f"org/name@{commit}": None}) == {
        f"org/name@{commit}": {"name": "org/name", "revision": commit, "fingerprint": None}
    }


def test_without_pairs_there_is_nothing_to_reduce(workspace: Path):
    from hone.data.training_set import read
    from tasks.score.ensemble import ensemble

    prepared()
    nothing = pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String})
    (collection,) = read()
    assert ensemble(nothing, nothing, collection, None, encoders=[None]).is_empty()
