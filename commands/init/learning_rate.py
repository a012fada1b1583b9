"""The learning rate for a model's size."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

from hone.errors import Refused

# Largest number of parameters, peak learning rate, rate of the first round, source.
RATES = (
    (
        50_000_000,
        5e-5,
        1e-4,
        "chosen on dev queries for 22 M parameters, docs/explanation/default-rounds.md",
    ),
    (200_000_000, 2e-5, 2e-5, "as E5 for base models (arXiv 2212.03533) [unverified]"),
    (math.inf, 1e-5, 1e-5, "as E5 for large models (arXiv 2212.03533) [unverified]"),
)
HEADER_LIMIT = 100_000_000  # bytes, as in the safetensors format


@dataclass(frozen=True)
class Rate:
    """Learning rates.

    Attributes:
        rate: the peak learning rate of all rounds but the first.
        first: that of the first round.
        source: where the rates come from.
    """

    rate: float
    first: float
    source: str


def rate_for(parameters: int) -> Rate:
    """The learning rates for a model with this number of parameters."""
    return next(Rate(*found) for most, *found in RATES if parameters <= most)


def parameters_of(model: Path) -> int:
    """The number of parameters of a model, from the headers of its safetensors files. No weights
    are loaded.

    Raises:
        Refused: there is no safetensors file, or a header is not valid.
    """
    files = sorted(model.rglob("*.safetensors"))
    if not files:
        raise Refused(f"{model} has no safetensors file. Save the model again as safetensors.")
    return sum(parameters_in(file) for file in files)


def parameters_in(file: Path) -> int:
    """The number of parameters in a safetensors file: 8 bytes with the length of a JSON header,
    which has the shape of each tensor. Position ids do not count.

    Raises:
        Refused: the header is not valid.
    """
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > HEADER_LIMIT:
                raise ValueError
            header = json.loads(opened.read(length))
        return sum(
            math.prod(tensor["shape"])
            for name, tensor in header.items()
            if name != "__metadata__" and not name.endswith("position_ids")
        )
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        raise Refused(f"{file} is not a safetensors file. Save or download it again.") from None
