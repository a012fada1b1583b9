"""The rounds of params.yaml: whether each is up to date, and its scores."""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare import decision
from hone.config.params import Params
from hone.files import read_json
from hone.ir.diagnostic_suites import of_one
from hone.ir.split_names import is_generated
from hone.layout import BASE, MODELS, metrics_file
from hone.pipeline.graph import Stage

MEASURE = "ndcg_at_10"
Scores = dict[str, float | None]  # by collection


@dataclass(frozen=True)
class RoundStatus:
    """A round or a reference.

    Attributes:
        name: such as r1, r0 or bm25.
        start: the round that it starts from; null for a reference.
        recipe: null for a reference.
        state: `up to date`, `outdated`, `not run`, `running`, or `unknown` while DVC runs.
        outdated: the kinds of its stages that are not up to date.
        dev, test: nDCG@10 by collection; null if it has not been evaluated, or has no such queries.
        generated_dev: the collections whose dev queries are generated.
    """

    name: str
    start: str | None
    recipe: str | None
    state: str
    outdated: tuple[str, ...]
    dev: Scores
    test: Scores
    generated_dev: tuple[str, ...] = ()


def read_rounds(
    given: Params, stages: list[Stage], outdated: list[str] | None, running: list[str]
) -> list[RoundStatus]:
    """References first, then the rounds, in the order of params.yaml.

    Args:
        given: params.yaml.
        stages: DVC's graph.
        outdated: the stages that are not up to date; null: unknown.
        running: the running stages.
    """
    found = []
    for name in dict.fromkeys([*given.compare_with, *given.rounds]):
        item = given.rounds.get(name)
        own = [stage for stage in stages if stage.round == name]
        late = tuple(dict.fromkeys(stage.kind for stage in own if stage.name in (outdated or ())))
        scores = {one: read_scores(name, one) for one in given.evaluate_on}
        found.append(
            RoundStatus(
                name,
                item.start if item else None,
                item.recipe if item else None,
                describe_state(name, own, late, outdated is None, running),
                late,
                {one: dev for one, (dev, _) in scores.items()},
                {one: test for one, (_, test) in scores.items()},
                tuple(one for one in given.evaluate_on if has_generated_dev(name, one)),
            )
        )
    return found


def describe_state(
    name: str, own: list[Stage], late: tuple[str, ...], unknown: bool, running: list[str]
) -> str:
    """The state of a round or reference."""
    if any(stage.name in running for stage in own):
        return "running"
    if unknown:
        return "unknown"
    if not late:
        return "up to date" if own else "not run"
    trained = any(stage.kind == "train" for stage in own)
    made = (MODELS / name).exists() if trained else metrics_exist(own)
    return "outdated" if made else "not run"


def metrics_exist(own: list[Stage]) -> bool:
    """Whether a reference has been evaluated on a collection."""
    return any(
        metrics_file(stage.round, stage.collection).exists()
        for stage in own
        if stage.round and stage.collection
    )


def read_scores(name: str, collection: str) -> tuple[float | None, float | None]:
    """nDCG@10 on the dev and test queries; null if there is none."""
    file = metrics_file(name, collection)
    if not file.exists():
        return None, None
    means = read_json(file)
    return (means.get("dev") or {}).get(MEASURE), means.get(MEASURE)


def has_generated_dev(name: str, collection: str) -> bool:
    """Whether the dev queries of an evaluation are generated. False if there is none yet."""
    file = metrics_file(name, collection)
    return file.exists() and is_generated(read_json(file))


def choose_best(given: Params, found: list[RoundStatus]) -> str | None:
    """The model with the highest mean on the dev queries, as the report chooses it. Null if no
    round has been evaluated, or there are no dev queries. Diagnostic sets do not count.
    """
    counted = [one for one in given.evaluate_on if not of_one(one, given.collections[one])]
    models = [one for one in found if one.name == BASE or one.name in given.rounds]
    dev = {one.name: {name: one.dev[name] for name in counted} for one in models}
    known = {
        name: scores
        for name, scores in dev.items()
        if any(value is not None for value in scores.values())
    }
    return decision.choose(known) if set(known) - {BASE} else None
