"""A short measurement of this machine: texts per second and seconds per training step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import polars as pl

from commands.plan.work import Work
from hone.config.params import Params
from hone.config.sections.train import Train
from hone.config.stage_settings import StageSettings
from hone.data import tables
from hone.data.labels import positives_of
from hone.layout import BASE, BASE_MODEL, round_table

PROBE_TEXTS, PROBE_STEPS = 256, 2
LOW, HIGH = (
    0.7,
    1.6,
)  # range around an estimate: texts differ in length, and other processes may use the machine
SECONDS_PER_STAGE = 3.0  # starting Python, reading and writing tables


def measure_speed(
    given: Params, settings: dict[str, StageSettings], work: Work
) -> tuple[float | None, float | None, str]:
    """Texts per second, seconds per training step, and a sentence with both."""
    from hone.encoders.device_lock import torch_lock
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_of
    from hone.encoders.precision import device_of

    source = (
        BASE_MODEL if BASE_MODEL.is_dir() else folder_of(given.model.name, given.model.revision)
    )
    reading, model = (
        Reading.of(settings[f"evaluate/{given.evaluate_on[0]}"].model),
        ModelFolder(source),
    )
    device = device_of(given.machine.device)
    with torch_lock(device):
        rate = (
            encoding_rate(model, reading, device, given.machine.batch_tokens)
            if work.texts or work.checked
            else None
        )
        step = max(
            (
                step_time(model, reading, device, settings[f"rounds/{name}/train"].train)
                for name in work.train
            ),
            default=None,
        )
    parts = [
        *([f"{rate:,.0f} texts/s ({PROBE_TEXTS} documents)"] if rate else []),
        *([f"{step:.1f} s per training step (slowest round, {PROBE_STEPS} steps)"] if step else []),
    ]
    return rate, step, f"measured on {device}, {reading.precision}: {', '.join(parts)}"


def sample_texts(count: int) -> list[str]:
    """Evenly spaced documents of the first collection."""
    from hone.data import training_set

    texts = [text for chunk in next(iter(training_set.read())).documents.chunks() for text in chunk]
    return texts[:: max(1, len(texts) // count)][:count]


def encoding_rate(model, reading, device: str, batch_tokens: int | None) -> float:
    """Documents per second, after a warm-up."""
    from hone.encoders.batched_inference import TorchEncoder

    texts = sample_texts(PROBE_TEXTS)
    encoder = TorchEncoder(
        model.load(reading.length(model), device),
        "document",
        reading.prompt(model, "document"),
        reading.precision,
        batch_tokens,
    )
    encoder.encode(texts[:32])
    began = time.monotonic()
    encoder.encode(texts)
    return len(texts) / (time.monotonic() - began)


def step_time(model, reading, device: str, section: Train) -> float:
    """Seconds per training step with a round's batch: its positives, and other documents as
    negatives.
    """

    from hone.data import training_set
    from tasks.train.examples import examples
    from tasks.train.trainer import train, trainer

    training = training_set.read()
    positives = positives_of(tables.read("labels", round_table(BASE, "labels")))
    negatives = [
        positives.with_columns(
            doc_id=pl.col("doc_id").shift(shift, fill_value=pl.col("doc_id").first()),
            label=pl.lit("negative", dtype=positives["label"].dtype),
            rank=pl.lit(shift, dtype=pl.Int32),
        )
        for shift in range(1, section.negatives + 1)
    ]
    labels = pl.concat([positives, *negatives]).unique(
        ["query_id", "doc_id"], keep="first", maintain_order=True
    )
    made = examples(labels, training.queries(), training.texts(labels["doc_id"].unique()))
    prompts = {route: reading.prompt(model, route) for route in ("query", "document")}
    with tempfile.TemporaryDirectory() as folder:
        probe_section = section.model_copy(
            update={"steps": PROBE_STEPS + 1, "checkpoint_steps": 10**6}
        )
        ready = trainer(
            model.load(reading.length(model, section.max_length), device),
            made,
            probe_section,
            prompts,
            {},
            0,
            Path(folder),
        )
        clock = step_clock()
        ready.add_callback(clock)
        train(ready)
    return clock.mean


def step_clock():
    """A callback that times all steps except the first, which is a warm-up."""
    from transformers import TrainerCallback

    class StepClock(TrainerCallback):
        def __init__(self) -> None:
            self.began: list[float] = []
            self.ended: list[float] = []

        def on_step_begin(self, *_: object, **__: object) -> None:
            self.began.append(time.monotonic())

        def on_step_end(self, *_: object, **__: object) -> None:
            self.ended.append(time.monotonic())

        @property
        def mean(self) -> float:
            spent = [end - begin for begin, end in zip(self.began, self.ended, strict=True)][1:]
            return sum(spent) / len(spent)

    return StepClock()
