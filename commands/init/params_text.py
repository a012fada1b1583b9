"""The text of params.yaml for a collection. Equal findings give equal bytes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from commands.init.collection import CLICKS, FILES
from commands.init.division import Division
from commands.init.generation import REAL, Generation
from commands.init.learning_rate import Rate
from commands.init.lengths import MOST_CUT, Length
from hone.config.yaml12 import from_yaml
from hone.present.number_format import count, format_detectable, join_words, share
from hone.stats.expected_effects import detectable_effects

TEMPLATE = Path(__file__).with_name("params.yaml.jinja")
BATCH = 64  # queries of a training batch in the recipes of the rounds
STEPS = 24  # training steps of a round with which the learning rates were chosen
GRADES = 10  # relevance grades to list
MOST_EPOCHS = 4  # [Hone default]
LOCAL_MODEL = "qwen2.5-coder-1.5b"  # the generator on this machine
PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Findings:
    """Everything that the file depends on.

    Attributes:
        name, source, path: the collection.
        settings: further settings of the collection, each with its reason.
        division: the splits.
        grades: number of labels by relevance grade.
        several: queries with several positives.
        model: name and revision of the base model.
        length: the maximum length.
        rate: the learning rates.
        parameters: the number of parameters of the model.
        generation: of queries. Null: the collection has labels.
    """

    name: str
    source: str
    path: str
    settings: dict[str, tuple[Any, str]]
    division: Division
    grades: dict[int, int]
    several: int
    model: tuple[str, str | None]
    length: Length
    rate: Rate
    parameters: int
    generation: Generation | None = None


def text_of(found: Findings) -> str:
    """The content of params.yaml."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(found=found, **values(found))


def values(found: Findings) -> dict[str, object]:
    """The further values of the template."""
    train = found.division.counts["train"] if not found.generation else found.generation.train
    epochs = epochs_of(train)
    base, between = detectable_effects(found.division.counts["test"])
    name, revision = found.model
    change = f", train: {{learning_rate: {exponent(found.rate.first)}}}"
    return {
        "name": scalar(found.name),
        "path": scalar(found.path),
        "settings": [
            (name, format_setting(value), reason)
            for name, (value, reason) in found.settings.items()
        ],
        "log": found.source == CLICKS,
        "split": split_of(found.division),
        "why_split": why_split(found.division),
        "counts": format_counts(found.division),
        "from_base": format_detectable(base),
        "between_rounds": format_detectable(between),
        "grades": format_grades(found.grades),
        "train": train,
        "several": count(found.several, "query", "queries") if found.several else "",
        "model": scalar(name),
        "revision": "null" if revision is None else scalar(revision),
        "why_length": why_length(found),
        "parameters": f"{found.parameters / 1e6:,.0f}",
        "steps": format_steps(train, epochs, found.generation is not None),
        "real": REAL,
        "local_model": LOCAL_MODEL,
        "epochs": epochs,
        "rate": exponent(found.rate.rate),
        "first": change if found.rate.first != found.rate.rate else "",
    }


def format_setting(value: Any) -> str:
    """A setting in YAML, on one line."""
    if isinstance(value, dict):
        inner = (f"{name}: {format_setting(one)}" for name, one in value.items())
        return f"{{{', '.join(inner)}}}"
    return scalar(value) if isinstance(value, str) else str(value)


def split_of(division: Division) -> str | None:
    """The setting `split` in YAML. Null if the files define all splits."""
    if division.split is None:
        return None
    given = {"dev": f"{division.split.dev:g}", "test": f"{division.split.test:g}"}
    if division.split.divide is not None:
        given["divide"] = division.split.divide
    return f"{{{', '.join(f'{name}: {value}' for name, value in given.items())}}}"


def why_split(division: Division) -> str:
    """Why fractions are needed."""
    if division.split is None or division.split.divide is None:
        return "The files define no splits"
    return (
        f"The files have no {join_words(list(division.absent))} queries, so those of "
        f"{division.split.divide} are divided"
    )


def format_counts(division: Division) -> str:
    """The number of queries in each split: 110 train, 30 dev and 60 test."""
    return join_words([f"{number:,} {name}" for name, number in division.counts.items()])


def format_grades(grades: dict[int, int]) -> str:
    """The number of labels of each grade, the lowest grades first: grade 0 (225), 1 (363)."""
    shown = [f"{grade} ({number:,} labels)" for grade, number in sorted(grades.items())[:GRADES]]
    return f"grade {', '.join(shown)}{', ...' if len(grades) > GRADES else ''}"


def why_length(found: Findings) -> str:
    """The effect of the maximum length. `files` splits its chunks again at this length."""
    length, chunks = found.length, found.source == FILES
    what = count(length.sampled, "sampled chunk" if chunks else "sampled document")
    sentence = (
        f"{share(length.cut)} of {what} are {'longer and are split again' if chunks else 'cut'}"
    )
    if length.cut > MOST_CUT and not chunks:
        return f"{sentence} at the model's limit. Split them into chunks (`parent_id`)"
    if length.tokens > length.own:
        return f"{sentence}. The model's own length is {length.own}"
    return sentence


def epochs_of(queries: int) -> int:
    """Epochs of a round: one, or as many as give STEPS steps, but at most MOST_EPOCHS."""
    return min(MOST_EPOCHS, max(1, math.ceil(STEPS / steps_of(queries))))


def steps_of(queries: int) -> int:
    """Training steps of an epoch."""
    return max(1, math.ceil(queries / BATCH))


def format_steps(queries: int, epochs: int, generated: bool = False) -> str:
    """The training steps of a round. Filters remove some of the generated queries."""
    most = "At most " if generated else ""
    trained, passes = (
        most + count(queries, "training query", "training queries"),
        count(epochs, "epoch"),
    )
    steps = count(epochs * steps_of(queries), "step")
    return f"{trained} give {steps} of up to {BATCH} queries a round, in {passes}."


def exponent(rate: float) -> str:
    """A learning rate in the notation of the shipped file: 5.0e-5."""
    mantissa, power = f"{rate:.1e}".split("e")
    return f"{mantissa}e{int(power)}"


def scalar(text: str) -> str:
    """A text as a YAML scalar, in quotes if it could be read as anything else."""
    if PLAIN.fullmatch(text) and text == yaml.safe_load(text) == from_yaml(f"- {text}")[0]:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf)
    return quoted.strip()
