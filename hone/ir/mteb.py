"""An MTEB task (Muennighoff et al., arXiv 2210.07316) as `collect` reads it and `evaluate` scores it, through mteb.

mteb's runner and its caches are not used: its results are kept by a model's name, and its vectors by a text, so that the
second checkpoint of a name gets the first one's. Vectors come from Hone's store, and the task's own scorer is handed a ranking.
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

NOTHING = "nothing was found"  # no document's id: mteb's lists cannot be empty
KINDS = ["Retrieval", "Reranking", "InstructionRetrieval", "InstructionReranking"]
ROUTES: tuple[Route, ...] = ("query", "document")


@dataclass(frozen=True)
class MtebTask:
    """One split of one language of a task.

    Args:
        task: mteb's own.
        subset: of its languages; "default" where it has one.
        split: mteb's name of it.
    """

    task: AbsTaskRetrieval
    subset: str
    split: str

    @property
    def depth(self) -> int:
        """How many documents of a query its scorer looks at."""
        return max(self.task.k_values)

    @property
    def itself(self) -> bool:
        """Whether a document with the query's own id counts like any other."""
        return not self.task.ignore_identical_ids

    def prompts(self, model: ModelFolder, instruction: str | None = None) -> dict[Route, str | None]:
        """What mteb has this model read before a query and a document of this task; null: the model's own prompt.

        A model's configuration may name prompts by task, by kind of task, and by "query" or "document"; the nearest counts.

        Args:
            model: the model under evaluation.
            instruction: how the task's instruction, which stands for `{instruction}`, is put before a query.
        """
        from mteb.models.abs_encoder import get_prompt_name
        from mteb.types import PromptType

        own = model.configuration.get("prompts") or {}
        found = {route: own.get(get_prompt_name(own, self.task.metadata, PromptType(route))) for route in ROUTES}
        if instruction is not None:
            found["query"] = instruction.replace("{instruction}", self.instruction())
        return found

    def instruction(self) -> str:
        """What the task says to a model that follows instructions."""
        from mteb.abstasks.abstask import get_abstask_prompt

        said = self.task.metadata.prompt
        said = said.get("query") if isinstance(said, dict) else said
        return said or get_abstask_prompt(self.task.metadata.name)

    def score(self, queries: pl.DataFrame, qrels: pl.DataFrame, run: pl.DataFrame, ranked: pl.DataFrame | None) -> dict[str, float]:
        """The task's main measure of a ranking, by its own scorer.

        Args:
            queries: query_id, text.
            qrels: query_id, doc_id, relevance.
            run: query_id, doc_id, score: the first `depth` of each query.
            ranked: query_id, doc_id: what is reranked, for a task of that kind.

        Returns:
            The measure's name, as mteb has it, and its value.
        """
        from datasets import Dataset

        ranked_of = nested(run, "score")
        # A query that nothing was found for scores 0, and does not fall out of the mean.
        results = {query: ranked_of.get(query) or {NOTHING: 0.0} for query in qrels["query_id"].unique(maintain_order=True)}
        judged = qrels.select("query_id", "doc_id", pl.col("relevance").cast(pl.Int64))
        among = None if ranked is None else dict(ranked.group_by("query_id", maintain_order=True).agg("doc_id").iter_rows())
        self.task.dataset = {
            self.subset: {
                self.split: {
                    "corpus": Dataset.from_dict({"id": [], "text": []}),
                    "queries": Dataset.from_dict({"id": queries["query_id"].to_list(), "text": queries["text"].to_list()}),
                    "relevant_docs": nested(judged, "relevance"),
                    "top_ranked": among,
                }
            }
        }
        self.task.data_loaded = True
        with quiet():
            found = self.task.evaluate(Ranking(results), self.split, [self.subset], encode_kwargs={})
        return {self.task.metadata.main_score: float(found[self.subset]["main_score"])}


def task_of(settings: dict | None) -> MtebTask | None:
    """From the part `task` of resolved settings: a collection's task; null where it is none of MTEB's."""
    return None if settings is None else mteb_task(settings["name"], settings["subset"], settings["split"])


def reading_for(task: MtebTask | None, reading: Reading, settings: dict | None, model: Path) -> Reading:
    """How a model reads a collection's texts: as params.yaml says, and where that leaves a prompt open, as the task does.

    Args:
        task: a collection's; null: the collection is not one of MTEB's.
        reading: what params.yaml says.
        settings: the part `task` of resolved settings.
        model: its folder.
    """
    if task is None or settings is None:
        return reading
    instruction = settings["instruction"]
    of_task = task.prompts(ModelFolder(model), instruction)
    given = {route: prompt for route, prompt in reading["prompts"].items() if prompt is not None}
    first = {"query": of_task["query"]} if instruction is not None else {}  # said of this collection, so it is nearer
    return reading | {"prompts": of_task | given | first}


@dataclass(frozen=True)
class Ranking:
    """A ranking that is there already, as mteb asks a model to search."""

    results: dict[str, dict[str, float]]
    mteb_model_meta: Any = None

    def index(self, *_: Any, **__: Any) -> None:
        """Nothing: the ranking is made."""

    def search(self, *_: Any, **__: Any) -> dict[str, dict[str, float]]:
        return self.results


def mteb_task(name: str, subset: str | None = None, split: str | None = None) -> MtebTask:
    """A task by its name, before any of its data is there.

    Args:
        name: as mteb has it.
        subset: one of its languages; null where it has one only.
        split: null: "test" where it is evaluated on that, else the first that it is evaluated on.

    Raises:
        Refused: no such task, subset or split, or one that Hone cannot evaluate; names what there is.
    """
    import mteb
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    with quiet():
        try:
            task = mteb.get_task(name)
        except KeyError:
            if parts := benchmark(name):
                raise Refused(f"'{name}' is a benchmark of {len(parts)} tasks; name those that you want: {listed(parts)}.") from None
            known = [found.metadata.name for found in mteb.get_tasks(task_types=KINDS, modalities=["text"])]
            raise Refused(f"mteb {mteb.__version__} has no task '{name}': {nearest(name, known)}") from None
    if parts := getattr(task.metadata, "tasks", None):
        raise Refused(f"'{name}' is a mean of several tasks; name those that you want: {listed(part.metadata.name for part in parts)}.")
    if not isinstance(task, AbsTaskRetrieval) or list(task.metadata.modalities) != ["text"]:
        kind = f"{task.metadata.type} ({listed(task.metadata.modalities)})"
        raise Refused(f"mteb's task '{name}' is of the kind {kind}; Hone evaluates {listed(KINDS)} on texts.")
    if task.metadata.dataset.get("trust_remote_code"):
        raise Refused(f"mteb's task '{name}' is loaded by code that comes with its data, and Hone runs none. There is no way round.")
    subsets, splits = list(task.hf_subsets), list(task.metadata.eval_splits)
    if subset is None and len(subsets) > 1:
        raise Refused(f"mteb's task '{name}' has several languages: write `options: {{subset: ...}}` with one of {listed(subsets)}.")
    subset = subset or subsets[0]
    if subset not in subsets:
        raise Refused(f"mteb's task '{name}' has no subset '{subset}': {nearest(subset, subsets)}")
    split = split or ("test" if "test" in splits else splits[0])
    if split not in splits:
        raise Refused(f"mteb's task '{name}' is not evaluated on a split '{split}': {nearest(split, splits)}")
    task.hf_subsets = [subset]
    task.filter_eval_splits([split])
    return MtebTask(task, subset, split)


def benchmark(name: str) -> list[str]:
    """The tasks of a benchmark; none where there is no such benchmark."""
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
            f"the data of mteb's task '{name}' ({dataset['path']} at {dataset['revision']}) could not be loaded "
            f"({type(error).__name__}: {error}). Check the network; what was downloaded once is read from the Hub's cache."
        ) from None
    return found.task.dataset[found.subset][found.split]


@contextmanager
def quiet() -> Iterator[None]:
    """Without mteb's own remarks, which are for its command line."""
    logger = logging.getLogger("mteb")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
