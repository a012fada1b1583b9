"""Training through sentence-transformers' trainer: seeded, recorded, and going on where it was
killed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.config.sections.train import Train
from hone.encoders.encoder import Encoder, Reading
from hone.encoders.model_folder import ModelFolder
from tasks.train.examples import examples
from tests.tiny_model import tiny_model
from tests.train.made_up import made_up

torch = pytest.importorskip("torch")

SECTION = Train(
    losses=[{"method": "infonce", "parameters": {"temperature": 0.05}}],
    batch={"method": "random", "parameters": {"size": 4, "mixed": False}},
    negatives=2,
    draw="first",
    positives="one",
    epochs=3,
    steps=None,
    max_length=None,
    learning_rate=1e-3,
    warmup=0.1,
    schedule="linear",
    dropout=None,
    weight_decay=0.01,
    precision="fp32",
    checkpoint_steps=4,
)
NO_PROMPTS = {"query": "", "document": ""}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return ModelFolder(tiny_model(tmp_path_factory.mktemp("model") / "tiny"))


def trained(base: ModelFolder, checkpoints: Path, seed: int = 1, callbacks=(), **changes):
    """The model and the table `trained` after training on the made-up set."""
    from tasks.train.trainer import train, trainer

    model = base.load(16)
    ready = trainer(
        model,
        examples(*made_up()),
        SECTION.model_copy(update=changes),
        NO_PROMPTS,
        {},
        seed,
        checkpoints,
    )
    for callback in callbacks:
        ready.add_callback(callback)
    return model, train(ready)


def weights(model) -> np.ndarray:
    return torch.cat([value.detach().float().ravel() for value in model.parameters()]).numpy()


@pytest.mark.parametrize("dropout", [None, 0.0])
def test_one_seed_gives_the_same_weights(base, tmp_path, dropout):
    first, table = trained(base, tmp_path / "a", dropout=dropout)
    again, same_table = trained(base, tmp_path / "b", dropout=dropout)
    other, _ = trained(base, tmp_path / "c", seed=2, dropout=dropout)
    assert np.array_equal(weights(first), weights(again))
    assert table.equals(same_table)
    assert not np.array_equal(weights(first), weights(other))


def trained_on(
    base: ModelFolder,
    labels: pl.DataFrame,
    checkpoints: Path,
    teacher: str | None = None,
    **changes,
) -> np.ndarray:
    """The weights after training on other labels of the made-up set."""
    from tasks.train.trainer import train, trainer

    model = base.load(16)
    _, queries, texts = made_up()
    train(
        trainer(
            model,
            examples(labels, queries, texts, teacher),
            SECTION.model_copy(update=changes),
            NO_PROMPTS,
            {},
            1,
            checkpoints,
        )
    )
    return weights(model)


def test_weights_of_labels_reach_the_model(base, tmp_path):
    labels, _, _ = made_up()
    plain = weights(trained(base, tmp_path / "plain")[0])
    of_one = labels.with_columns(weight=pl.lit(1.0, dtype=pl.Float32))
    halves = pl.when(pl.col("label") == "negative").then(0.5).otherwise(1.0).cast(pl.Float32)
    uneven = pl.when(pl.col("query_id") == "q5").then(0.5).otherwise(1.0).cast(pl.Float32)
    assert np.array_equal(plain, trained_on(base, of_one, tmp_path / "one"))
    assert not np.array_equal(
        plain, trained_on(base, labels.with_columns(weight=halves), tmp_path / "half")
    )
    positives = labels.with_columns(
        weight=pl.when(pl.col("label") == "positive").then(uneven).otherwise(1.0).cast(pl.Float32)
    )
    assert not np.array_equal(plain, trained_on(base, positives, tmp_path / "uneven"))


def test_a_model_comes_to_order_documents_as_its_teacher_does(base, tmp_path):
    """The teacher likes each query's second negative best, whatever the labels say."""
    labels, queries, texts = made_up()
    grade = (
        pl.when(pl.col("rank") == 2).then(2.0).when(pl.col("rank") == 1).then(0.0).otherwise(-2.0)
    )
    graded = labels.with_columns(grade=grade.cast(pl.Float32), judge=pl.lit("lm"))
    distil = {"method": "distil", "parameters": {"temperature": 0.05, "teacher_temperature": 1.0}}
    from tasks.train.trainer import train, trainer

    model = base.load(16)
    changes = {"losses": [distil], "epochs": 60, "dropout": 0.0}
    made = examples(graded, queries, texts, "lm")
    table = train(
        trainer(
            model, made, SECTION.model_copy(update=changes), NO_PROMPTS, {}, 1, tmp_path / "run"
        )
    )
    by_step = table.group_by("step", maintain_order=True).agg(pl.col("loss").mean())["loss"]
    assert by_step.tail(6).mean() < by_step.head(6).mean() / 2
    assert by_step.min() > -1e-5


class Killed(BaseException):
    """What a killed process cannot catch."""


def killer(step: int):
    from transformers import TrainerCallback

    class Killer(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == step:
                raise Killed

    return Killer()


@pytest.mark.parametrize("step", [4, 6, 8])
def test_killed_in_the_middle_it_goes_on_to_the_same_end(base, tmp_path, step):
    """Nine steps in three epochs, a checkpoint after each fourth; killed at, after and at the
    next checkpoint.
    """
    unbroken, table = trained(base, tmp_path / "unbroken")
    with pytest.raises(Killed):
        trained(base, tmp_path / "broken", callbacks=[killer(step)])
    resumed, resumed_table = trained(base, tmp_path / "broken")
    assert np.array_equal(weights(unbroken), weights(resumed))
    assert resumed_table.equals(table)


def test_training_does_not_resume_from_a_truncated_checkpoint(base, tmp_path):
    from hone.training.checkpoints import last_checkpoint
    from tasks.train.trainer import COMPLETE

    with pytest.raises(Killed):
        trained(base, tmp_path / "broken", callbacks=[killer(6)])
    (tmp_path / "broken" / "checkpoint-5").mkdir()
    assert last_checkpoint(tmp_path / "broken", COMPLETE).name == "checkpoint-4"
    assert not (tmp_path / "broken" / "checkpoint-5").exists()
    (tmp_path / "broken" / "checkpoint-4" / COMPLETE).unlink()
    assert last_checkpoint(tmp_path / "broken", COMPLETE) is None


def test_each_epoch_trains_with_another_negative_and_goes_on_so_when_it_was_killed(base, tmp_path):
    """Two kept, one a step, three epochs: one, the other, the first again."""
    settings = {"negatives": 1, "draw": "epoch"}
    model, table = trained(base, tmp_path / "unbroken", **settings)
    negatives = table.filter(pl.col("role") == "negative").sort("step")
    seen = dict(negatives.group_by("query_id", maintain_order=True).agg("doc_id").rows())
    assert len(seen) == 12
    for first, second, third in seen.values():
        assert first == third != second
    assert any(
        seen[f"q{n}"][0] != f"d{n + 31}" for n in range(12)
    )  # not all begin with the best rank
    with pytest.raises(Killed):
        trained(base, tmp_path / "broken", callbacks=[killer(6)], **settings)
    again, same_table = trained(base, tmp_path / "broken", **settings)
    assert np.array_equal(weights(model), weights(again))
    assert same_table.equals(table)


def test_the_table_says_what_each_step_saw(base, tmp_path):
    labels, _, _ = made_up()
    _, table = trained(base, tmp_path / "run")
    positives = table.filter(pl.col("role") == "positive")
    negatives = table.filter(pl.col("role") == "negative")
    assert positives["step"].to_list() == sorted([*range(1, 10)] * 4)
    # One positive and both negatives of every query in each of three epochs.
    assert positives.group_by("query_id").len()["len"].to_list() == [3] * 12
    assert negatives.group_by("query_id").len()["len"].to_list() == [6] * 12
    assert positives["loss"].is_not_null().all()
    known = labels.with_columns(role=pl.col("label").cast(pl.String))
    strange = table.with_columns(pl.col("role").cast(pl.String)).join(
        known, on=["query_id", "doc_id", "role"], how="anti"
    )
    assert strange.is_empty()
    # Each of the first four queries has two positives, of which an epoch draws one.
    assert (
        positives.filter(pl.col("query_id").is_in(["q0", "q1", "q2", "q3"]))["doc_id"].n_unique()
        > 4
    )


def test_training_lowers_the_loss(base, tmp_path):
    _, table = trained(base, tmp_path / "run", epochs=20, dropout=0.0)
    by_step = table.group_by("step", maintain_order=True).agg(pl.col("loss").mean())["loss"]
    assert by_step.tail(6).mean() < by_step.head(6).mean() / 2


def test_precision_that_changes_without_a_word(base, tmp_path):
    """faults.md: after training in bf16 at learning rate 0, vectors are what they were before
    it.
    """
    texts = ["red cat", "small dog old", "fire"]
    reading = Reading(max_length=16, precision="fp32")

    def encoded(folder: Path) -> np.ndarray:
        return Encoder(ModelFolder(folder), reading).vectors([texts], "document").take(slice(None))

    before = encoded(base.path)
    model, _ = trained(
        base, tmp_path / "run", learning_rate=0.0, weight_decay=0.0, precision="bf16"
    )
    model.save_pretrained(str(tmp_path / "saved"))
    after = encoded(tmp_path / "saved")
    assert np.array_equal(before, after)
    assert ModelFolder(base.path).fingerprint("document") != ""
    encoded_by_library = base.load(16).encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(before, encoded_by_library, atol=1e-6)


def test_dropout_is_the_recipes(base, tmp_path):
    models = {
        share: trained(base, tmp_path / str(share), dropout=share)[0] for share in (None, 0.0, 0.5)
    }
    shares = {
        share: {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
        for share, model in models.items()
    }
    assert shares == {None: {0.1}, 0.0: {0.0}, 0.5: {0.5}}


def test_parts_of_like_length_give_the_vectors_of_the_whole_batch(base):
    from tasks.train import objective as module
    from tasks.train.objective import Objective

    model = base.load(16).eval()
    texts = [
        " ".join(["red", "cat", "big", "tree", "old"][: 1 + n % 5])
        for n in range(module.ROWS_PER_PART * 2 + 3)
    ]
    features = model.preprocess(texts)
    objective = Objective(model, {}, True, examples(*made_up()))
    assert len(objective._parts(features, len(texts))[0]) == 3
    with torch.no_grad():
        whole = torch.nn.functional.normalize(model(dict(features))["sentence_embedding"], dim=1)
        torch.testing.assert_close(objective._vectors(features), whole, atol=1e-6, rtol=0)


def test_training_may_read_less_than_encoding(base, tmp_path, monkeypatch):
    """Texts are cut at `train.max_length` while a model trains; the model that is saved cuts
    them where encoding does.
    """
    from hone.data.training_set import TrainingSet
    from tasks.train.fit import fitted

    widths = []
    plain = torch.nn.Embedding.forward
    monkeypatch.setattr(
        torch.nn.Embedding,
        "forward",
        lambda self, ids: (widths.append(ids.shape[-1]), plain(self, ids))[1],
    )
    saved = {}
    for length in (None, 3):
        widths.clear()
        section = SECTION.model_copy(update={"max_length": length, "steps": 2})
        reading = {"max_length": 4, "prompts": {}, "precision": "fp32"}
        made = examples(*made_up())
        model, _ = fitted(
            made,
            TrainingSet(()),
            section,
            reading,
            base,
            1,
            tmp_path / f"checkpoints {length}",
            "cpu",
        )
        assert max(widths) == (length or 4)  # two words, [CLS] and [SEP]
        model.save_pretrained(str(tmp_path / f"saved {length}"))
        saved[length] = ModelFolder(tmp_path / f"saved {length}")
    assert [folder.max_length for folder in saved.values()] == [4, 4]
    assert saved[None].fingerprint("query") != saved[3].fingerprint("query")
