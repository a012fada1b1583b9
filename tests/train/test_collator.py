"""A batch: every text once, and what each query may be held against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hone.encoders.model_folder import ModelFolder
from tasks.train.examples import examples
from tests.tiny_model import tiny_model
from tests.train.made_up import made_up

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    return ModelFolder(tiny_model(tmp_path_factory.mktemp("model") / "tiny")).load()


def batch_of(model, rows: list[int], prompts: dict[str, str] | None = None):
    from tasks.train.collator import Collator

    made = examples(*made_up())
    pairs = made.pairs.with_row_index("row")
    collate = Collator(
        made, model.preprocess, prompts or {"query": "", "document": ""}, lambda: made.negatives
    )
    return made, pairs, collate([{"row": row} for row in rows])


def test_roles(model):
    made, pairs, batch = batch_of(model, [0, 1, 4])
    documents = batch["document_numbers"].numpy()
    for row, (chosen, place, *role) in zip([0, 1, 4], batch["label"].tolist(), strict=True):
        query = pairs["query"][row]
        assert chosen == row
        assert documents[place] == pairs["document"][row]
        for number, value in zip(documents, role, strict=True):
            own, known = (
                number in made.negatives.of(np.array([query]))[0],
                made.is_known(
                    pairs["query"].to_numpy()[[row]], documents[documents == number]
                ).item(),
            )
            assert value == (-1 if known else 1 if own else 0)


def test_a_known_positive_of_a_query_is_never_its_in_batch_negative(model):
    """Rows 0 and 1 are the two positives of one query: without the mask each would push the
    other away.
    """
    from tasks.train.objective import Objective

    made, pairs, batch = batch_of(model, [0, 1, 2])
    assert pairs["query"][0] == pairs["query"][1] != pairs["query"][2]
    objective = Objective(model, {}, True, made)
    seen = objective.batch(
        torch.zeros(3, 4), torch.zeros(len(batch["document_numbers"]), 4), batch["label"]
    )
    places = batch["label"][:, 1]
    assert not seen.usable[0, places[1]]
    assert not seen.usable[1, places[0]]
    assert seen.usable[0, places[2]]
    assert seen.usable[2, places[0]]
    assert not seen.usable[torch.arange(3), places].any()


def test_texts_carry_the_prompts_of_their_route(model):
    _, _, plain = batch_of(model, [0, 1])
    _, _, prompted = batch_of(model, [0, 1], prompts={"query": "hot : ", "document": "cold old : "})
    assert prompted["query_input_ids"].shape[1] == plain["query_input_ids"].shape[1] + 2
    assert prompted["document_input_ids"].shape[1] == plain["document_input_ids"].shape[1] + 3


def test_a_batch_reads_texts_as_the_encoder_does(tmp_path: Path):
    """The prompts of the model's own configuration, in training as in encoding: the very same
    vectors.
    """
    from hone.encoders.encoder import Encoder, Reading
    from tasks.train.objective import Objective

    folder = ModelFolder(
        tiny_model(tmp_path / "prompted", prompts={"query": "hot : ", "document": "cold : "})
    )
    reading = Reading(max_length=16, prompts=(("document", "dark : "),), precision="fp32")
    made, pairs, batch = batch_of(
        folder.load(16),
        [0, 5],
        prompts={route: reading.prompt(folder, route) for route in ("query", "document")},
    )
    encoder = Encoder(folder, reading)
    stored = encoder.vectors(
        [[made.query_texts[number] for number in pairs["query"].gather([0, 5])]], "query"
    )
    of_documents = encoder.vectors(
        [[made.document_texts[number] for number in batch["document_numbers"].tolist()]], "document"
    )
    objective = Objective(folder.load(16).eval(), {}, True, made)
    for route, vectors in (("query", stored), ("document", of_documents)):
        features = {
            name.removeprefix(f"{route}_"): value
            for name, value in batch.items()
            if name.startswith(f"{route}_")
        }
        features.pop("numbers", None)
        with torch.no_grad():
            torch.testing.assert_close(
                objective._vectors(features),
                torch.from_numpy(vectors.take(slice(None))),
                atol=1e-5,
                rtol=0,
            )
