"""Pins the references: the base model, BM25, a user's model, or an embedding endpoint."""

from __future__ import annotations

from hone.config.params import BUILT_IN, Params
from hone.encoders.pinned_models import made_exact
from hone.encoders.precision import device_of, precision_of
from hone.urls import public, secret


def resolved(given: Params, name: str) -> dict:
    """A reference as `evaluate-reference` reads it: its `kind`, and the settings of that kind.

    Raises:
        Refused: an endpoint has an invalid or secret URL or an unset key, or a model does not
            exist.
    """
    if name in BUILT_IN:
        return {"kind": name}
    item = given.references[name]
    prompts = item.prompts.model_dump()
    if item.endpoint is not None:
        secret(public(item.endpoint.url), item.endpoint.key, item.endpoint.plain_http)
        return {"kind": "endpoint", "prompts": prompts, **item.endpoint.model_dump()}
    reading = {
        "max_length": item.max_length,
        "prompts": prompts,
        "precision": precision_of(given.model.precision, device_of(given.machine.device)),
    }
    return {
        "kind": "model",
        "model": made_exact({item.model: item.revision})[item.model],
        "reading": reading,
    }
