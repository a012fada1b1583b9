"""Scores of pairs by a cross-encoder: the library's own figures, each made once, whatever the
order and however it ended before.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.encoders import cross_encoder_scores
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.cross_encoder_scores import CrossScorer, pair_keys, sigmoid
from hone.encoders.store import Space
from hone.errors import Refused
from tests.tiny_cross_encoder import tiny_cross_encoder
from tests.tiny_model import WORDS

QUERIES = ["red cat", "square", "hot fire water"]
DOCUMENTS = [" ".join(WORDS[number : number + 2 + number % 5]) for number in range(9)]
ALL = np.array([(query, document) for query in range(3) for document in range(9)])
NAME = Path("inputs/cross")


@pytest.fixture
def scorer(workspace: Path) -> CrossScorer:
    return CrossScorer(CrossModel(tiny_cross_encoder(NAME)), precision="fp32", user="r1")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs go through a model, call by call."""
    from hone.encoders.cross_encoder_inference import TorchCrossEncoder

    calls: list[int] = []
    real = TorchCrossEncoder.encode

    def encode(self, texts: list, progress: object = None) -> np.ndarray:
        calls.append(len(texts))
        return real(self, texts, progress)

    monkeypatch.setattr(TorchCrossEncoder, "encode", encode)
    return calls


def one_by_one() -> np.ndarray:
    """The logits of `ALL`, each pair alone, by sentence-transformers itself."""
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(NAME), device="cpu")
    return np.array(
        [
            model.predict([(QUERIES[q], DOCUMENTS[d])], activation_fn=torch.nn.Identity())[0]
            for q, d in ALL
        ]
    )


def test_logits_are_the_librarys_and_probabilities_their_sigmoid(scorer: CrossScorer):
    made = scorer.logits(QUERIES, DOCUMENTS, ALL)
    assert made.dtype == np.float32
    assert made == pytest.approx(one_by_one(), abs=1e-5)
    assert scorer.probabilities(QUERIES, DOCUMENTS, ALL) == pytest.approx(
        1 / (1 + np.exp(-one_by_one())), abs=1e-5
    )


def test_in_any_order_of_requests(scorer: CrossScorer, hone_home: Path):
    first = scorer.logits(QUERIES, DOCUMENTS, ALL)
    shutil.rmtree(hone_home / "store")
    order = np.random.default_rng(3).permutation(len(ALL))
    assert scorer.logits(QUERIES, DOCUMENTS, ALL[order]) == pytest.approx(first[order], abs=1e-5)


def test_a_second_scoring_computes_nothing_and_gives_the_same(
    scorer: CrossScorer, counted: list[int]
):
    first = scorer.logits(QUERIES, DOCUMENTS, ALL)
    assert sum(counted) == len(ALL)
    counted.clear()
    again = CrossScorer(scorer.model, precision="fp32")
    assert np.array_equal(again.logits(QUERIES, DOCUMENTS, ALL[::-1]), first[::-1])
    assert counted == []


def test_pairs_of_equal_texts_are_scored_once(scorer: CrossScorer, counted: list[int]):
    made = scorer.logits(
        ["red cat", "red cat"], ["blue", "blue"], np.array([(0, 0), (1, 1), (0, 1)])
    )
    assert counted == [1]
    assert len(set(made.tolist())) == 1


def test_a_killed_scoring_goes_on_where_it_was(
    scorer: CrossScorer, counted: list[int], monkeypatch: pytest.MonkeyPatch
):
    """Ten pairs a shard: the second cannot be written. What the first holds is not made again,
    and the end is the same.
    """
    unbroken = CrossScorer(scorer.model, precision="fp32").logits(QUERIES, DOCUMENTS, ALL)
    shutil.rmtree(scorer.space().folder)
    monkeypatch.setattr(cross_encoder_scores, "ROWS_PER_SHARD", 10)
    add = Space.add
    block_sizes: list[int] = []

    def failing(self: Space, keys: np.ndarray, vectors: np.ndarray) -> None:
        if block_sizes:
            raise OSError("no space left")
        block_sizes.append(len(keys))
        add(self, keys, vectors)

    monkeypatch.setattr(Space, "add", failing)
    with pytest.raises(OSError, match="no space"):
        scorer.logits(QUERIES, DOCUMENTS, ALL)
    monkeypatch.setattr(Space, "add", add)
    counted.clear()
    assert CrossScorer(scorer.model, precision="fp32").logits(
        QUERIES, DOCUMENTS, ALL
    ) == pytest.approx(unbroken, abs=1e-5)
    assert counted == [10, 7]


def test_other_weights_lengths_and_precisions_have_scores_of_their_own(scorer: CrossScorer):
    spaces = {
        scorer.space().folder,
        CrossScorer(scorer.model, 12, "fp32").space().folder,
        CrossScorer(scorer.model, None, "bf16").space().folder,
    }
    before = scorer.logits(QUERIES, DOCUMENTS, ALL)
    shutil.rmtree(NAME)
    tiny_cross_encoder(NAME, seed=1)
    spaces.add(scorer.space().folder)
    assert len(spaces) == 4
    other = CrossScorer(scorer.model, precision="fp32").logits(QUERIES, DOCUMENTS, ALL)
    assert abs(other - before).max() > 0.01


def test_the_description_of_a_ranker_is_not_part_of_its_address(scorer: CrossScorer):
    before = scorer.space().folder
    (NAME / "ranker.json").write_text("{}")
    (NAME / "README.md").write_text("other words")
    assert scorer.space().folder == before


def test_in_bf16_the_last_layer_keeps_its_precision(scorer: CrossScorer):
    """Near the figures of fp32, and finer than bf16: a number of bf16 has sixteen zeros at its
    end.
    """
    exact = scorer.logits(QUERIES, DOCUMENTS, ALL)
    made = CrossScorer(scorer.model, precision="bf16").logits(QUERIES, DOCUMENTS, ALL)
    assert made == pytest.approx(exact, abs=0.25)
    assert (made.view(np.uint32) & 0xFFFF).all()


def without_numbers(folder: Path) -> None:
    """Break a model: its last layer gives what is no number."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][:] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_scores_that_are_no_numbers_are_refused_and_not_kept(workspace: Path):
    without_numbers(tiny_cross_encoder(NAME))
    scorer = CrossScorer(CrossModel(NAME), precision="fp32")
    with pytest.raises(Refused, match="NaN or infinity for 27 of 27 scores"):
        scorer.logits(QUERIES, DOCUMENTS, ALL)
    assert not scorer.space().shards


def test_longer_than_the_weights_can_tell_apart_is_refused(scorer: CrossScorer):
    with pytest.raises(Refused, match="max_length is 65, .* at most 64 tokens"):
        CrossScorer(scorer.model, 65).logits(QUERIES, DOCUMENTS, ALL)


def test_no_pairs_need_no_model(workspace: Path):
    assert (
        len(
            CrossScorer(CrossModel(Path("inputs/none"))).logits(
                [], [], np.empty((0, 2), dtype=np.int64)
            )
        )
        == 0
    )


@given(
    st.lists(
        st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=6, unique=True
    )
)
def test_no_two_pairs_share_a_key(texts: list[tuple[str, str]]):
    """Also where both put together are the same text."""
    texts = [
        *texts,
        *[
            (query + document, "")
            for query, document in texts
            if (query + document, "") not in texts
        ],
    ]
    texts = list(dict.fromkeys(texts))
    rows = np.repeat(np.arange(len(texts))[:, None], 2, axis=1)
    keys = pair_keys([query for query, _ in texts], [document for _, document in texts], rows)
    assert len({tuple(key) for key in keys.tolist()}) == len(texts)


def test_a_sigmoid_of_anything_lies_between_0_and_1():
    assert sigmoid(np.array([-1000, 0, 1000, np.log(3)])) == pytest.approx(
        [0, 0.5, 1, 0.75], abs=1e-6
    )


def test_requested_and_scored_pairs_are_logged_if_a_file_is_set(
    scorer: CrossScorer, monkeypatch: pytest.MonkeyPatch
):
    """One pair is in the store, and asked for twice; the second asking scores nothing, and its
    chunk has the same name.
    """
    scorer.logits(QUERIES, DOCUMENTS, ALL[:1])
    assert not Path("noted").exists()
    monkeypatch.setenv("HONE_COUNT_ENCODING", "noted")
    monkeypatch.setenv("DVC_STAGE", "score@r1")
    for _ in range(2):
        scorer.logits(QUERIES, DOCUMENTS, np.concatenate([ALL, ALL[:1]]))
    first, scored, second = map(json.loads, Path("noted").read_text().splitlines())
    assert first == second
    assert (first["stage"], first["pairs"], first["space"]) == (
        "score@r1",
        len(ALL),
        scorer.space().folder.name,
    )
    assert (scored["stage"], scored["scored"]) == ("score@r1", len(ALL) - 1)
    assert scored["seconds"] >= 0
