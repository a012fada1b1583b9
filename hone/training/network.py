"""Network settings for training: dropout and attention implementation."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel


def set_dropout(model: torch.nn.Module, share: float) -> None:
    """Set the dropout rate everywhere in a model.

    On a CPU, drawing the random numbers takes half of a step, so dropout is off by default.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = share


def set_plain_attention(model: torch.nn.Module) -> None:
    """Use unfused attention: on a CPU, the backward pass of fused attention takes six times as
    long.
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")
