"""What rounds are held against, made exact: the base model, BM25, a model of the user's, or an endpoint of embeddings."""

from __future__ import annotations

from hone.addresses import public, secret
from hone.config.params import BUILT_IN, Params
from hone.encoders.pinned_models import made_exact
from hone.encoders.precision import device_of, precision_of


def resolved(given: Params, name: str) -> dict:
    """A reference as `evaluate-reference` reads it: its `kind`, and what that kind needs.

    Raises:
        Refused: an endpoint whose address is none or is not to be kept, or whose key is not set; a model that is not there.
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
    return {"kind": "model", "model": made_exact({item.model: item.revision})[item.model], "reading": reading}
