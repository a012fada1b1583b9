"""Settings of stages that a test writes by hand: what it does not name has the least value of
its type.
"""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from hone.config.stage_settings import StageSettings
from hone.files import write_json

LEAST = {str: "", int: 0, float: 0.0, bool: False, list: [], dict: {}}


def write_settings(kind: type[StageSettings], options: dict[str, str], **given: Any) -> None:
    """Write the settings of a stage; `options` find the file, such as `{"round": "r1"}`.

    The file holds what a stage would read: `given` is checked like the settings that `resolve`
    writes.
    """
    names = {
        field.alias or name: field.annotation
        for name, field in kind.model_fields.items()
        if field.is_required()
    }
    filled = {name: least(annotation) for name, annotation in names.items()}
    known = {name: value for name, value in options.items() if name in filled}
    write_json(kind.file(**options), kind.model_validate(filled | known | given).plain())


def least(annotation: Any) -> Any:
    """None, "none", or nothing, whichever the type has first."""
    if type(None) in get_args(annotation):
        return None
    if is_typeddict(annotation):
        return {name: READING[name] for name in get_type_hints(annotation)}
    if "none" in str(annotation):
        return "none"
    if get_origin(annotation) in LEAST:
        return LEAST[get_origin(annotation)]
    if str(annotation).startswith("typing.Literal"):
        return get_args(annotation)[0]
    return LEAST[annotation]


READING = {"max_length": 8, "prompts": {}, "precision": "fp32", "name": "", "revision": None}
