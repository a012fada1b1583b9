"""A study's result in words and tables: on the screen, as Markdown, as Parquet."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from commands.study.conclusions import headline, resting, verdict, warnings
from commands.study.cost import PAIRS, TEXTS, Reading, round_of
from commands.study.design import Question
from commands.study.results import MEASURE, RECALL, ArmRound, ByArm, Known, Result
from commands.study.trial_results import TrialFile
from hone.layout import BASE
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import count, format_change, format_detectable, format_p, score, share

ARM_COLUMNS = (
    "arm",
    "nDCG@10",
    "95 %",
    "recall@100",
    "more than the base",
    "updates",
    "hidden answers among negatives",
    "time of one trial",
)
CONTRAST_COLUMNS = ("contrast", "difference", "95 %", "p (Holm)", "could have been seen", "")
OLDER_SENTENCE = (
    "These trials ran with older code. Their results are in no other table and in no contrast. --refresh runs those that have no result of "
    "today's code."
)
OLDER_COLUMNS = ("trial", "collection", "nDCG@10", "code", "written")
COST_COLUMNS = (
    "arm",
    "texts read",
    "encoded for it",
    "pairs by cross-encoders",
    "pairs judged by LLMs",
    "by free judges",
    "attrition",
    "negatives trained on",
    "removed",
    "acted",
)


def sentences(question: Question, result: Result, protocol: dict[str, list[str]], left: list[str]) -> list[str]:
    """The answer, what it is an answer on, and what one must know before one believes it.

    Args:
        question: of the study.
        result: on one collection.
        protocol: what arms do otherwise than others besides what their recipes are about.
        left: trials that have not ended, by name.
    """
    said = [headline(result), about(question, result), *warnings(question, result, left)]
    return said + [f"{arm} trains otherwise than params.yaml says: {'; '.join(told)}." for arm, told in protocol.items() if told]


def about(question: Question, result: Result) -> str:
    rounds = count(question.rounds, "round")
    first = f" after one of {question.first}, the same for all" if question.first else ""
    contrasts = count(len(question.contrasts), "contrast")
    return (
        f"nDCG@10 on {result.queries:,} {result.split} queries of {result.collection}; {rounds} of each recipe{first}; intervals are "
        f"95 %, over queries and seeds. {contrasts}, p adjusted by Holm; other differences are shown without a test."
    )


def ranked(result: Result) -> list[ArmRound]:
    """Arms after their last round, the best first; those that never acted at the end."""
    return sorted(result.last, key=lambda one: (one.inactive, -one.measures[MEASURE].mean))


def arm_rows(result: Result) -> list[tuple[str, ...]]:
    from commands.console import spell

    base = result.base[MEASURE]
    rows = [
        (
            one.arm + (" (inactive)" if one.inactive else ""), score(one.measures[MEASURE].mean), level(one.measures[MEASURE]),
            within(one.measures[RECALL]), f"{format_change(one.against[BASE].mean, 4)} ({span(one.against[BASE])})", f"{one.updates:g}",
            f"{share(one.hidden_share)} of {one.negatives:,}", spell(one.cost) if one.cost is not None else "–",
        )
        for one in ranked(result)
    ]  # fmt: skip
    return [*rows, (f"{BASE} (base model)", score(base.mean), level(base), within(result.base[RECALL]), "", "0", "", "")]


def control_rows(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows: each arm's difference to each control, without a test."""
    controls = list(dict.fromkeys(name for one in result.last for name in one.against if name != BASE))
    rows = [
        (one.arm, *(f"{format_change(own.mean, 4)} ({span(own)})" if own else "" for own in map(one.against.get, controls)))
        for one in ranked(result)
    ]
    return ("arm", *(f"more than {name}" for name in controls)), rows if controls else []


def cost_rows(result: Result) -> list[tuple[str, ...]]:
    return [
        (
            one.arm, counted(one.texts), counted(one.encoded), counted(one.pairs), counted(one.judged), counted(one.judged_free),
            attrition(one), f"{one.negatives:,}",
            ", ".join(f"{rule} {number:,}" for rule, number in one.removed.items()) or "nothing", acts(one),
        )
        for one in ranked(result)
    ]  # fmt: skip


def counted(number: float | None) -> str:
    """How many; a dash where nobody has counted."""
    return "–" if number is None else f"{number:,.0f}"


def attrition(one: ArmRound) -> str:
    """What became of the training queries of one seed."""
    if one.queries is None:
        return "–"
    filled = f", {one.filled:,.3g} filled up" if one.filled else ""
    return f"{one.left:,.3g} of {one.queries:,.0f} queries left, {one.short:,.3g} short{filled}"


def time_rows(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows: seconds of one trial of each arm by kind of stage, of all its rounds."""
    from commands.console import spell

    known = [one for one in ranked(result) if one.seconds]
    kinds = list(dict.fromkeys(kind for one in known for kind in one.seconds))
    rows = [(one.arm, *(f"{one.seconds[kind]:,.1f}" if kind in one.seconds else "–" for kind in kinds), spell(one.cost)) for one in known]
    return ("arm", *kinds, "all"), rows


def acts(one: ArmRound) -> str:
    """How often each method of the recipe did something."""
    return "; ".join(f"{act['method']}: {act['did']}" + (f" {act['count']:,}" if act["count"] is not None else "") for act in one.acts)


def contrast_rows(result: Result) -> list[tuple[str, ...]]:
    never = resting(result)
    return [
        (f"{one.other} − {one.one}", *(figures(one.difference) if one.difference else ("",) * 4), verdict(one, never)[0])
        for one in result.contrasts
    ]


def figures(found: Known) -> tuple[str, ...]:
    """Difference, interval, p, and the least that could have been seen."""
    return format_change(found.mean, 4), span(found), format_p(found.p), format_detectable(found.least) if found.least else "–"


def span(found: Known) -> str:
    return f"{format_change(found.low, 4)} to {format_change(found.high, 4)}"


def level(found: Known) -> str:
    return f"{score(found.low)} to {score(found.high)}"


def within(found: Known) -> str:
    """A mean with its interval in one cell."""
    return f"{score(found.mean)} ({level(found)})"


def tables(result: Result) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, columns and rows of each table."""
    (controls, against), (kinds, seconds) = control_rows(result), time_rows(result)
    return [
        ("Arms after their last round", ARM_COLUMNS, arm_rows(result)),
        ("Contrasts", CONTRAST_COLUMNS, contrast_rows(result)),
        ("Against the controls", controls, against),
        ("What was done", COST_COLUMNS, cost_rows(result)),
        ("Seconds of one trial, by stage", kinds, seconds),
    ]


def markdown(
    name: str, question: Question, told_of: list[tuple[Result, list[str]]], limits: Sequence[str] = (), command: str = "",
    older: list[tuple[str, ...]] | None = None,
) -> str:  # fmt: skip
    """The whole study as a Markdown document.

    Args:
        name: of the study.
        question: of it.
        told_of: of each collection the result, and what is said of it in sentences.
        limits: what it can and cannot say.
        command: that goes on with it.
        older: rows of results of older code.
    """
    parts = [f"# {escape_text(question.question)}", escape_text(f"Study {name}." + (f" {question.source}" if question.source else ""))]
    if question.expected:
        parts.append(escape_text(f"What papers say: {question.expected}"))
    for result, said in told_of:
        parts += [f"## {escape_text(result.collection)}", "\n".join(f"- {escape_text(sentence)}" for sentence in said)]
        parts += [f"### {title}\n\n{format_texts(columns, rows)}" for title, columns, rows in tables(result) if rows]
    if older:
        parts.append(f"## Results of older code\n\n{OLDER_SENTENCE}\n\n{format_texts(OLDER_COLUMNS, older)}")
    if limits:
        parts += ["## What this can and cannot say", "\n".join(f"- {escape_text(sentence)}" for sentence in limits)]
    if command:
        parts.append(f"The same command runs what is missing, and more seeds:\n\n    {command}")
    return "\n\n".join(parts) + "\n"


def older_rows(older: dict[str, list[TrialFile]], question: Question) -> list[tuple[str, ...]]:
    """A row for each result of older code and each collection: nDCG@10 after its last round."""
    return [
        (name, collection, score(float(rows[MEASURE].mean())), file.fingerprints.code[:8], file.facts["written"])
        for name, files in older.items()
        for file in files
        for found in [file.read()]
        for collection in found.facts["leakage"]
        if question.collection in (None, collection)
        for rows in [found.measured(list(found.facts["rounds"])[-1], collection, question.split)]
        if len(rows)
    ]


def arms_table(results: list[Result]) -> pl.DataFrame:
    """A row for each collection, arm and round, for programs."""
    rows = [
        {
            "collection": result.collection, "split": result.split, "arm": one.arm, "round": one.round, "recipe": one.recipe,
            "seeds": one.seeds,
            **{f"{measure}{end}": getattr(one.measures[measure], part) for measure in (MEASURE, RECALL)
               for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))},
            "updates": one.updates, "queries": one.queries, "queries_left": one.left, "queries_short": one.short,
            "queries_filled": one.filled, "negatives": one.negatives, "hidden": one.hidden, "texts": one.texts, "encoded": one.encoded,
            "pairs": one.pairs, "scored": one.scored, "judged": one.judged, "judged_free": one.judged_free,
            "seconds": one.cost, "inactive": one.inactive,
        }
        for result in results
        for one in result.rounds
    ]  # fmt: skip
    return pl.DataFrame(rows)


def times_table(by_arm: ByArm) -> pl.DataFrame:
    """A row for each stage of each trial's rounds: what it took when it ran, in that trial or in another one.

    Returns:
        arm, seed, round, stage, `ran` (in this trial), seconds, texts and pairs that it wanted read, and how many of these were not
        in the store (encoded, scored); null where nobody has measured.
    """
    rows = [
        (name, trial.facts["seed"], round_of(stage), stage, item["ran"], item["seconds"], asked_for(item, TEXTS), item.get("encoded"),
         asked_for(item, PAIRS), item.get("scored"))
        for name, trials in by_arm.items()
        for trial in trials
        for stage, item in trial.stages.items()
    ]  # fmt: skip
    schema = {"arm": pl.String, "seed": pl.Int32, "round": pl.String, "stage": pl.String, "ran": pl.Boolean, "seconds": pl.Float64}
    return pl.DataFrame(rows, schema=schema | dict.fromkeys(("texts", "encoded", "pairs", "scored"), pl.Int64), orient="row")


def asked_for(stage: dict, what: Reading) -> int | None:
    """Texts or pairs that a stage wanted read; null where nobody has counted."""
    return None if stage.get(what.wanted) is None else sum(stage[what.wanted].values())


def contrasts_table(results: list[Result]) -> pl.DataFrame:
    """A row for each collection and contrast."""
    fields = ("mean", "low", "high", "p", "least", "seeds")
    rows = [
        {"collection": result.collection, "one": one.one, "other": one.other}
        | {field: getattr(one.difference, field) if one.difference else None for field in fields}
        for result in results
        for one in result.contrasts
    ]
    schema = {"collection": pl.String, "one": pl.String, "other": pl.String} | dict.fromkeys(fields, pl.Float64) | {"seeds": pl.Int64}
    return pl.DataFrame(rows, schema=schema)
