"""The work of the stage `generate` for one collection: documents, calls, tokens, cost and time.
What is not known is null. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from commands.plan import judging
from hone.config import methods
from hone.config.generate_recipe import DOCUMENTS, METHODS
from hone.config.params import Params
from hone.config.sections.relabel import Budget as Limits
from hone.generation import generators
from hone.generation.counting import Calls, CountingWriter
from hone.generation.rows import join_generated
from hone.judging.transfers import format_limits
from hone.judging.versions import prompted, with_how
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger
from tasks.generate.choice import choose_ids
from tasks.generate.context import GenerationContext
from tasks.generate.settings import GenerateSettings, ResolvedGeneration
from tasks.generate.work import generator_line, open_collection
from tasks.resolve.generation import needs_encoder

COUNTED = 5_000  # documents whose calls are counted; more are extrapolated [Hone default]
TOKENS = 1_000_000  # of a price


@dataclass(frozen=True)
class JudgeCalls:
    """The calls of a judge that filters queries.

    Attributes:
        judge: its name.
        pairs: largest number of queries that it reads.
        tokens: prompt and completion tokens. Null: it uses no prompt.
        money: at its `price`. Null: no price.
    """

    judge: str
    pairs: int
    tokens: int | None
    money: float | None


@dataclass(frozen=True)
class StageEstimate:
    """The work of generation for a collection.

    Attributes:
        collection: its name.
        recipe: of generation.
        documents: number of chosen documents.
        generator: its name. Null: no model writes.
        model: the name of the generator's model. Null: no model writes.
        prompts: the calls by prompt.
        price: per million tokens of input and output. Null: not set. Empty: a model on this machine
            is free.
        slots: number of concurrent calls.
        judging: the calls of judges.
        limits: the budget, in words. Empty: no limit.
        counted: number of documents whose calls were counted. The others are extrapolated.
        reason: why the calls are unknown. Null: they are known.
    """

    collection: str
    recipe: str
    documents: int
    generator: str | None = None
    model: str | None = None
    prompts: dict[str, Calls] | None = None
    price: dict[str, float] | None = None
    slots: int = 1
    judging: tuple[JudgeCalls, ...] = ()
    limits: str = ""
    counted: int = 0
    reason: str | None = None

    @property
    def calls(self) -> int | None:
        """All calls of the stage."""
        return self._sum("total")

    @property
    def recorded(self) -> int | None:
        """The calls whose texts are in the ledger: they cost nothing."""
        return self._sum("recorded")

    @property
    def left(self) -> int | None:
        """The calls that the stage would make."""
        return self._sum("left")

    @property
    def is_exact(self) -> bool:
        """Whether the number of calls does not depend on a sample or on texts to come."""
        return self.counted == self.documents and not self._sum("assumed")

    @property
    def tokens_in(self) -> int | None:
        """The prompt tokens of the calls that are left."""
        if self.prompts is None:
            return None
        return round(sum(one.left * one.tokens_in for one in self.prompts.values()))

    @property
    def tokens_out(self) -> int | None:
        """The completion tokens of the calls that are left: as many as recorded calls had in the
        mean, or all that the prompt allows if none is recorded.
        """
        if self.prompts is None:
            return None
        return round(
            sum(
                one.left * (one.room if one.tokens_out is None else one.tokens_out)
                for one in self.prompts.values()
            )
        )

    @property
    def is_measured(self) -> bool:
        """Whether the completion tokens are measured, and not the largest possible number."""
        return all(one.tokens_out is not None for one in (self.prompts or {}).values() if one.left)

    @property
    def money(self) -> float | None:
        """The cost of the calls that are left, at `price`. Null: no price."""
        if self.price is None or self.prompts is None:
            return None
        priced = self.tokens_in * self.price.get("input", 0) + self.tokens_out * self.price.get(
            "output", 0
        )
        return priced / TOKENS

    @property
    def seconds(self) -> float | None:
        """The duration of the calls that are left, at the speed of recorded calls. Null: no call
        with one of the prompts is recorded.
        """
        if self.prompts is None or any(
            one.left and one.seconds is None for one in self.prompts.values()
        ):
            return None
        return sum(one.left * (one.seconds or 0.0) for one in self.prompts.values()) / self.slots

    def _sum(self, name: str) -> int | None:
        if self.prompts is None:
            return None
        return sum(getattr(one, name) for one in self.prompts.values())


def estimate_stage(
    given: Params, settings: GenerateSettings, ledger: Ledger, encode: bool
) -> StageEstimate:
    """The work of the stage for a collection that has been read.

    Args:
        given: params.yaml.
        settings: of the stage, with a recipe.
        ledger: the texts that are already written.
        encode: whether the base model may encode the collection, if the recipe needs it. Otherwise
            the calls of such a recipe are unknown.

    Raises:
        Refused: a method cannot run, and the stage would say so too.
    """
    section = settings.generate
    collection = open_counting(settings, ledger)
    plain = describe_plain(given, settings)
    if not encode and needs_encoder(DOCUMENTS, section.documents):
        most, count = section.documents["parameters"].get("count"), len(collection.doc_ids)
        return replace(
            plain,
            documents=count if most is None else min(most, count),
            reason="the base model chooses the documents",
        )
    ids, _ = choose_ids(section.documents, collection, section.shortest)
    if not encode and any(needs_encoder(METHODS, line) for line in section.methods):
        reason = "a method searches with the base model"
        return replace(plain, documents=len(ids), reason=reason)
    return estimate_documents(given, settings, collection, ids)


def estimate_documents(
    given: Params, settings: GenerateSettings, collection: GenerationContext, ids: pl.Series
) -> StageEstimate:
    """The work of generation for some documents. The calls of more than COUNTED documents are
    extrapolated from evenly spaced ones.

    Args:
        given: params.yaml.
        settings: of the stage, with a recipe.
        collection: from `open_counting`.
        ids: of the documents.
    """
    section = settings.generate
    counted = ids.gather_every(max(1, -(-len(ids) // COUNTED)))
    queries = count_queries(section, collection, counted)
    factor = len(ids) / len(counted) if len(counted) else 1.0
    writer = collection.model_writer
    calls = writer.calls if isinstance(writer, CountingWriter) else {}
    return replace(
        describe_plain(given, settings),
        documents=len(ids),
        prompts={name: one.scale(factor) for name, one in calls.items()},
        judging=tuple(estimate_judges(given, section, round(len(queries) * factor), queries)),
        counted=len(counted),
    )


def open_counting(settings: GenerateSettings, ledger: Ledger) -> GenerationContext:
    """The collection with a writer that only counts."""
    collection = open_collection(settings, ledger, Budget())
    writer = collection.model_writer
    if writer is None:
        return collection
    return replace(collection, model_writer=CountingWriter(writer.line, writer.desk))


def describe_plain(given: Params, settings: GenerateSettings) -> StageEstimate:
    """The estimate without numbers: recipe, generator, price and limits."""
    section = settings.generate
    plain = StageEstimate(
        settings.collection,
        section.recipe,
        0,
        limits=format_limits(Limits(**section.budget.model_dump())),
    )
    if section.generator is None:
        return plain
    parameters = generator_line(section, given.generators)["parameters"]
    return replace(
        plain,
        generator=section.generator.name,
        model=generators.model_name({"method": section.generator.method, "parameters": parameters}),
        price=parameters.get("price") or (None if parameters.get("url") else {}),
        slots=parameters.get("slots") or 1,
    )


def count_queries(
    section: ResolvedGeneration, collection: GenerationContext, ids: pl.Series
) -> pl.DataFrame:
    """Run the methods with the counting writer. Returns the queries, in part with placeholders."""
    documents = collection.texts(ids)
    parts = [
        methods.find(METHODS, line["method"])(
            line["parameters"], documents=documents, collection=collection
        )
        for line in section.methods
    ]
    return join_generated(parts).queries


def estimate_judges(
    given: Params, section: ResolvedGeneration, pairs: int, queries: pl.DataFrame
) -> Sequence[JudgeCalls]:
    """The calls of the judges that filter, at most one for each query.

    Args:
        given: params.yaml, with prices.
        section: with the resolved judges.
        pairs: largest number of queries.
        queries: some of them, with their texts.
    """
    made = []
    for item in section.judges.values():
        parameters = with_how(item, given.judges.get(item["name"]))
        tokens, money = None, None
        if prompted(item):
            tokens, money = judging.cost(
                given, parameters, pairs, pairs, mean_sizes(given, parameters, queries)
            )
        made.append(JudgeCalls(item["name"], pairs, tokens, money))
    return made


def mean_sizes(given: Params, parameters: dict, queries: pl.DataFrame) -> dict[str, float]:
    """Mean tokens of a generated query and of a document, as a judge counts them. A generated query
    has no other positive.
    """
    counter = judging.counter_of(parameters)
    lengths = [counter.count(text) for text in queries["text"].head(judging.SAMPLE)]
    of_documents = judging.mean_tokens(given, counter, parameters.get("trim"))["document"]
    query = sum(lengths) / len(lengths) if lengths else 0.0
    return {"query": query, "document": of_documents, "known": 0.0}
