"""What is set in a network before it trains: how much it drops, and how attention is computed."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel


def set_dropout(model: torch.nn.Module, share: float) -> None:
    """Set the share of activations that are dropped in training, everywhere in a model.

    On a processor drawing the random numbers is half of a step, which is why recipes drop none unless they say so.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = share


def set_plain_attention(model: torch.nn.Module) -> None:
    """Attention as three separate operations: on a processor the fused one's backward pass takes six times as long."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")
