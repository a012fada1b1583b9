"""Likelihood of a query given a passage, by small causal language models on disk. Code that
comes with a model is never run.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hone.encoders.cross_encoder_folder import is_folder
from hone.encoders.model_folder import folder_of
from hone.encoders.model_safety import refuse_foreign
from hone.errors import Refused
from hone.files import fingerprint, fingerprint_of_file, read_json

if TYPE_CHECKING:
    import torch

LENGTH = 512  # default tokens of a prompt [Hone default]
# Hone default. ART uses the same order: the passage, then an instruction to write a question about
# it.
WITH = "Passage: {passage}\n\nA question that this passage answers: "
WITHOUT = "A question: "


@dataclass
class CausalModel:
    """A causal language model and its tokenizer.

    Args:
        path: a transformers folder with safetensors.
        max_length: tokens of passage and query together; the passage is cut.
        device: torch device.
    """

    path: Path
    max_length: int = LENGTH
    device: str = "cpu"

    def __post_init__(self) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        refuse_unsafe(self.path)
        given = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(str(self.path), **given)
        self.model = (
            AutoModelForCausalLM.from_pretrained(str(self.path), use_safetensors=True, **given)
            .to(self.device)
            .eval()
        )
        self.may_keep = "logits_to_keep" in inspect.signature(self.model.forward).parameters

    def predict(
        self, pairs: list[tuple[str, str]], batch_size: int = 32, **_: object
    ) -> np.ndarray:
        """log P(query | passage) - log P(query) for each query and passage, in nats per query
        token: [n].
        """
        given = self.likelihoods(
            [(query, WITH.format(passage=passage)) for query, passage in pairs], batch_size
        )
        alone = self.likelihoods(
            [(query, WITHOUT) for query in dict.fromkeys(query for query, _ in pairs)], batch_size
        )
        place = {
            query: number for number, query in enumerate(dict.fromkeys(query for query, _ in pairs))
        }
        return given - alone[[place[query] for query, _ in pairs]]

    def likelihoods(self, prefixed_texts: list[tuple[str, str]], batch_size: int) -> np.ndarray:
        """Mean log-probability of the tokens of each text after its prefix: [n], in nats."""
        rows = [self._tokens(text, before) for text, before in prefixed_texts]
        order = np.argsort([-len(tokens) for tokens, _ in rows], kind="stable")
        means = np.empty(len(rows), dtype=np.float64)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            means[chosen] = self._forward([rows[number] for number in chosen])
        return means

    def _tokens(self, text: str, before: str) -> tuple[list[int], int]:
        """Token ids, and how many at the end belong to the text. The prefix is cut if both
        together are too long.
        """
        own = self.tokenizer.encode(text, add_special_tokens=False)[: self.max_length // 2] or [
            self.tokenizer.eos_token_id or 0
        ]
        opening, _, closing = before.rpartition("\n\n") if "\n\n" in before else ("", "", before)
        end = self.tokenizer.encode(("\n\n" if opening else "") + closing, add_special_tokens=False)
        start = self.tokenizer.encode(opening, add_special_tokens=True) if opening else []
        start = start or [
            self.tokenizer.bos_token_id if self.tokenizer.bos_token_id is not None else end[0]
        ]
        return [*start[: max(1, self.max_length - len(own) - len(end))], *end, *own], len(own)

    def _forward(self, rows: list[tuple[list[int], int]]) -> np.ndarray:
        import torch

        longest = max(len(tokens) for tokens, _ in rows)
        numbers = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros_like(numbers)
        for row, (tokens, _) in enumerate(
            rows
        ):  # right padding, so that positions are those of a single row
            numbers[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        with torch.no_grad():
            # Logits at all positions of 32 prompts of 512 tokens would take 10 GB with a vocabulary
            # of 152,000. Only the ends are needed.
            first = min(len(tokens) - count - 1 for tokens, count in rows) if self.may_keep else 0
            keep = {"logits_to_keep": longest - first} if self.may_keep else {}
            logits = (
                self.model(
                    input_ids=numbers.to(self.device), attention_mask=mask.to(self.device), **keep
                )
                .logits.float()
                .cpu()
            )
        return np.array(
            [mean_of(logits[row], tokens, count, first) for row, (tokens, count) in enumerate(rows)]
        )


def mean_of(logits: torch.Tensor, tokens: list[int], count: int, first: int = 0) -> float:
    """Mean log-probability of a row's last `count` tokens, each from the logits at the previous
    position.

    Args:
        logits: [positions, vocabulary], from position `first` on.
    """
    import torch

    places = range(len(tokens) - count - 1 - first, len(tokens) - 1 - first)
    chosen = logits[list(places)].log_softmax(-1)
    return float(chosen[torch.arange(count), torch.tensor(tokens[-count:])].mean())


def identity_of(name: str, revision: str | None = None) -> str:
    """What determines a model's likelihoods, without network access: the hash of its files, or the
    commit of a Hub id.

    Raises:
        Refused: the model does not exist, may change unnoticed, or is not safe to load.
    """
    if not is_folder(name, revision):
        return f"{name}@{revision} {prompt()}"
    folder = Path(name)
    refuse_unsafe(folder)
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix in (".json", ".safetensors", ".txt", ".model")
    )
    return fingerprint(
        prompt(), *(part for file in files for part in (file.name, fingerprint_of_file(file)))
    )


def model_of(name: str, revision: str | None, max_length: int | None, device: str) -> CausalModel:
    """Load a model by name, in torch."""
    is_folder(name, revision)
    return CausalModel(folder_of(name, revision), max_length or LENGTH, device)


def prompt() -> str:
    return fingerprint(WITH, WITHOUT)[:16]


def refuse_unsafe(folder: Path) -> None:
    """Raises Refused if the folder is not a causal model or contains code. The format of its
    weights must not be able to contain code either.
    """
    file = folder / "config.json"
    config = read_json(file) if file.exists() else {}
    if not any(
        str(name).endswith(("ForCausalLM", "LMHeadModel"))
        for name in config.get("architectures") or []
    ):
        raise Refused(
            f"{folder} is not a causal language model: config.json names "
            f"{json.dumps(config.get('architectures'))}."
        )
    refuse_foreign(folder, "AutoModelForCausalLM")
