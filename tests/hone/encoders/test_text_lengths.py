"""How much of texts is read: counted with the tokenizer, worked by hand, and shown before
anything is encoded.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.doctor import command as doctor
from commands.plan import texts
from hone.config import params
from hone.data import tables
from hone.data.tables import Documents
from hone.encoders import text_lengths
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import Cut, cut_documents, cut_of, cut_texts, token_counts
from hone.errors import Refused
from tasks.resolve.stages import everything
from tests.prepared import COLLECTION, ROUNDS, write_params
from tests.tiny_model import WORDS


def model_of_words(folder: Path, positions: int = 512, length: int = 64) -> ModelFolder:
    """A folder with a tokenizer of one token a word, [CLS] and [SEP] around them, and no
    weights.
    """
    import tokenizers
    from tokenizers import models, pre_tokenizers, processors

    folder.mkdir(parents=True)
    made = tokenizers.Tokenizer(
        models.WordLevel(
            {word: number for number, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *WORDS])},
            "[UNK]",
        )
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    made.enable_truncation(8)  # what a published tokenizer brings is not what counts
    made.save(str(folder / "tokenizer.json"))
    (folder / "modules.json").write_text("[]")
    (folder / "config.json").write_text(
        json.dumps({"max_position_embeddings": positions, "hidden_size": 4})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}))
    return ModelFolder(folder)


def collection(folder: Path, texts: list[str]) -> Documents:
    rows = pl.DataFrame(
        {
            "doc_id": [str(number) for number in range(len(texts))],
            "title": None,
            "text": texts,
            "parent_id": None,
        }
    )
    tables.write("documents", tables.shaped("documents", rows), folder / "documents.parquet")
    return Documents(folder / "documents.parquet")


def test_a_hundred_documents_of_300_tokens_are_all_cut_at_96(tmp_path: Path):
    """298 words and two special tokens: 96 of 300 are read, 68 % are not. In Chinese, too, where
    characters say nothing.
    """
    model = model_of_words(tmp_path / "model")
    texts = [" ".join(["red"] * 298)] * 50 + [" ".join(["山"] * 298)] * 50
    found = cut_documents(collection(tmp_path, texts), model, Reading(96))
    assert found == Cut(100, 100, 100, 30_000, 20_400, 96)
    assert (
        found.describe()
        == "100 of 100 documents are cut after 96 tokens: 68.0 % of all tokens are not read"
    )


def test_prompt_and_title_are_read_too(tmp_path: Path):
    model = model_of_words(tmp_path / "model")
    assert token_counts(["red cat", ""], model.path, "blue dog ").tolist() == [6, 4]
    rows = pl.DataFrame(
        {"doc_id": ["a"], "title": ["red stone"], "text": ["cat"], "parent_id": None}
    )
    tables.write("documents", tables.shaped("documents", rows), tmp_path / "documents.parquet")
    found = cut_documents(
        Documents(tmp_path / "documents.parquet"), model, Reading(4, (("document", "old "),))
    )
    assert (found.cut, found.tokens, found.lost) == (1, 6, 2)


def test_a_large_collection_is_sampled_and_the_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(text_lengths, "MOST", 4)
    model, texts = (
        model_of_words(tmp_path / "model"),
        ["red " * (number + 1) for number in range(10)],
    )
    found = cut_documents(collection(tmp_path, texts), model, Reading(8))
    assert (found.texts, found.counted) == (
        10,
        4,
    )  # documents 0, 3, 6 and 9 have 3, 6, 9 and 12 tokens
    assert (found.cut, found.tokens, found.lost) == (2, 30, 5)
    assert found.describe() == (
        "about 50.0 % of 10 documents are cut after 8 tokens: about 16.7 % of all tokens are not "
        "read (estimated from 4 "
        "evenly spaced documents)"
    )
    assert cut_texts(pl.Series(texts), model, Reading(8), "document") == found


@given(st.lists(st.integers(0, 1000), max_size=30), st.integers(1, 1000))
def test_what_is_read_and_what_is_not_are_all(counts: list[int], length: int):
    found = cut_of(np.array(counts, dtype=np.int64), len(counts), length)
    assert found.tokens - found.lost == sum(min(count, length) for count in counts)
    assert found.cut == sum(count > length for count in counts)
    assert 0 <= found.share_lost < 1
    assert 0 <= found.share_cut <= 1


def test_a_model_without_a_tokenizer_file_is_refused(tmp_path: Path):
    with pytest.raises(Refused, match="has no tokenizer.json"):
        token_counts(["a"], tmp_path)


@pytest.fixture
def prepared(workspace: Path) -> dict[str, dict]:
    """A collection that was collected, and a base model that reads 10 tokens; the second round
    trains with 8.
    """
    model_of_words(Path("inputs/base"))
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/base", "max_length": 10, "precision": "fp32"},
        rounds=ROUNDS | {"r2": {"from": "r1", "recipe": "top-k", "train": {"max_length": 8}}},
    )
    collection(Path("data/ours"), ["red " * 4, "blue " * 10])
    return everything(params.read())


def test_plan_and_doctor_show_what_is_cut(prepared: dict[str, dict]):
    """6 and 12 tokens, of which 10 or 8 are read: 2 or 4 of 18 are lost."""
    whole = "1 of 2 documents are cut after 10 tokens: 11.1 % of all tokens are not read"
    assert texts.cut_lines(params.read(), prepared) == [
        f"ours: {whole}",
        "ours, in the training of r2: 1 of 2 documents are cut after 8 tokens: 22.2 % of all "
        "tokens are not read",
    ]
    assert [line.text.partition(". ")[0] for line in doctor.lengths()] == [
        f"collection ours: {whole}"
    ]


def test_the_length_of_training_is_the_round_s_alone(prepared: dict[str, dict]):
    """It trains that round anew, and neither encodes nor evaluates anything else."""
    before = {
        name: values
        for name, values in prepared.items()
        if name.startswith(("evaluate", "reference", "start", "collect"))
    }
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/base", "max_length": 10, "precision": "fp32"},
        rounds=ROUNDS | {"r2": {"from": "r1", "recipe": "top-k", "train": {"max_length": 9}}},
    )
    after = everything(params.read())
    changed = {name for name in after if after[name] != prepared[name]}
    assert changed & before.keys() == set()
    assert {name for name in changed if name.startswith("rounds/")} == {"rounds/r2/train"}


def test_more_tokens_than_the_model_can_tell_apart_are_refused_before_anything_runs(
    prepared: dict[str, dict],
):
    model_of_words(Path("inputs/short"), positions=16)
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/short", "max_length": 8},
        rounds={"r1": {"from": "r0", "recipe": "top-k", "train": {"max_length": 17}}},
    )
    with pytest.raises(
        Refused,
        match="round r1: train.max_length is 17, but inputs/short supports at most 16 tokens",
    ):
        everything(params.read())


@pytest.mark.parametrize(
    ("old", "tokenizer", "expected"),
    [(64, 128, 64), (None, 128, 128), (None, 10**30, 512), (None, 4096, 512), (None, None, 512)],
)
def test_the_own_length_of_a_model_is_that_of_sentence_transformers(
    tmp_path: Path, old: int | None, tokenizer: int | None, expected: int
):
    """A trained model has its length in the tokenizer alone: without a setting, rounds read
    twice as many tokens as the base model.
    """
    model = model_of_words(tmp_path / "model")
    (model.path / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": old} if old else {})
    )
    (model.path / "tokenizer_config.json").write_text(
        json.dumps({"model_max_length": tokenizer} if tokenizer else {})
    )
    assert ModelFolder(model.path).max_length == expected
