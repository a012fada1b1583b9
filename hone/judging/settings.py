"""Judges of a recipe: found in params.yaml, resolved, with the measurements of their accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.config import methods, user_methods
from hone.config.params import Params
from hone.config.recipe import mined_as
from hone.config.recipe_schema import Recipe
from hone.config.stage_settings import NONE
from hone.data.label_files import label_file
from hone.encoders.pinned_models import made_exact
from hone.errors import Refused, listed, nearest
from hone.files import fingerprint_of_file, read_json
from hone.judging import fingerprint
from hone.judging.annotation.overrides import NAME as OVERRIDES
from hone.judging.resolved_relabel import JudgeLine, ResolvedRelabel
from hone.judging.transfers import budget_of
from hone.judging.versions import without_how
from hone.layout import BASE

RETRIES = "retries.json"


def relabel(given: Params, made: Recipe, round: str) -> ResolvedRelabel:
    """The section `relabel` of a round's recipe with its judges resolved.

    An `optional` judge that cannot be used here is left out, with the reason.
    """
    section = made.relabel
    cascade, left_out, confirmed_at, called = [], {}, None, []
    for place, item in enumerate(section.cascade, start=1):
        judge, name, line = first_able(given, item.judge, f"round {round}: relabel.cascade.{place}")
        named = isinstance(judge, str) and judge in given.judges
        reason = unable(line) if item.optional else None
        if reason is not None:
            left_out[name] = reason
            continue
        confirmed_at = len(cascade) + 1 if place == len(section.cascade) else None
        known = {
            "name": name,
            **(without_how(line) if named else line),
            "fingerprint": fingerprint.fingerprint(line),
        }
        called.append(line["parameters"])
        refuse_alone(item.escalate, place, cascade, f"round {round}: relabel.cascade.{place}")
        cascade.append(
            known
            | {"escalate": item.escalate, "evidence": evidence(given, known, round, mined_as(made))}
        )
    known = section.model_dump(by_alias=True, exclude={"cascade", "budget"})
    return ResolvedRelabel(
        **known,
        budget=budget_of(section.budget, called),
        cascade=cascade,
        confirmed_at=confirmed_at,
        left_out=left_out,
        train_on=list(given.train_on),
        retry=retries(round),
    )


def refuse_alone(escalate: dict, place: int, before: list[dict], where: str) -> None:
    """Raises Refused for a rule that compares judges if no earlier judge reads the pairs."""
    if "earlier" in methods.find("relabel.escalate", escalate["method"]).reads and not before:
        lacking = (
            "it is the first of the cascade" if place == 1 else "the judges before it are left out"
        )
        raise Refused(
            f"{where}: escalate: {escalate['method']} compares this judge with earlier judges, "
            f"and {lacking}. Put another judge before it."
        )


def refreshed(given: Params, made: Recipe, round: str) -> list[str]:
    """The names of the judges whose positives from earlier rounds a recipe replaces."""
    if made.relabel == "none" or not made.relabel.refresh:
        return []
    return [
        first_able(given, item.judge, f"round {round}: relabel.cascade.{n}")[1]
        for n, item in enumerate(made.relabel.cascade, start=1)
    ]


def first_able(given: Params, judge: Any, where: str) -> tuple[Any, str, dict]:
    """The first judge of a list that exists (in params.yaml or in the recipe) and can be used here;
    otherwise the last that exists.

    Returns the judge as written, its name and its checked line. A single judge counts as a list of
    one.

    Raises:
        Refused: the judge does not exist, or the list is empty.
    """
    if not isinstance(judge, list):
        return (judge, *judge_of(given, judge, where))
    if not judge:
        raise Refused(
            f"{where}: the list of judges is empty. Add one of params.yaml's `judges`, such as "
            f"{listed(given.judges, 3)}."
        )
    meant = [*given.judges, *methods.names("relabel.judges")]
    for name in judge:
        if isinstance(name, str) and name not in meant:
            raise Refused(
                f"{where}: there is no judge '{name}' in params.yaml's `judges`: "
                f"{nearest(name, meant)}"
            )
    known = [one for one in judge if not isinstance(one, str) or one in given.judges]
    found = [(one, *judge_of(given, one, where)) for one in known or judge[-1:]]
    return next((one for one in found if unable(one[2]) is None), found[-1])


def judge_of(given: Params, judge: Any, where: str) -> tuple[str, dict]:
    """Name and checked line of a judge: an entry of params.yaml's `judges`, or a method with its
    parameters.

    Raises:
        Refused: the judge does not exist; the message contains the most similar name.
    """
    if isinstance(judge, str) and judge in given.judges:
        return judge, methods.checked(
            "relabel.judges", given.judges[judge], f"params.yaml: judges.{judge}"
        )
    name, _ = methods.line(judge, where)
    known = [*given.judges, *methods.names("relabel.judges")]
    if name not in methods.names("relabel.judges") and not (
        user_methods.dotted(name) and isinstance(judge, dict)
    ):
        raise Refused(
            f"{where}: there is no judge '{name}' in params.yaml's `judges`: "
            f"{nearest(name, known)} (docs/how-to/api-judge.md: how to name one)"
        )
    return name, methods.checked("relabel.judges", judge, where)


def unable(line: dict) -> str | None:
    """Why a judge cannot be used on this machine, as far as this shows beforehand; null if it
    can.
    """
    missing = methods.find("relabel.judges", line["method"]).beside("missing")
    return missing(line["parameters"]) if missing else None


def evidence(given: Params, line: dict, round: str, mined: str) -> list[dict]:
    """What `hone judge check` measured of a judge on the training collections, and whether it
    applies to a round.

    Returns:
        The measurements per collection, with `another`: why they do not apply to the judge's
            present version, and `elsewhere`: why they
        do not apply to this round's candidates; null if they do.
    """
    files = [fitness_file(line["name"], collection) for collection in given.train_on]
    return [
        add_mismatches(read_json(file), given, line, round, mined)
        for file in files
        if file.is_file()
    ]


def fitness_file(judge: str, collection: str) -> Path:
    """The file to which `hone judge check` writes its measurements of a judge on a collection."""
    return label_file(f"fitness/{judge}@{collection}.json")


def add_mismatches(found: dict, given: Params, line: dict, round: str, mined: str) -> dict:
    """Measurements with the reasons that prevent their use here."""
    then, now = found.get("from"), given.rounds[round].start
    another = elsewhere = None
    if found["fingerprint"] != line["fingerprint"]:
        another = "it was checked with another model, prompt or parameters than it has now"
    elif changes_with_round(line) and then != now:
        another = (
            f"it reads with the model of {now} here, and was checked with that of "
            f"{then or 'another round'}"
        )
    if found.get("mined_as") != mined:
        where = (
            f"round {found['round']}, which mines otherwise"
            if found.get("mined_as")
            else "a round whose rules were not noted"
        )
        elsewhere = (
            f"its gold verdicts are on candidates of {where}: `hone judge check` with "
            f"`--round {round}` shows it on these"
        )
    return found | {"another": another, "elsewhere": elsewhere}


def changes_with_round(line: dict) -> bool:
    """Whether a judge uses the round's starting model, and so differs in each round."""
    changes = methods.find("relabel.judges", line["method"]).beside("changes_with_round")
    return bool(changes and changes(line["parameters"]))


def drop_evidence(section: dict | str) -> dict | str:
    """A resolved section for MLflow, without the measurements of its judges."""
    if not isinstance(section, dict):
        return section
    return section | {
        "cascade": [
            {name: value for name, value in line.items() if name != "evidence"}
            for line in section["cascade"]
        ]
    }


def evidence_of_last(section: ResolvedRelabel | str) -> list[dict]:
    """Measurements of the last judge of a resolved section; empty if nothing is judged."""
    return section.cascade[-1]["evidence"] if section != NONE and section.cascade else []


def retries(round: str) -> int:
    """Number of `hone judge retry` calls for a round."""
    file = label_file(RETRIES)
    return read_json(file).get(round, 0) if file.is_file() else 0


def teachers(cascade: list[JudgeLine]) -> dict[str, dict]:
    """All encoders that judges use besides the round's own, resolved."""
    named = {
        line["parameters"]["model"]: line["parameters"].get("revision")
        for line in cascade
        if line["method"] == "encoder" and line["parameters"].get("model")
    }
    return made_exact({name: revision for name, revision in named.items() if name != BASE})


def overrides() -> str | None:
    """The hash of the labels that people have decided, which override every judge; null if there
    is no such file.
    """
    file = label_file(OVERRIDES)
    return fingerprint_of_file(file) if file.is_file() else None
