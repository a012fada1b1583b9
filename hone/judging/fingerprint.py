"""Who a judge is: one fingerprint of everything that decides its answers, and of nothing else."""

from __future__ import annotations

import json
from typing import Any

from hone.config import methods
from hone.files import fingerprint as hashed
from hone.judging.versions import without_how

DIGITS = 32  # of the hash: 128 bits, as in the vector store


def fingerprint(line: dict) -> str:
    """The name of a judge in the ledger.

    Args:
        line: `method` and `parameters`, checked. Those that say how it is asked (an address, a price) do not count.

    Returns:
        32 hexadecimal digits of what decides the answers: method, parameters, and what the judge's module adds by its
        function `identity`, such as the hash of a prompt's file. That a question is asked once (its ONCE) is not among it.

    Raises:
        Refused: what the judge needs (a prompt, a file) is not there, or its parameters do not go together.
    """
    return hashed(json.dumps(described(line), sort_keys=True, ensure_ascii=False))[:DIGITS]


def described(line: dict) -> dict[str, Any]:
    """What a fingerprint is made of, to be read by people: method, parameters and whatever else decides the answers."""
    method = methods.find("relabel.judges", line["method"])
    more, once = method.beside("identity"), method.beside("ONCE", {})
    said = without_how(line)
    plain = {name: value for name, value in said["parameters"].items() if name not in once or value != once[name]}
    return said | {"parameters": plain} | ({"identity": more(line["parameters"])} if more else {})


def variant(fingerprint: str, name: str) -> str:
    """The fingerprint of the same judge asked in another way: a further vote, another order, the opposite question."""
    return hashed(fingerprint, name)[:DIGITS]
