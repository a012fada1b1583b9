"""From labels that judges have changed to the number that is trained on: weights, masks,
promoted positives, grades.
"""

from __future__ import annotations

import polars as pl
import pytest

from hone.data import tables
from hone.encoders.model_folder import ModelFolder
from tasks.train.examples import examples
from tests.tiny_model import tiny_model

torch = pytest.importorskip("torch")

TEXTS = {
    "p": "red cat",
    "r": "blue dog",
    "a": "big tree",
    "b": "small stone",
    "c": "hot fire",
    "u": "cold water",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    return ModelFolder(tiny_model(tmp_path_factory.mktemp("model") / "tiny")).load().eval()


def batch_of(model, *rows: tuple, teacher: str | None = None):
    """What losses see of one batch of all pairs, the objective's number, and the losses of its
    queries.

    Rows are query_id, doc_id, label, rank, weight, judge, grade; what is missing is null.
    """
    from tasks.train.collator import Collator
    from tasks.train.losses.distil import distil
    from tasks.train.losses.infonce import infonce
    from tasks.train.objective import Objective

    columns = ["query_id", "doc_id", "label", "rank", "weight", "judge", "grade"]
    frame = pl.DataFrame(
        [(*row, *(None,) * (7 - len(row))) for row in rows],
        schema=columns,
        orient="row",
        infer_schema_length=None,
    )
    queries = (
        frame.select("query_id")
        .unique(maintain_order=True)
        .with_columns(text=pl.format("old {}", "query_id"), collection=pl.lit("one"))
    )
    texts = pl.DataFrame({"doc_id": list(TEXTS), "full_text": list(TEXTS.values())})
    made = examples(tables.shaped("labels", frame), queries, texts, teacher)
    given = Collator(made, model.preprocess, {"query": "", "document": ""}, lambda: made.negatives)(
        [{"row": row} for row in range(len(made.pairs))]
    )
    features = [
        {name.removeprefix(route): value for name, value in given.items() if name.startswith(route)}
        for route in ("query_", "document_")
    ]
    seen = []

    def capture_batch(batch):
        seen.append(batch)
        return (distil if teacher else infonce)(batch)

    objective = Objective(model, {"kept": capture_batch}, True, made)
    with torch.no_grad():
        total = objective(features, given["label"])
        losses = (distil if teacher else infonce)(seen[0])
    documents = [made.document_ids[number] for number in given["document_numbers"].tolist()]
    return seen[0], documents, total, losses


def of_document(table: torch.Tensor, documents: list[str], doc_id: str) -> list:
    return table[:, documents.index(doc_id)].tolist()


KNOWN = [("q", "p", "positive", None, 1.0), ("r", "r", "positive", None, 1.0)]


def test_a_weight_is_for_the_query_whose_negative_it_is(model):
    """Two queries; q finds a half wrong, and to r, which did not mine it, it is an in-batch
    negative like any other.
    """
    batch, documents, total, losses = batch_of(model, *KNOWN, ("q", "a", "negative", 1, 0.5))
    assert sorted(documents) == ["a", "p", "r"]
    assert of_document(batch.weights, documents, "a") == [0.5, 1.0]
    assert (
        of_document(batch.weights, documents, "p")
        == of_document(batch.weights, documents, "r")
        == [1.0, 1.0]
    )
    shares = (batch.scores / 0.05).exp()
    at = {doc_id: documents.index(doc_id) for doc_id in documents}
    by_hand = [
        ((shares[0, at["p"]] + shares[0, at["r"]] + 0.5 * shares[0, at["a"]]) / shares[0, at["p"]])
        .log()
        .item(),
        ((shares[1, at["r"]] + shares[1, at["p"]] + shares[1, at["a"]]) / shares[1, at["r"]])
        .log()
        .item(),
    ]
    assert losses.tolist() == pytest.approx(by_hand, abs=1e-5)
    assert total.item() == pytest.approx(sum(by_hand) / 2, abs=1e-5)


def test_a_negative_of_weight_zero_is_none_to_its_query_alone(model):
    batch, documents, *_ = batch_of(model, *KNOWN, ("q", "a", "negative", 1, 0.0))
    assert of_document(batch.usable, documents, "a") == [False, True]
    assert not batch.own.any()


def test_the_mean_counts_a_query_as_often_as_its_positive_weighs(model):
    batch, _, total, losses = batch_of(
        model, ("q", "p", "positive", None, 1.0), ("r", "r", "positive", None, 0.25)
    )
    assert batch.positive_weight.tolist() == [1.0, 0.25]
    assert losses[0] != losses[1]
    assert total.item() == pytest.approx((losses[0] + 0.25 * losses[1]).item() / 1.25, abs=1e-6)


def test_queries_that_weigh_nothing_give_a_loss_of_zero():
    from tasks.train.objective import weighted_mean

    losses = torch.tensor([2.0, 3.0], requires_grad=True)
    total = weighted_mean(losses, torch.zeros(2))
    total.backward()
    assert total.item() == 0.0
    assert losses.grad.tolist() == [0.0, 0.0]


def test_without_weights_and_teacher_the_batch_has_ones_and_no_numbers(model):
    batch, _, total, losses = batch_of(model, *KNOWN)
    assert (batch.weights == 1).all()
    assert batch.teacher.isnan().all()
    assert (batch.positive_weight == 1).all()
    assert torch.equal(total, losses.mean())


def test_promoted_positives_of_a_query_are_not_used_against_each_other(model):
    """q has a known answer and two promoted ones, all three in one batch."""
    batch, documents, *_ = batch_of(
        model,
        *KNOWN,
        ("q", "a", "positive", None, 0.9, "strong"),
        ("q", "b", "positive", None, 0.8, "strong"),
        ("r", "c", "negative", 1, 1.0),
    )
    answers = [documents.index(doc_id) for doc_id in ("p", "a", "b")]
    of_q = torch.isin(batch.positive, torch.tensor(answers))
    assert of_q.sum() == 3
    assert not batch.usable[of_q][:, answers].any()
    assert batch.usable[~of_q][:, answers].all()
    assert (
        of_document(batch.usable[of_q], documents, "r")
        == of_document(batch.usable[of_q], documents, "c")
        == [True] * 3
    )


def test_a_masked_pair_is_no_negative_though_another_query_brings_the_document(model):
    batch, documents, *_ = batch_of(
        model, *KNOWN, ("q", "u", "unknown", None, 1.0, "strong"), ("r", "u", "negative", 1, 1.0)
    )
    assert of_document(batch.usable, documents, "u") == [False, True]
    assert of_document(batch.own, documents, "u") == [False, True]


def test_a_query_whose_negatives_were_all_dropped_trains_in_batch(model):
    batch, documents, _, losses = batch_of(model, *KNOWN, ("r", "a", "negative", 1, 1.0))
    assert not batch.own[0].any()
    assert {documents[column] for column in batch.usable[0].nonzero().flatten().tolist()} == {
        "r",
        "a",
    }
    assert losses[0] > 0


def test_grades_reach_the_loss_for_the_query_that_they_are_of(model):
    batch, documents, total, losses = batch_of(
        model,
        *KNOWN,
        ("q", "a", "negative", 1, 1.0, "lm", -1.5),
        ("q", "b", "negative", 2, 1.0, "lm", -2.5),
        teacher="lm",
    )
    assert of_document(batch.teacher, documents, "a")[0] == -1.5
    assert of_document(batch.teacher, documents, "b")[0] == -2.5
    assert batch.teacher.isfinite().sum() == 2
    assert losses[0] > 0
    assert losses[1] == 0
    assert total.item() == pytest.approx(losses[0].item() / 2, abs=1e-6)
