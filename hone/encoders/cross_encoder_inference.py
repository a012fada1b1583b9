"""Forward pass of a cross-encoder: length-sorted batches of pairs, as for an encoder's texts."""

from __future__ import annotations

from copy import deepcopy

import torch
from sentence_transformers import CrossEncoder

from hone.encoders.batched_inference import PRECISIONS, Features, TorchEncoder

TextPair = tuple[str, str]


class TorchCrossEncoder(TorchEncoder):
    """A model that scores pairs of a query and a document. `encode` returns their logits [n, 1] in
    fp32.

    Batches, threads and halving on a full GPU are as for an encoder. The last layer always runs in
    fp32: with the 8 bits of bf16, many candidates of a query would have equal scores.

    Args:
        model: the torch model on its device. Its weights may be rounded in place.
        precision, batch_tokens: as for an encoder.
    """

    def __init__(
        self, model: CrossEncoder, precision: str, batch_tokens: int | None = None
    ) -> None:
        name = last_linear(model)
        head = deepcopy(model.get_submodule(name).state_dict())
        # The prefix that `predict` adds to every pair: cross-encoders only use the default prompt.
        super().__init__(
            model,
            "document",
            model.prompts.get(model.default_prompt_name) or "",
            precision,
            batch_tokens,
        )
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
    """The name of the layer that computes the score."""
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)][
        -1
    ]
