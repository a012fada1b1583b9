"""How likely a query is once a passage has been read: against log-probabilities of a tiny model,
worked out step by step.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.config import methods
from hone.errors import Refused
from hone.judging import fingerprint
from hone.llm.query_likelihood import WITH, WITHOUT, CausalModel
from tests.hone.llm.answering import desk, questions

WORDS = [
    "<s>",
    "<unk>",
    "a",
    "b",
    "c",
    "Passage",
    ":",
    "question",
    "that",
    "this",
    "passage",
    "answers",
    "A",
]


@pytest.fixture
def tiny(workspace: Path) -> Path:
    """A random causal model of a dozen words, below inputs/."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = Path("inputs/tiny")
    torch.manual_seed(5)
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>", unk_token="<unk>"
    ).save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(WORDS),
        n_positions=64,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def step_by_step(model: CausalModel, before: list[int], own: list[int]) -> float:
    """Mean log-probability of `own` after `before`, one forward pass for each word."""
    import torch

    total = 0.0
    for place, word in enumerate(own):
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([before + own[:place]])).logits[0, -1]
        total += float(logits.log_softmax(-1)[word])
    return total / len(own)


def test_likelihood_less_what_the_query_has_alone(tiny: Path):
    model = CausalModel(tiny, 64)
    encode = model.tokenizer.encode
    got = model.predict([("a b", "c c b"), ("c", "a"), ("a b", "b")], batch_size=2)
    for (query, passage), value in zip(
        [("a b", "c c b"), ("c", "a"), ("a b", "b")], got, strict=True
    ):
        opening, _, closing = WITH.format(passage=passage).rpartition("\n\n")
        given = step_by_step(model, encode(opening) + encode(closing), encode(query))
        alone = step_by_step(model, [0, *encode(WITHOUT)], encode(query))
        assert value == pytest.approx(given - alone, abs=1e-5)


def test_rows_of_unlike_lengths_in_one_batch_are_as_each_alone(tiny: Path):
    """Only the logits at the ends of a batch are made; a short row's end is not where a long
    one's is.
    """
    model = CausalModel(tiny, 64)
    pairs = [("a b c a b c a", "b"), ("c", "a b c " * 8), ("b a", "c")]
    together = model.predict(pairs, batch_size=3)
    alone = [float(model.predict([pair], batch_size=1)[0]) for pair in pairs]
    assert together == pytest.approx(alone, abs=1e-5)
    model.may_keep = False  # a model that can only give all logits
    assert model.predict(pairs, batch_size=3) == pytest.approx(alone, abs=1e-5)


def test_a_long_passage_is_cut_and_the_query_is_not(tiny: Path):
    model = CausalModel(tiny, 32)
    tokens, own = model._tokens("a b c", WITH.format(passage="b " * 200))
    assert (len(tokens), own) == (32, 3)
    assert tokens[-3:] == model.tokenizer.encode("a b c")


def test_verdicts_compare_with_the_known_answer_and_nothing_is_scored_twice(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    line = methods.checked("relabel.judges", {"likelihood": {"model": str(tiny)}}, "test")
    pair_questions = questions(("q1", "a"), ("q1", "b"))
    judge = methods.find("relabel.judges", "likelihood")
    at = desk()
    first = judge(
        line["parameters"],
        questions=pair_questions,
        desk=at,
        fingerprint=fingerprint.fingerprint(line),
    )
    assert first["grade"].is_finite().all()
    assert set(first["verdict"]) <= {"positive", "negative"}
    monkeypatch.setattr(CausalModel, "predict", lambda *_, **__: pytest.fail("scored again"))
    assert judge(
        line["parameters"],
        questions=pair_questions,
        desk=at,
        fingerprint=fingerprint.fingerprint(line),
    ).equals(first)


def test_what_is_no_language_model_is_refused_before_anything_runs(workspace: Path):
    folder = Path("inputs/none")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(Refused, match="not a causal language model"):
        fingerprint.fingerprint(
            methods.checked("relabel.judges", {"likelihood": {"model": str(folder)}}, "test")
        )
