"""What a processor says of itself."""

from __future__ import annotations

import pytest

from hone.encoders import precision


@pytest.mark.parametrize(
    ("vendor", "flags", "bf16", "is_slow"),
    [
        ("AuthenticAMD", {"avx2"}, "fp32", False),
        ("AuthenticAMD", {"avx2", "avx512f", "avx512_bf16"}, "bf16", True),
        ("GenuineIntel", {"avx2", "avx512f"}, "fp32", False),
        ("GenuineIntel", {"avx2", "avx512f", "amx_bf16"}, "bf16", False),
        ("", set(), "fp32", False),
    ],
)
def test_what_auto_means_and_which_library_multiplies(
    vendor: str, flags: set, bf16: str, is_slow: bool, monkeypatch: pytest.MonkeyPatch
):
    processor = {"vendor_id": frozenset(filter(None, [vendor])), "flags": frozenset(flags)}
    monkeypatch.setattr(precision, "processor_says", lambda *names: processor[names[0]])
    precision.precision_of.cache_clear()
    try:
        assert precision.precision_of("auto", "cpu") == bf16
        assert precision.precision_of("fp32", "cpu") == "fp32"
        assert precision.mkl_is_slow() is is_slow
    finally:
        precision.precision_of.cache_clear()
