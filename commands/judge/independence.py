"""Checks that a judge of unjudged documents is independent of the compared rankings and of their
training data.

A model trained on a judge's labels prefers the documents that this judge prefers. If the same judge
then labels the unjudged documents, it confirms its own errors. The round then looks better than it
is. A different prompt does not remove a model's blind spots, so the model counts, not only the
fingerprint. People may always judge.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from hone.config.params import BUILT_IN, Params
from hone.config.stage_settings import NONE, MethodLine
from hone.data import tables
from hone.data.rounds import ancestors
from hone.errors import Refused, nearest
from hone.judging.resolved_relabel import JudgeLine
from hone.layout import BASE, round_table
from hone.llm import gguf
from tasks.relabel.settings import RelabelSettings
from tasks.score.settings import ScoreSettings

PEOPLE = "people"
ENCODER = "encoder"


@dataclass(frozen=True)
class Filler:
    """A judge of unjudged documents.

    Attributes:
        fingerprints: the judge's fingerprints; a file may have labels under several.
        models: every name of its model, normalized by `plain`.
    """

    name: str
    method: str
    fingerprints: frozenset[str]
    models: frozenset[str]


@dataclass(frozen=True)
class Worked:
    """A judge or scorer of a round's training data; `part` is "relabelled" or "scored"."""

    round: str
    judge: str
    part: str
    fingerprint: str | None
    models: frozenset[str]


def plain(model: str) -> str:
    """Normalize a model's name: without owner and folder, in lower case. Vendors and servers
    write these differently.
    """
    return model.rstrip("/").rpartition("/")[2].strip().casefold()


def models_of(line: dict, given: Params) -> frozenset[str]:
    """Every possible name of a judge's or scorer's model; empty for people and recorded answers."""
    parameters = line["parameters"]
    reported = parameters.get("reported")
    names = {parameters.get("model"), *(reported if isinstance(reported, list) else [reported])}
    if BASE in names and line["method"] == ENCODER:
        names = {given.model.name}
    if line["method"] == "local":
        with suppress(Refused, OSError):  # without the file, only the name counts
            names.add(gguf.name_of(parameters["model"]))
    return frozenset(plain(name) for name in names if name)


def refuse_related(filler: Filler, names: list[str], given: Params) -> None:
    """Raises Refused if a judge is not independent of these rankings, or if that is unknown.

    Args:
        filler: the judge.
        names: the compared rounds and references.
        given: params.yaml.
    """
    known = [*given.rounds, *BUILT_IN, *given.references]
    for name in names:
        if name not in known:
            raise Refused(
                f"'{name}' is not a round or reference of params.yaml, so the judges of its "
                "training data are unknown: "
                f"{nearest(name, known)}"
            )
    if filler.method == PEOPLE:
        return
    refuse_own_ranking(filler, names, given)
    for name in names:
        for one in [one for round in line_of(given, name) for one in worked(round, given)]:
            trains = f"round {one.round}" + (
                "" if one.round == name else f", on which {name} is based"
            )
            if one.fingerprint in filler.fingerprints:
                raise Refused(
                    f"Judge {filler.name} {one.part} training data of {trains}. It would confirm "
                    "its own errors in the evaluation. "
                    f"{another()}"
                )
            if same := sorted(one.models & filler.models):
                raise Refused(
                    f"Judge {filler.name} uses the same model ({same[0]}) as {one.judge}, which "
                    f"{one.part} training data of {trains}. "
                    f"{another()}"
                )


def another() -> str:
    return "Choose a judge with a different model, or a person (`hone judge unjudged people:NAME`)."


def refuse_own_ranking(filler: Filler, names: list[str], given: Params) -> None:
    """Raises Refused if an encoder would judge its own ranking, or the ranking of a model
    fine-tuned from it.
    """
    if filler.method != ENCODER:
        return
    if not filler.models:
        raise Refused(
            f"Judge {filler.name} uses the round's own model, which produced the ranking. "
            f"{another()}"
        )
    for name in names:
        own = (
            given.references[name].model
            if name in given.references
            else None
            if name == "bm25"
            else given.model.name
        )
        if own and plain(own) in filler.models:
            raise Refused(
                f"Judge {filler.name} is the encoder {plain(own)}, which is also the base of the "
                f"ranking of {name}. It would confirm "
                f"this ranking. {another()}"
            )


def line_of(given: Params, name: str) -> list[str]:
    """A round and all its ancestors; empty for r0 and for references."""
    rounds = {round: {"from": item.start} for round, item in given.rounds.items()}
    return [one for one in ancestors(rounds, name) if one in rounds]


def worked(round: str, given: Params) -> list[Worked]:
    """All judges and scorers of a round's training data, from its judgments and its resolved
    settings.

    Raises:
        Refused: the judgments are missing.
    """
    file = round_table(round, "judgments")
    if not file.exists():
        raise Refused(
            f"{file} is missing, so the judges of round {round}'s training data are unknown. Run "
            f"`dvc pull` or `dvc repro relabel@{round}`."
        )
    rows = (
        tables.scan("judgments", file)
        .group_by("judge", "fingerprint")
        .agg(pl.col("model").drop_nulls().unique())
        .collect()
    )
    found = [
        Worked(round, judge, "relabelled", fingerprint, frozenset(map(plain, models)))
        for judge, fingerprint, models in rows.sort("judge", "fingerprint").rows()
    ]
    for part, lines in (("relabelled", judges_of(round)), ("scored", scorers_of(round))):
        found += [
            Worked(round, name, part, line.get("fingerprint"), models_of(line, given))
            for name, line in lines.items()
        ]
    return found


def judges_of(round: str) -> dict[str, JudgeLine]:
    """The resolved judges of a round, by name."""
    if not RelabelSettings.file(round=round).exists():
        return {}
    section = RelabelSettings.read(round=round).relabel
    return {} if section == NONE else {line["name"]: line for line in section.cascade}


def scorers_of(round: str) -> dict[str, MethodLine]:
    """The resolved scorers of a round, by name."""
    return (
        ScoreSettings.read(round=round).scorers if ScoreSettings.file(round=round).exists() else {}
    )
