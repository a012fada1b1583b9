"""Early stopping: compare the gain of each round on the dev queries with the minimum gain in
params.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare.decision import mean_gain
from hone.config import methods
from hone.config.params import Collection, Params
from hone.errors import Refused, nearest
from hone.files import read_json
from hone.ir.split_names import GENERATED, is_generated, name_dev_queries
from hone.layout import metrics_file
from hone.pipeline.graph import Stage


@dataclass(frozen=True)
class Gain:
    """The gain of a round over the round that it starts from, on the dev queries, as a mean over
    collections. `queries` says which of them are generated.
    """

    round: str
    start: str
    metric: str
    value: float
    queries: str = "dev queries"

    def __str__(self) -> str:
        return (
            f"{self.round} gains {self.value:+.4f} {self.metric} over {self.start} on the "
            f"{self.queries}"
        )


def makes_model(stage: Stage) -> bool:
    """Whether a stage contributes to a round's model (retrieve to train)."""
    return stage.round is not None and stage.collection is None and stage.kind != "track"


def deciding_collections(given: Params) -> list[str]:
    """The collections that decide on stopping: all evaluation collections except diagnostic sets.

    Sources are parsed, not imported, because Ctrl-C no longer stops a flow process after it has
    imported polars.
    """
    return [name for name in given.evaluate_on if not is_suite(given.collections[name])]


def is_suite(item: Collection) -> bool:
    return bool(
        item.ability or methods.constant("collect", item.source.partition(":")[0], "ABILITY")
    )


def evaluations_of(name: str, given: Params) -> list[str]:
    """The names of the evaluation stages from which the gain of a round is computed."""
    kind = "evaluate" if name in given.rounds else "evaluate-reference"
    return [f"{kind}@{name}-{collection}" for collection in deciding_collections(given)]


def gain(name: str, given: Params) -> Gain:
    """The gain of an evaluated round.

    Raises:
        Refused: the metric is unknown, or there are no dev queries.
    """
    start, metric = given.rounds[name].start, given.stop.metric
    names = deciding_collections(given)
    new, old = (
        {collection: dev_score(model, collection, metric) for collection in names}
        for model in (name, start)
    )
    value = mean_gain(new, old)
    if value is None:
        raise Refused(
            f"params.yaml: stop.minimum_gain is {given.stop.minimum_gain}, but no collection of "
            "evaluate_on has dev queries. "
            "Set `split: {dev: ...}` for one of them, or set stop.minimum_gain to null."
        )
    generated = {
        collection: is_generated(read_json(metrics_file(name, collection)))
        for collection in names
        if new[collection] is not None
    }
    return Gain(name, start, metric, value, name_dev_queries(generated))


def dev_score(name: str, collection: str, metric: str) -> float | None:
    """A round's mean on the dev queries; null if the collection has none."""
    means = read_json(metrics_file(name, collection)).get("dev")
    if means is None:
        return None
    measures = [measure for measure in means if measure not in ("queries", GENERATED)]
    if metric not in measures:
        raise Refused(f"params.yaml: stop.metric is '{metric}': {nearest(metric, measures)}")
    return means[metric]


def reason_to_stop(name: str, given: Params) -> str | None:
    """The reason to skip the round `name`: the round that it starts from gained too little.
    Null: run it.
    """
    minimum = given.stop.minimum_gain
    built_on = given.rounds[name].start
    if minimum is None or built_on not in given.rounds:
        return None
    found = gain(built_on, given)
    if found.value >= minimum:
        return None
    return f"{found}, less than stop.minimum_gain ({minimum}), so {name} is skipped"
