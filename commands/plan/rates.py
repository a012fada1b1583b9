"""Learning rates that are high for the size of the base model."""

from __future__ import annotations

from commands.init.learning_rate import RATES, parameters_of, rate_for
from hone.config.params import Params
from hone.config.stage_settings import StageSettings
from hone.encoders.model_folder import folder_here
from hone.layout import BASE_MODEL

TUNED = RATES[0][0]  # parameters; the shipped rates were chosen for models up to this size


def rate_lines(given: Params, settings: dict[str, StageSettings]) -> list[str]:
    """A sentence if rounds train a larger model with a rate that is meant for a small one.

    Args:
        given: params.yaml.
        settings: the settings of every stage.
    """
    folder = (
        BASE_MODEL if BASE_MODEL.is_dir() else folder_here(given.model.name, given.model.revision)
    )
    if folder is None or not any(folder.rglob("*.safetensors")):
        return []
    parameters = parameters_of(folder)
    if parameters <= TUNED:
        return []
    usual = rate_for(parameters).rate
    used = {name: settings[f"rounds/{name}/train"].train.learning_rate for name in given.rounds}
    high = {name: rate for name, rate in used.items() if rate > usual}
    if not high:
        return []
    rounds = ", ".join(f"{name} {rate:g}" for name, rate in high.items())
    return [
        f"learning rate: {rounds}, which is high for a model with {parameters / 1e6:,.0f} million "
        f"parameters. {usual:g} is usual. Set `train.learning_rate` in params.yaml, and in the "
        "rounds that override it"
    ]
