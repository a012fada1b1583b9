"""The models that a recipe uses in a round. `resolve`, `hone plan`, `hone doctor` and
`hone cache clean` ask it and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from hone.config import methods, recipe
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.config.stage_settings import NONE, PinnedModel
from hone.encoders import round_cross_encoders
from hone.encoders.model_folder import folder_here
from hone.encoders.pinned_models import made_exact, split_revision
from hone.errors import Refused
from hone.judging.settings import first_able
from hone.layout import BASE
from tasks.relabel.settings import RelabelSettings
from tasks.retrieve.settings import RetrieveSettings
from tasks.sample.settings import SampleSettings
from tasks.score.settings import ScoreSettings

# What a model is given: a text at a time, a query and a document together, or a prompt.
TEXT, PAIR, PROMPT = "text", "pair", "prompt"


@dataclass(frozen=True)
class ModelRow:
    """A model and what a recipe uses it for.

    Attributes:
        role: miner, scorer, ranker, judge or student (the model that is trained).
        name: a round of params.yaml or `r0` for the loop's own models; else as the recipe writes
            it.
        revision: of a Hub id.
        route: `text`, `pair` or `prompt`.
        stage: that uses it.
        optional: the round goes on without it.
        own: whether the loop makes it.
    """

    role: str
    name: str
    revision: str | None
    route: str
    stage: str
    optional: bool = False
    own: bool = False

    @property
    def here(self) -> bool:
        """Whether it is on this machine, as the recipe names it or as `resolve` has pinned it."""
        name, revision = split_revision(self.name, self.revision)
        if folder_here(name, revision):
            return True
        return any(folder_here(*pair) for pair in pinned_encoders() if pair[0] == name)


@dataclass(frozen=True)
class RecipeModels:
    """The models of a recipe in a round of params.yaml.

    Attributes:
        given: params.yaml, which names the judges.
        made: the recipe, checked.
        round: its name.
    """

    given: Params
    made: Recipe
    round: str

    @classmethod
    def of(cls, given: Params, round: str) -> Self:
        """The models of a round's recipe."""
        return cls(given, recipe.recipe_of(given, round), round)

    def rows(self, *stages: str) -> Iterator[ModelRow]:
        """Those of some stages, or of all, in the order of the stages.

        Raises:
            Refused: the recipe names a judge that params.yaml does not have.
        """
        kinds = {
            "retrieve": self._miners,
            "rank": self._ranker,
            "score": self._scorers,
            "relabel": self._judges,
            "train": self._student,
        }
        for stage, kind in kinds.items():
            if not stages or stage in stages:
                yield from kind()

    def named(self, *stages: str, route: str | None = None) -> list[ModelRow]:
        """Those that the loop does not make, of some stages or of all."""
        return [
            row
            for row in self.rows(*stages)
            if not row.own and (route is None or row.route == route)
        ]

    def encoders(self, *stages: str) -> dict[str, PinnedModel]:
        """The named encoders of some stages, pinned, by name.

        Raises:
            Refused: a model is named with two revisions, is missing, or lies in a folder that DVC
                does not watch.
        """
        named: dict[str, str | None] = {}
        for row in self.named(*stages, route=TEXT):
            if named.setdefault(row.name, row.revision) != row.revision:
                one, other = (
                    f"{row.name}@{each}" if each else row.name
                    for each in (named[row.name], row.revision)
                )
                raise Refused(
                    f"the recipe names the model {one} in one line and {other} in another. Use "
                    "the same revision in both."
                )
        return made_exact(named)

    def cross_encoders(self) -> dict[str, PinnedModel]:
        """The named cross-encoders that score candidates, pinned, by name."""
        return {
            row.name: round_cross_encoders.pinned(row.name, row.revision)
            for row in self.named("score", route=PAIR)
        }

    def ranker_base(self) -> PinnedModel | None:
        """The named model that the first in-loop cross-encoder starts from, pinned; null: the
        base encoder.
        """
        return next(
            (made_exact({row.name: row.revision})[row.name] for row in self.named("rank")), None
        )

    @property
    def parent(self) -> str:
        """The round that this one starts from."""
        return self.given.rounds[self.round].start

    def _miners(self) -> Iterator[ModelRow]:
        for line in self.made.retrieve:
            for place, one in methods.with_inner_lines("retrieve", line):
                yield from rows_of("miner", place, one, self.parent)

    def _ranker(self) -> Iterator[ModelRow]:
        if self.made.rank:
            base = self.made.rank.base
            yield ModelRow(
                "ranker",
                base or BASE,
                self.made.rank.revision,
                PAIR if base else TEXT,
                "rank",
                own=base is None,
            )

    def _scorers(self) -> Iterator[ModelRow]:
        for line in self.made.score:
            for place, one in methods.with_inner_lines("score", line):
                yield from rows_of(
                    "scorer",
                    place,
                    one,
                    self.round if route_of(place, one) == PAIR else self.parent,
                )

    def _judges(self) -> Iterator[ModelRow]:
        for place, item in enumerate(
            [] if self.made.relabel == NONE else self.made.relabel.cascade, start=1
        ):
            _, _, line = first_able(
                self.given, item.judge, f"round {self.round}: relabel.cascade.{place}"
            )
            yield from rows_of("judge", "relabel.judges", line, self.parent, item.optional)

    def _student(self) -> Iterator[ModelRow]:
        yield ModelRow(
            "student",
            BASE if self.made.train.init == "base" else self.parent,
            None,
            TEXT,
            "train",
            own=True,
        )


def pinned_encoders() -> set[tuple[str, str | None]]:
    """Name and commit of every encoder that `resolve` has pinned for a stage of a round."""
    stages = (RetrieveSettings, ScoreSettings, SampleSettings, RelabelSettings)
    settings = [one for stage in stages for one in stage.existing()]
    return {
        (model["name"], model["revision"]) for one in settings for model in one.teachers.values()
    }


def route_of(place: str, line: dict[str, Any]) -> str:
    """What the model of a line is given."""
    method = methods.find(place, line["method"])
    return PAIR if method.beside("CROSS_ENCODER", False) else method.beside("MODEL_ROUTE", TEXT)


def named_in(line: dict[str, Any]) -> dict[str | None, str | None]:
    """The models that a line names, as it writes them, with their revisions: `model` with
    `revision`, or `encoders`.

    None stands for the loop's own model.
    """
    given = line["parameters"]
    one = {given["model"]: given.get("revision")} if "model" in given else {}
    return one | dict.fromkeys(given.get("encoders") or ())


def rows_of(
    role: str, place: str, line: dict[str, Any], own: str, optional: bool = False
) -> Iterator[ModelRow]:
    """The models of one line; `own` is the loop's model that None stands for."""
    route, stage = route_of(place, line), place.partition(".")[0]
    for name, revision in named_in(line).items():
        made_here = name is None or (name == BASE and revision is None)
        yield ModelRow(role, name or own, revision, route, stage, optional, own=made_here)
