"""drift: how later models rank the training pairs of earlier rounds, and how far embeddings have
moved -> reports/drift.json.

It runs after all rounds are trained and evaluated, so almost all of its embeddings are cached.
"""

from __future__ import annotations

import polars as pl

from hone.config import stage_settings
from hone.data import training_set
from hone.data.rounds import draws_of, with_start
from hone.encoders.encoder import encoder_for
from hone.files import write_json
from hone.layout import DRIFT, MODELS
from hone.seeds import generator
from hone.stage import run, say
from tasks.drift.margins import drawn, margins, pairs_of, remembered
from tasks.drift.moved import Sample, moved, vectors_of
from tasks.drift.settings import DriftSettings


def main(settings: DriftSettings) -> None:
    """Score a sample of each round's training pairs with the models of its lineage, and compare
    their embeddings.
    """
    rounds, training = settings.rounds, training_set.read()
    pairs = {
        name: drawn(pairs_of(name), generator(settings.seed, "drift", draws_of(rounds, name)))
        for name in rounds
    }
    pairs = {name: found for name, found in pairs.items() if len(found)}
    sample = Sample.of(training, pl.concat(list(pairs.values())) if pairs else None)
    machine = stage_settings.machine()
    seen = {
        name: vectors_of(encoder_for(MODELS / name, settings.model, machine, user=name), sample)
        for name in ["r0", *rounds]
    }
    trained = {
        name: remembered(
            rounds,
            name,
            {model: margins(found, sample, seen[model]) for model in with_start(rounds, name)},
            found,
        )
        for name, found in pairs.items()
    }
    account = {
        "vectors": moved(rounds, seen, sample),
        "documents": len(sample.compared_documents),
        "queries": len(sample.compared_queries),
        "trained": trained,
    }
    write_json(DRIFT, account)
    forgotten = sum(one["forgotten"] or 0 for found in trained.values() for one in found["models"])
    say(
        f"drift: {len(rounds)} rounds, {sum(map(len, pairs.values())):,} pairs with a mined "
        f"negative, {forgotten:,} forgotten"
    )


if __name__ == "__main__":
    run(main)
