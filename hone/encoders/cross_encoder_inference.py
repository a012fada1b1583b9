"""The forward pass of a cross-encoder: pairs of texts of like length through a model, as an encoder's texts are."""

from __future__ import annotations

from copy import deepcopy

import torch
from sentence_transformers import CrossEncoder

from hone.encoders.batched_inference import PRECISIONS, Features, TorchEncoder

TextPair = tuple[str, str]


class TorchCrossEncoder(TorchEncoder):
    """A model that scores pairs of a query and a document: `encode` gives their logits [n, 1] in fp32.

    Batches, threads and halving on a full GPU are an encoder's. What the model's last layer makes is computed in fp32 whatever
    the precision: with the 8 bits of bf16 many candidates of a query would have the same score.

    Args:
        model: in torch, on its device; it is taken over (its weights may be rounded).
        precision, batch_tokens: as for an encoder.
    """

    def __init__(self, model: CrossEncoder, precision: str, batch_tokens: int | None = None) -> None:
        name = last_linear(model)
        head = deepcopy(model.get_submodule(name).state_dict())
        # What `predict` puts before every pair: of a cross-encoder only the default prompt is applied.
        super().__init__(model, "document", model.prompts.get(model.default_prompt_name) or "", precision, batch_tokens)
        if precision in PRECISIONS:
            model.get_submodule(name).float().load_state_dict(head)
            model.set_keep_in_fp32_modules([name])

    def _size(self, text: TextPair) -> int:
        return len(text[0]) + len(text[1])

    def _features(self, texts: list[TextPair]) -> Features:
        return self.model.preprocess(texts, prompt=self.prompt or None)

    def _output(self, features: Features) -> torch.Tensor:
        return self.model(features)["scores"].reshape(-1, 1)


def last_linear(model: CrossEncoder) -> str:
    """The name of the layer that makes the score."""
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)][-1]
