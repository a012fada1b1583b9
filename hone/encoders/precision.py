"""Fast precisions of the hardware, and the device of the work, determined without loading torch
if possible.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from hone.errors import Refused

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"})


@cache
def device_of(wanted: str) -> str:
    """The device for `auto`: the first GPU, Apple's GPU, or the CPU. Other values are returned
    unchanged.
    """
    if wanted != "auto":
        if not wanted.startswith(("cpu", "cuda", "mps", "xpu")):
            raise Refused(
                f"machine.device is '{wanted}', which is not a device. Use auto, cpu, cuda, mps "
                "or xpu."
            )
        return wanted
    if shutil.which("nvidia-smi") or shutil.which("rocm-smi") or Path("/System/Library").exists():
        import torch

        if torch.cuda.is_available():
            return "cuda:0"
        if torch.backends.mps.is_available():
            return "mps"
    return "cpu"


@cache
def precision_of(wanted: str, device: str) -> str:
    """The precision for `auto` on a device: bf16 if the hardware supports it, otherwise fp16 on
    a GPU and fp32 on a CPU.
    """
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        import torch

        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device == "cpu":
        return "bf16" if BF16_FLAGS & processor_flags() else "fp32"
    return "fp32"


def mkl_is_slow() -> bool:
    """Whether MKL uses only half of the CPU, as with avx512 of other vendors than Intel. oneDNN
    does not (docs/explanation/benchmarks.md).
    """
    return "avx512f" in processor_flags() and "GenuineIntel" not in processor_says("vendor_id")


def processor_flags() -> frozenset[str]:
    """The CPU flags (Linux). Empty elsewhere."""
    return processor_says("flags", "features")


@cache
def processor_says(*names: str) -> frozenset[str]:
    """The words of the lines with these names."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        word
        for line in lines
        if line.lower().startswith(names)
        for word in line.partition(":")[2].split()
    )
