"""The models that write: found in params.yaml, checked, and named by everything that determines
their texts.
"""

from __future__ import annotations

import json
from typing import Any

from hone.config import methods
from hone.errors import Refused, listed, nearest
from hone.files import fingerprint as hashed
from hone.generation.prompt import WritingPrompt
from hone.judging.fingerprint import DIGITS
from hone.judging.versions import without_how

PLACE = "generate.generators"


def first_usable(given: dict[str, Any], wanted: str | list[str], where: str) -> tuple[str, dict]:
    """The first generator of a list that params.yaml defines and that can be used here; otherwise
    the last that it defines.

    Args:
        given: `generators` of params.yaml.
        wanted: a name, or names in order of preference.
        where: the setting, for messages.

    Returns:
        Its name and its checked line.

    Raises:
        Refused: none of the names is defined.
    """
    names = [wanted] if isinstance(wanted, str) else wanted
    known = [name for name in names if name in given]
    if not known:
        hint = nearest(names[0], given) if given else "it defines none."
        raise Refused(
            f"{where}: params.yaml has no generator {listed(names) or 'name'} in `generators`: "
            f"{hint} (docs/how-to/generate.md)"
        )
    lines = {
        name: methods.checked(PLACE, given[name], f"params.yaml: generators.{name}")
        for name in known
    }
    usable = next((name for name in known if why_unusable(lines[name]) is None), known[-1])
    return usable, lines[usable]


def why_unusable(line: dict) -> str | None:
    """Why a generator cannot be used on this machine, as far as this shows beforehand; null: it
    can.
    """
    missing = methods.find(PLACE, line["method"]).beside("missing")
    return missing(line["parameters"]) if missing else None


def essential(line: dict) -> dict[str, Any]:
    """What determines a generator's texts: method, parameters without addresses and prices, and
    the checksum of a local model.
    """
    identity = methods.find(PLACE, line["method"]).beside("identity")
    more = {"identity": identity(line["parameters"])} if identity else {}
    return without_how(line, PLACE) | more


def fingerprint_of(line: dict, prompt: WritingPrompt) -> str:
    """The name of a generator with a prompt in the ledger: 32 hexadecimal digits, from everything
    that determines its texts and nothing else. The seed is not part of it, so another seed does not
    pay again.

    Args:
        line: `method` and `parameters`, checked or resolved.
        prompt: the prompt.
    """
    described = {"generator": essential(line), "prompt": prompt.fingerprint}
    return hashed(json.dumps(described, sort_keys=True, ensure_ascii=False))[:DIGITS]


def model_name(line: dict) -> str:
    """The name of a generator's model, as in the column `origin`."""
    name = methods.find(PLACE, line["method"]).beside("model_name")
    return name(line["parameters"]) if name else line["method"]
