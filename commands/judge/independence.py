"""Who may fill holes: a judge that has had no part in what the compared rankings learned, and has made none of them.

A model trained on a judge's labels ranks high what that judge likes. If the same judge then fills the holes, it confirms its own
mistakes, and the round looks better than it is. Another prompt does not help: what a model cannot see it cannot see however it is
asked. So the model counts, and not only the fingerprint. People may always fill.
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
from hone.judging.settings import JudgeLine
from hone.layout import BASE, round_table
from hone.llm import gguf
from tasks.relabel.settings import RelabelSettings
from tasks.score.settings import ScoreSettings

PEOPLE = "people"
ENCODER = "encoder"


@dataclass(frozen=True)
class Filler:
    """Who fills holes.

    Attributes:
        fingerprints: of the judge; a file may have been filled by it under several.
        models: every name that its model goes by, as `plain` gives it.
    """

    name: str
    method: str
    fingerprints: frozenset[str]
    models: frozenset[str]


@dataclass(frozen=True)
class Worked:
    """Who had a part in a round's training data, and what part."""

    round: str
    judge: str
    part: str
    fingerprint: str | None
    models: frozenset[str]


def plain(model: str) -> str:
    """A model's name without owner, folder and case: vendors and servers write these in their own way."""
    return model.rstrip("/").rpartition("/")[2].strip().casefold()


def models_of(line: dict, given: Params) -> frozenset[str]:
    """Every name by which the model of a judge or scorer may be known; none for people and recorded answers."""
    parameters = line["parameters"]
    reported = parameters.get("reported")
    names = {parameters.get("model"), *(reported if isinstance(reported, list) else [reported])}
    if BASE in names and line["method"] == ENCODER:
        names = {given.model.name}
    if line["method"] == "local":
        with suppress(Refused, OSError):  # its file may be gone; then the name alone must do
            names.add(gguf.name_of(parameters["model"]))
    return frozenset(plain(name) for name in names if name)


def refuse_related(filler: Filler, names: list[str], given: Params) -> None:
    """Raises Refused where a judge may not fill holes of these rankings, or where that cannot be told.

    Args:
        filler: who would.
        names: rounds and references that are compared.
        given: params.yaml.
    """
    known = [*given.rounds, *BUILT_IN, *given.references]
    for name in names:
        if name not in known:
            raise Refused(
                f"'{name}' is no round or reference of params.yaml, so that nobody can say who relabelled its training data: "
                f"{nearest(name, known)}"
            )
    if filler.method == PEOPLE:
        return
    refuse_own_ranking(filler, names, given)
    for name in names:
        for one in [one for round in line_of(given, name) for one in worked(round, given)]:
            trains = f"round {one.round}" + ("" if one.round == name else f", from which {name} comes")
            if one.fingerprint in filler.fingerprints:
                raise Refused(
                    f"the judge {filler.name} {one.part} training data of {trains}: it may not fill holes there, for it would confirm "
                    f"its own mistakes. {another()}"
                )
            if same := sorted(one.models & filler.models):
                raise Refused(
                    f"the judge {filler.name} is the model {same[0]}, which as {one.judge} {one.part} training data of {trains}: it may "
                    "not fill holes there, whatever its prompt, for what a model cannot see it cannot see however it is asked. "
                    f"{another()}"
                )


def another() -> str:
    return "Take a judge with another model, or a person (`hone judge holes people:NAME`)."


def refuse_own_ranking(filler: Filler, names: list[str], given: Params) -> None:
    """Raises Refused where an encoder would judge what itself, or a model that was trained from it, has ranked."""
    if filler.method != ENCODER:
        return
    if not filler.models:
        raise Refused(f"the judge {filler.name} reads with a round's own model, which made the ranking: it may not fill holes. {another()}")
    for name in names:
        own = given.references[name].model if name in given.references else None if name == "bm25" else given.model.name
        if own and plain(own) in filler.models:
            raise Refused(
                f"the judge {filler.name} is the encoder {plain(own)}, from which the ranking of {name} comes: it takes for right what it "
                f"ranks high itself. {another()}"
            )


def line_of(given: Params, name: str) -> list[str]:
    """A round and all rounds before it; none for r0 and for references."""
    rounds = {round: {"from": item.start} for round, item in given.rounds.items()}
    return [one for one in ancestors(rounds, name) if one in rounds]


def worked(round: str, given: Params) -> list[Worked]:
    """Everybody who judged or scored a round's training data: by its judgments, and by what `resolve` says of it.

    Raises:
        Refused: the judgments are missing.
    """
    file = round_table(round, "judgments")
    if not file.exists():
        raise Refused(
            f"{file} is missing, which says who relabelled the training data of round {round}: `dvc pull` or `dvc repro relabel@{round}` "
            "brings it."
        )
    rows = tables.scan("judgments", file).group_by("judge", "fingerprint").agg(pl.col("model").drop_nulls().unique()).collect()
    found = [
        Worked(round, judge, "relabelled", fingerprint, frozenset(map(plain, models)))
        for judge, fingerprint, models in rows.sort("judge", "fingerprint").rows()
    ]
    for part, lines in (("relabelled", judges_of(round)), ("scored", scorers_of(round))):
        found += [Worked(round, name, part, line.get("fingerprint"), models_of(line, given)) for name, line in lines.items()]
    return found


def judges_of(round: str) -> dict[str, JudgeLine]:
    """Every judge that `resolve` has written for a round, by name."""
    if not RelabelSettings.file(round=round).exists():
        return {}
    section = RelabelSettings.read(round=round).relabel
    return {} if section == NONE else {line["name"]: line for line in section.cascade}


def scorers_of(round: str) -> dict[str, MethodLine]:
    """Every scorer that `resolve` has written for a round, by name."""
    return ScoreSettings.read(round=round).scorers if ScoreSettings.file(round=round).exists() else {}
