"""An MTEB task (Muennighoff et al., arXiv 2210.07316), read by `collect` and scored by `evaluate`,
through mteb.

mteb's runner and caches are not used. They key results by model name and vectors by text. A second
checkpoint with the same name would therefore reuse the vectors of the first. Vectors come from
Hone's embedding cache, and the task's own scorer receives a ranking.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hone.config.stage_settings import Reading
from hone.encoders.model_folder import ModelFolder
from hone.errors import Refused, listed, nearest
from hone.ir.measures import nested
from hone.stage import may_download

if TYPE_CHECKING:
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    from hone.encoders.model_folder import Route

NOTHING = "nothing was found"  # not a document id: mteb's lists cannot be empty
KINDS = ["Retrieval", "Reranking", "InstructionRetrieval", "InstructionReranking"]
ROUTES: tuple[Route, ...] = ("query", "document")


@dataclass(frozen=True)
class MtebTask:
    """One split of one language of a task.

    Args:
        task: the mteb task.
        subset: one of its languages. "default" if it has only one.
        split: mteb's name of the split.
    """

    task: AbsTaskRetrieval
    subset: str
    split: str

    @property
    def depth(self) -> int:
        """The number of documents per query that its scorer reads."""
        return max(self.task.k_values)

    @property
    def itself(self) -> bool:
        """Whether a document with the query's own id counts like any other."""
        return not self.task.ignore_identical_ids

    def prompts(
        self, model: ModelFolder, instruction: str | None = None
    ) -> dict[Route, str | None]:
        """The prompt that mteb uses with this model for queries and documents of this task. Null:
        the model's own prompt.

        A model's configuration may name prompts by task, by task type, and by "query" or
        "document". The most specific one applies.

        Args:
            model: the evaluated model.
            instruction: a template with `{instruction}`, filled with the task's instruction and
                placed before a query.
        """
        from mteb.models.abs_encoder import get_prompt_name
        from mteb.types import PromptType

        own = model.configuration.get("prompts") or {}
        found = {
            route: own.get(get_prompt_name(own, self.task.metadata, PromptType(route)))
            for route in ROUTES
        }
        if instruction is not None:
            found["query"] = instruction.replace("{instruction}", self.instruction())
        return found

    def instruction(self) -> str:
        """The task's instruction for instruction-following models."""
        from mteb.abstasks.abstask import get_abstask_prompt

        text = self.task.metadata.prompt
        text = text.get("query") if isinstance(text, dict) else text
        return text or get_abstask_prompt(self.task.metadata.name)

    def score(
        self,
        queries: pl.DataFrame,
        qrels: pl.DataFrame,
        run: pl.DataFrame,
        ranked: pl.DataFrame | None,
    ) -> dict[str, float]:
        """The task's main measure of a ranking, by its own scorer.

        Args:
            queries: query_id, text.
            qrels: query_id, doc_id, relevance.
            run: query_id, doc_id, score: the first `depth` documents of each query.
            ranked: query_id, doc_id: the documents to rerank, for reranking tasks.

        Returns:
            The measure's name in mteb, and its value.
        """
        from datasets import Dataset

        ranked_of = nested(run, "score")
        # A query without results scores 0 and stays in the mean.
        results = {
            query: ranked_of.get(query) or {NOTHING: 0.0}
            for query in qrels["query_id"].unique(maintain_order=True)
        }
        judged = qrels.select("query_id", "doc_id", pl.col("relevance").cast(pl.Int64))
        among = (
            None
            if ranked is None
            else dict(ranked.group_by("query_id", maintain_order=True).agg("doc_id").iter_rows())
        )
        self.task.dataset = {
            self.subset: {
                self.split: {
                    "corpus": Dataset.from_dict({"id": [], "text": []}),
                    "queries": Dataset.from_dict(
                        {"id": queries["query_id"].to_list(), "text": queries["text"].to_list()}
                    ),
                    "relevant_docs": nested(judged, "relevance"),
                    "top_ranked": among,
                }
            }
        }
        self.task.data_loaded = True
        with quiet():
            found = self.task.evaluate(
                Ranking(results), self.split, [self.subset], encode_kwargs={}
            )
        return {self.task.metadata.main_score: float(found[self.subset]["main_score"])}


def task_of(settings: dict | None) -> MtebTask | None:
    """A collection's task from the section `task` of resolved settings. Null if it is not an
    MTEB task.
    """
    return (
        None
        if settings is None
        else mteb_task(settings["name"], settings["subset"], settings["split"])
    )


def reading_for(
    task: MtebTask | None, reading: Reading, settings: dict | None, model: Path
) -> Reading:
    """The prompts for a collection: those of params.yaml, and the task's prompts where params.yaml
    sets none.

    Args:
        task: the collection's task. Null: the collection is not an MTEB task.
        reading: the settings of params.yaml.
        settings: the section `task` of resolved settings.
        model: the model's folder.
    """
    if task is None or settings is None:
        return reading
    instruction = settings["instruction"]
    of_task = task.prompts(ModelFolder(model), instruction)
    given = {route: prompt for route, prompt in reading["prompts"].items() if prompt is not None}
    first = (
        {"query": of_task["query"]} if instruction is not None else {}
    )  # specific to this collection, so it has priority
    return reading | {"prompts": of_task | given | first}


@dataclass(frozen=True)
class Ranking:
    """A finished ranking behind mteb's search interface."""

    results: dict[str, dict[str, float]]
    mteb_model_meta: Any = None

    def index(self, *_: Any, **__: Any) -> None:
        """Does nothing, because the ranking exists already."""

    def search(self, *_: Any, **__: Any) -> dict[str, dict[str, float]]:
        return self.results


def mteb_task(name: str, subset: str | None = None, split: str | None = None) -> MtebTask:
    """Load a task by name, without its data.

    Args:
        name: name of the task in mteb.
        subset: one of its languages. Null if it has only one.
        split: null: "test" if the task evaluates on it, otherwise its first evaluation split.

    Raises:
        Refused: the task, subset or split does not exist, or Hone cannot evaluate it. The message
            lists valid values.
    """
    import mteb
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    with quiet():
        try:
            task = mteb.get_task(name)
        except KeyError:
            if parts := benchmark(name):
                raise Refused(
                    f"'{name}' is a benchmark of {len(parts)} tasks. Name the tasks that you "
                    f"need: {listed(parts)}."
                ) from None
            known = [
                found.metadata.name
                for found in mteb.get_tasks(task_types=KINDS, modalities=["text"])
            ]
            raise Refused(
                f"mteb {mteb.__version__} has no task '{name}'; {nearest(name, known)}"
            ) from None
    if parts := getattr(task.metadata, "tasks", None):
        raise Refused(
            f"'{name}' aggregates several tasks. Name the tasks that you need: "
            f"{listed(part.metadata.name for part in parts)}."
        )
    if not isinstance(task, AbsTaskRetrieval) or list(task.metadata.modalities) != ["text"]:
        kind = f"{task.metadata.type} ({listed(task.metadata.modalities)})"
        raise Refused(
            f"mteb's task '{name}' has the type {kind}, but Hone evaluates only {listed(KINDS)} "
            "on texts. Choose another task."
        )
    if task.metadata.dataset.get("trust_remote_code"):
        raise Refused(
            f"mteb's task '{name}' needs a loader script from its data repository, and Hone does "
            "not run such code. Choose another task."
        )
    subsets, splits = list(task.hf_subsets), list(task.metadata.eval_splits)
    if subset is None and len(subsets) > 1:
        raise Refused(
            f"mteb's task '{name}' has several languages. Write `options: {{subset: ...}}` with "
            f"one of {listed(subsets)}."
        )
    subset = subset or subsets[0]
    if subset not in subsets:
        raise Refused(f"mteb's task '{name}' has no subset '{subset}'; {nearest(subset, subsets)}")
    split = split or ("test" if "test" in splits else splits[0])
    if split not in splits:
        raise Refused(
            f"mteb's task '{name}' has no evaluation split '{split}'; {nearest(split, splits)}"
        )
    task.hf_subsets = [subset]
    task.filter_eval_splits([split])
    return MtebTask(task, subset, split)


def benchmark(name: str) -> list[str]:
    """The tasks of a benchmark. Empty if the benchmark does not exist."""
    import mteb

    try:
        return [task.metadata.name for task in mteb.get_benchmark(name).tasks]
    except KeyError:
        return []


def loaded(found: MtebTask) -> dict[str, Any]:
    """The data of a task's split as mteb loads it: corpus, queries, relevant_docs, top_ranked.

    Raises:
        Refused: it is not on this disk and cannot be downloaded.
    """
    name, dataset = found.task.metadata.name, found.task.metadata.dataset
    may_download()
    try:
        with quiet():
            found.task.load_data()
            found.task.convert_v1_dataset_format_to_v2(None)
    except Exception as error:
        raise Refused(
            f"the data of mteb's task '{name}' ({dataset['path']} at {dataset['revision']}) could "
            "not be loaded "
            f"({type(error).__name__}: {error}). Check the network. Earlier downloads are read "
            "from the Hub's cache."
        ) from None
    return found.task.dataset[found.subset][found.split]


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the log messages of mteb and of the Hub's client (retries without a network), which
    are meant for their own command lines.
    """
    loggers = [logging.getLogger(name) for name in ("mteb", "huggingface_hub", "datasets")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
