"""The results that the sections show. Each is computed once from the loop's files, when a
section first needs it.
"""

from __future__ import annotations

import json
from functools import cached_property

import polars as pl

from hone.compare import by_stratum
from hone.compare.contrast import (
    Overall,
    Score,
    combine_collections,
    decide,
    find_largest_changes,
    score_rounds,
)
from hone.compare.decision import Decision
from hone.compare.decomposition import Part, decompose, describe_parts, find_unjudged
from hone.compare.query_strata import QuerySlices, Tables, slice_queries
from hone.data import training_set
from hone.data.training_set import TrainingSet
from hone.encoders.encoder import Reading
from hone.files import read_json
from hone.present.mlflow_client import LOOP
from hone.present.provenance import describe_machine, read_commit, read_hashes
from tasks.report import diagnostics, metrics, regressions
from tasks.report.examples import Example, draw_examples
from tasks.report.leakage import read_leakage, warn_of_leaks
from tasks.report.loss import read_dev_checks, read_loss
from tasks.report.negative_flips import Flips, count_all_flips
from tasks.report.negatives import Mined, count_rounds, read_hidden_pairs
from tasks.report.overview import count_steps, describe_cost
from tasks.report.relabelled import JudgedRound, read_judged_rounds
from tasks.report.settings import ReportSettings
from tasks.report.summary import Summary, summarize
from tasks.report.truncation import CutCollection, find_truncation
from tasks.report.unjudged import bound_collection
from tasks.report.verdict import Situation, write_verdict


class Results:
    """The results of a loop.

    Attributes:
        settings: the stage's settings, without the diagnostic sets.
        suites: the ability that each diagnostic set measures.
        rounds: {name: {"from": .., "recipe": ..}}.
        collections: the evaluation collections, without the diagnostic sets.
    """

    def __init__(self, settings: ReportSettings) -> None:
        self.suites, self.settings = diagnostics.separate_suites(settings)
        self.rounds: dict[str, dict] = settings.rounds
        self.collections: list[str] = self.settings.evaluate_on
        self.seed: int = settings.seed

    @cached_property
    def training(self) -> TrainingSet:
        return training_set.read()

    @cached_property
    def scores(self) -> list[Score]:
        return score_rounds(
            self.rounds,
            self.settings.compare_with,
            self.collections,
            self.seed,
            find_unjudged(self.rounds, self.settings.recipes),
        )

    @cached_property
    def parts(self) -> list[Part]:
        """What training, mining and judging add, on each collection."""
        return decompose(
            self.scores,
            self.rounds,
            self.settings.recipes,
            {name: count_steps(name) for name in self.rounds},
            {one.round: list(one.left_out) for one in self.judged},
        )

    @cached_property
    def overall(self) -> list[Overall]:
        return combine_collections(self.scores)

    @cached_property
    def answer(self) -> Summary:
        return summarize(self.scores, self.rounds, self.settings.compare_with)

    @cached_property
    def truncated(self) -> list[CutCollection]:
        return find_truncation(self.settings)

    @cached_property
    def decision(self) -> Decision:
        return decide(self.answer.take, self.base, self.scores)

    @cached_property
    def verdict(self) -> list[str]:
        """The lines of the verdict."""
        mined = [one for one in self.mined if one.negatives]
        return write_verdict(
            self.decision,
            self.answer.reported_round,
            self.base,
            self.scores,
            describe_cost(self.answer.reported_round, self.rounds, self.judged),
            Situation(
                [one for one in self.truncated if not one.in_training],
                mined[-1].hidden_share if mined and len(self.hidden) else None,
                any(one.judges for one in self.judged),
            ),
            describe_parts(self.parts),
        )

    @property
    def base(self) -> str:
        """The baseline."""
        return self.answer.base

    @cached_property
    def harms(self) -> list[regressions.Harm]:
        return regressions.find_harms(self.scores, self.rounds, self.settings.train_on)

    @cached_property
    def leaks(self) -> list[dict]:
        return read_leakage([*self.collections, *self.suites])

    @cached_property
    def geometry(self) -> dict[str, list[dict]]:
        """Alignment and uniformity of each model's embeddings, by collection."""
        return {name: metrics.read_geometry(name, self.scores) for name in self.collections}

    @cached_property
    def warnings(self) -> list[str]:
        """Sentences that qualify the headline: leakage, regressions, collapsed embeddings."""
        collapsed = metrics.warn_of_collapse(self.geometry, self.base, list(self.rounds))
        return [
            *warn_of_leaks(self.leaks),
            *regressions.warn_of_harm(self.harms, self.answer.reported_round),
            *collapsed,
        ]

    @cached_property
    def open_harm(self) -> list[str]:
        """A sentence on the collections without a significant loss."""
        return regressions.describe_open_harm(self.harms, self.answer.reported_round)

    @cached_property
    def hidden(self) -> pl.DataFrame:
        """query_id, doc_id of the held-out positives."""
        return read_hidden_pairs(self.training)

    @cached_property
    def mined(self) -> list[Mined]:
        return count_rounds(self.rounds, self.hidden)

    @cached_property
    def losses(self) -> dict[str, pl.DataFrame]:
        """Step and mean loss, by round."""
        return {name: read_loss(name) for name in self.rounds}

    @cached_property
    def dev_checks(self) -> dict[str, dict]:
        return {name: read_dev_checks(name) for name in self.rounds}

    @cached_property
    def examples(self) -> dict[str, list[Example]]:
        return {
            name: draw_examples(name, self.training, self.hidden, self.seed) for name in self.rounds
        }

    @cached_property
    def slices(self) -> dict[str, QuerySlices]:
        """The level of each query in each stratum, by collection."""
        return {name: self._slice(name) for name in self.collections}

    def _slice(self, collection: str) -> QuerySlices:
        settings = self.settings
        split = next(score.split for score in self.scores if score.collection == collection)
        grade, language = settings.min_relevance[collection], settings.language[collection]
        return slice_queries(
            Tables(
                collection,
                split,
                grade,
                language,
                Reading.of(settings.model),
                tuple(settings.compare_with),
            )
        )

    @cached_property
    def levels(self) -> list[by_stratum.Level]:
        """Scores of every level of every stratum, p adjusted for all of them."""
        found = [
            by_stratum.compare_levels(name, self.base, self.rounds, cut, self.seed)
            for name, cut in self.slices.items()
        ]
        return by_stratum.adjust_p([level for own in found for level in own])

    @cached_property
    def hidden_losses(self) -> dict[str, list[str]]:
        """Sentences on levels where a round is worse although it is better over all queries, by
        collection.
        """
        return {
            name: by_stratum.find_hidden_losses(
                [one for one in self.levels if one.collection == name], self.scores
            )
            for name in self.collections
        }

    @cached_property
    def flips(self) -> list[Flips]:
        return count_all_flips(
            self.rounds, self.collections, [*self.settings.compare_with, *self.rounds]
        )

    @cached_property
    def unjudged(self) -> dict[str, dict]:
        """Bounds of each difference, by collection."""
        return {
            name: bound_collection(name, self.scores, self.settings, self.base)
            for name in self.collections
        }

    @cached_property
    def suite_scores(self) -> list[diagnostics.SuiteScore]:
        names = list(dict.fromkeys(one.name for one in self.scores))
        return diagnostics.measure_suites(
            self.suites, names, self.base, set(self.rounds), self.settings
        )

    @cached_property
    def mteb(self) -> dict[str, list[tuple[str, str, float]]]:
        """Name, measure and value by mteb's own scorer, by collection."""
        return {name: metrics.read_mteb(name, self.scores) for name in self.collections}

    @cached_property
    def changes(self) -> list[dict]:
        """For each round and collection, the queries with the largest gains and losses compared
        with the baseline.
        """
        several = len(self.collections) > 1
        return [
            {
                "name": score.name,
                "title": f"{score.name} on {score.collection}" if several else score.name,
                "against": score.base,
                "rows": find_largest_changes(
                    score.name, score.base.other, score.collection
                ).to_dicts(),
            }
            for score in self.scores
            if score.name in self.rounds and score.base is not None
        ]

    @cached_property
    def judged(self) -> list[JudgedRound]:
        return read_judged_rounds(self.rounds, self.hidden, self.training, self.settings.evidence)

    @cached_property
    def recipes(self) -> dict[str, str]:
        """All settings as JSON, by round."""
        return {
            name: json.dumps(recipe, indent=2, ensure_ascii=False)
            for name, recipe in self.settings.recipes.items()
        }

    @cached_property
    def commit(self) -> str | None:
        return read_commit()

    @cached_property
    def machine(self) -> str:
        return f"{describe_machine()}, {self.settings.model['precision']}"

    @cached_property
    def model_hashes(self) -> dict[str, str]:
        """DVC's hash of each round's model, if DVC knows it."""
        return read_hashes({f"models/{name}": name for name in self.rounds})

    @cached_property
    def loop_name(self) -> str:
        """The name of the loop's MLflow run."""
        return read_json(LOOP)["name"]
