"""The collections that `--on` names. A benchmark of mteb expands to its tasks, and a task to its
subsets.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hone.errors import Refused, listed
from hone.ir.mteb import KINDS, mteb_task, quiet

CLOSE = 0.75  # similarity of a name that is suggested in place of an unknown one
SOURCES = ("beir", "mteb", "folder")
EXAMPLES = "beir:scifact, beir:FOLDER, mteb:SciFact, mteb:NanoBEIR or folder:PATH"


@dataclass(frozen=True)
class Target:
    """One collection to evaluate on.

    Attributes:
        source: "beir", "mteb" or "folder".
        what: a published name, a task, or a folder.
        subset: one of the task's languages or parts. Null: it has only one.
        task: the task that counts once in the mean of its benchmark. CQADupstack has 12 parts.
        benchmark: the benchmark that `--on` names. Null: the collection itself.
    """

    source: str
    what: str
    subset: str | None = None
    task: str = ""
    benchmark: str | None = None

    @property
    def name(self) -> str:
        part = f"/{self.subset}" if self.subset else ""
        return f"{self.source}:{self.what}{part}"


def expand(names: Iterable[str]) -> list[Target]:
    """The collections of all names, each once.

    Raises:
        Refused: a source, folder, task or benchmark does not exist. The message lists valid names.
    """
    found: dict[tuple[str, str, str | None], Target] = {}
    for name in names:
        for target in expand_name(name):
            found.setdefault((target.source, target.what, target.subset), target)
    if not found:
        raise Refused(f"--on names no collection. Use {EXAMPLES}.")
    return list(found.values())


def expand_name(name: str) -> Iterator[Target]:
    """The collections of one name, such as "mteb:NanoBEIR"."""
    source, _, what = name.partition(":")
    if source not in SOURCES or not what:
        raise Refused(f"--on is '{name}', which does not name a collection. Use {EXAMPLES}.")
    if source == "mteb":
        yield from expand_mteb(what)
        return
    if (source == "folder" or looks_like_path(what)) and not Path(what).is_dir():
        raise Refused(f"--on is '{name}', but the folder {what} does not exist. Check the path.")
    yield Target(source, what, task=what)


def looks_like_path(text: str) -> bool:
    """Whether a text is a path, not a name such as `cqadupstack/android`."""
    return text.startswith((".", "/", "~")) or Path(text).is_dir()


def expand_mteb(what: str) -> Iterator[Target]:
    """The collections of a benchmark, a task, or one subset of a task (`BrightRetrieval/pony`)."""
    import mteb

    with quiet():
        benchmarks = {one.name: one for one in mteb.get_benchmarks()}
    by_case = {name.casefold(): name for name in benchmarks}
    if chosen := benchmarks.get(by_case.get(what.casefold(), "")):
        parts = [part for task in chosen.tasks for part in parts_of(task, chosen.name)]
        if not parts:
            raise Refused(
                f"mteb's benchmark '{chosen.name}' has no retrieval task on texts. Valid: "
                f"{', '.join(retrieval_benchmarks(benchmarks.values()))}."
            )
        yield from parts
        return
    name, _, subset = what.partition("/")
    with quiet():
        try:
            task = mteb.get_task(name)
        except KeyError:
            raise Refused(describe_unknown(what, benchmarks.values())) from None
    if subset:
        mteb_task(name, subset)
        yield Target("mteb", name, subset, name)
        return
    parts = list(parts_of(task, None))
    if not parts:
        mteb_task(name)  # states why Hone cannot evaluate it
    yield from parts


def parts_of(task: Any, benchmark: str | None) -> Iterator[Target]:
    """The collections of a task of mteb: its parts or subsets. Tasks of other types and other
    media have none.
    """
    name = task.metadata.name
    whole = benchmark or (name if is_divided(task) else None)
    for part in getattr(task.metadata, "tasks", None) or [task]:
        if not is_retrieval(part):
            continue
        subsets = list(part.hf_subsets)
        for subset in subsets if len(subsets) > 1 else [None]:
            yield Target("mteb", part.metadata.name, subset, name, whole)


def is_divided(task: Any) -> bool:
    """Whether a task has several parts or subsets, so its score is their mean."""
    return bool(getattr(task.metadata, "tasks", None)) or len(task.hf_subsets) > 1


def is_retrieval(task: Any) -> bool:
    """Whether Hone can evaluate a task: documents are ranked, and everything is text."""
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    return isinstance(task, AbsTaskRetrieval) and list(task.metadata.modalities) == ["text"]


def retrieval_benchmarks(benchmarks: Iterable[Any]) -> list[str]:
    """The benchmarks with at least one task that Hone can evaluate."""
    with quiet():
        return [
            one.name for one in benchmarks if any(True for t in one.tasks for _ in parts_of(t, ""))
        ]


def describe_unknown(what: str, benchmarks: Iterable[Any]) -> str:
    """The error for a name that is neither a benchmark nor a task."""
    import mteb

    names = retrieval_benchmarks(benchmarks)
    with quiet():
        tasks = [one.metadata.name for one in mteb.get_tasks(task_types=KINDS, modalities=["text"])]
    alike = difflib.get_close_matches(what, [*names, *tasks], n=1, cutoff=CLOSE)
    hint = f"; did you mean '{alike[0]}'?" if alike else "."
    return (
        f"mteb {mteb.__version__} has no benchmark or task '{what}'{hint} Benchmarks: "
        f"{', '.join(names)}. Or name one of its {len(tasks):,} retrieval tasks, such as "
        f"{listed(tasks[:2])}."
    )
