"""The fingerprint of a judge: a hash of everything that determines its answers, and of nothing
else.
"""

from __future__ import annotations

import json
from typing import Any

from hone.config import methods
from hone.files import fingerprint as hashed
from hone.judging.versions import without_how

DIGITS = 32  # of the hash: 128 bits, as in the embedding cache


def fingerprint(line: dict) -> str:
    """A judge's name in the ledger.

    Args:
        line: `method` and `parameters`, checked. Parameters that do not affect the answers
            (address, price) are excluded.

    Returns:
        32 hexadecimal digits, from everything that determines the answers: method, parameters, and
        the result of the judge module's function `identity`, such as the hash of a prompt file.
        Parameters in ONCE are excluded.

    Raises:
        Refused: a prompt or file of the judge is missing, or its parameters contradict each other.
    """
    return hashed(json.dumps(described(line), sort_keys=True, ensure_ascii=False))[:DIGITS]


def described(line: dict) -> dict[str, Any]:
    """A readable form of what the fingerprint covers: method, parameters and everything else
    that determines the answers.
    """
    method = methods.find("relabel.judges", line["method"])
    more, once = method.beside("identity"), method.beside("ONCE", {})
    essential = without_how(line)
    plain = {
        name: value
        for name, value in essential["parameters"].items()
        if name not in once or value != once[name]
    }
    return (
        essential | {"parameters": plain} | ({"identity": more(line["parameters"])} if more else {})
    )


def variant(fingerprint: str, name: str) -> str:
    """The fingerprint of a variant of the judge: a further vote, another order, the inverted
    question.
    """
    return hashed(fingerprint, name)[:DIGITS]
