"""Which numbers a processor multiplies fast, and the device that work runs on; told without loading torch where it can be."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from hone.errors import Refused, nearest

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"})


@cache
def device_of(wanted: str) -> str:
    """The device that `auto` means here: the first GPU, Apple's, or the processor; any other word as it stands."""
    if wanted != "auto":
        if not wanted.startswith(("cpu", "cuda", "mps", "xpu")):
            raise Refused(f"machine.device is '{wanted}': {nearest(wanted, ('auto', 'cpu', 'cuda', 'mps', 'xpu'))}")
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
    """What `auto` means on a device: bf16 where it is computed in hardware, else fp16 on a GPU and fp32 on a processor."""
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        import torch

        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device == "cpu":
        return "bf16" if BF16_FLAGS & processor_flags() else "fp32"
    return "fp32"


def mkl_is_held_back() -> bool:
    """Whether MKL leaves half of the processor unused, as it does where avx512 is not Intel's; oneDNN does not (docs/benchmarks.md)."""
    return "avx512f" in processor_flags() and "GenuineIntel" not in processor_says("vendor_id")


def processor_flags() -> frozenset[str]:
    """What the processor says it can do (Linux); nothing elsewhere."""
    return processor_says("flags", "features")


@cache
def processor_says(*names: str) -> frozenset[str]:
    """The words of the lines of these names."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(word for line in lines if line.lower().startswith(names) for word in line.partition(":")[2].split())
