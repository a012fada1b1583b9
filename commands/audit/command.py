"""`hone audit`: check training data before training, and write one HTML report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from commands.audit import candidates as candidate_pairs
from commands.audit import collections
from commands.audit.dataset import Subject
from commands.audit.duplicates import duplicates
from commands.audit.estimate import Estimate, Stratum, estimate
from commands.audit.false_negative_suspects import (
    KINDS,
    LIKE_POSITIVE,
    estimate_suspicion,
    score_pairs,
)
from commands.audit.finding import MAX_EXAMPLES, Finding, cut, places, where
from commands.audit.leakage import leakage
from commands.audit.malformed import find_malformed
from commands.audit.negatives import classify_negatives, example, negatives
from commands.audit.page import render
from commands.audit.sheet import read_verdicts, refuse_others, sample_pairs
from commands.audit.summary import answer
from commands.console import line
from hone.config import params
from hone.config.params import Machine, Model
from hone.errors import Refused
from hone.files import fingerprint, write_json, write_text
from hone.present.number_format import count, share
from hone.stage import say
from hone.stats.bootstrap import Interval
from hone.text.alike import MOST

if TYPE_CHECKING:
    from hone.encoders.encoder import Encoder, Reading
    from hone.encoders.model_folder import ModelFolder

ANSWERS = 2  # positives to show with a text to label
READABLE = 3_000  # characters of a text to label
DESCRIPTIONS = {
    KINDS[0]: f"similar to a positive (cosine {LIKE_POSITIVE} or more)",
    KINDS[1]: "nearer to the query than a positive",
    KINDS[2]: "neither",
}


def audit(
    what: str,
    test: str | None = None,
    out: Path = Path("audit.html"),
    json: bool = False,
    verdicts: Path | None = None,
    encode: bool = True,
    model: str | None = None,
    seed: int = 13,
    most: int = MOST,
) -> dict:
    """Write the HTML report (and a JSON file), print a summary, and return the content of the JSON
    file.

    Args:
        what: a training file, a folder, or a collection (see `collections.read`).
        test: held-out data in the same forms, whose queries must not be in the training data.
        out: the HTML report.
        json: whether to write the JSON file, with the location of every finding.
        verdicts: the verdicts of a person on the pairs of the report.
        encode: whether to use an encoder. Without it, no pair is suspicious, and BM25 mines
            candidates.
        model: the encoder; null: the model of params.yaml, or the default model.
        seed: seed of all random samples. Verdicts are valid for their seed only.
        most: largest number of texts to compare for near-duplicates.

    Raises:
        Refused: an input cannot be read. Nothing is written then.
    """
    refuse_overwriting(what, test, out, verdicts)
    read = read_verdicts(verdicts) if verdicts else None
    subject = collections.read(what)
    against = collections.read(test) if test else None
    encoder = encoder_of(model) if encode else None
    reader, reading = (encoder.model, encoder.reading) if encoder else reader_of(model)
    sizes = sizes_of(subject)
    say(f"audit: {', '.join(sizes)}; checking for duplicates")
    found, clusters = duplicates(subject, seed, most)
    kinds = classify_negatives(subject, clusters["documents"])
    findings = [
        *negatives(subject, kinds),
        *leakage(subject, against, seed, most),
        *find_malformed(subject, reader, reading),
        *found,
    ]
    say("audit: checking for false negatives")
    given = not subject.negatives.is_empty()
    candidates = None
    if given or len(subject.positives):
        if given:
            candidates = candidate_pairs.sample_given(subject, kinds, seed)
        else:
            candidates = candidate_pairs.mine_candidates(subject, encoder, language_of(what), seed)
    if candidates is not None and candidates.how == "mined":
        findings.insert(0, mined_siblings(subject, candidates))
    pairs = score_pairs(subject, candidates.pairs, encoder) if candidates is not None else None
    has_pairs = pairs is not None and not pairs.is_empty()
    suspected = estimate_suspicion(pairs, seed) if has_pairs and encoder else None
    sheet = sample_pairs(subject, pairs, seed) if has_pairs else None
    if read is not None:
        if sheet is None:
            raise Refused(
                f"{what} has no pairs to label, so the verdicts in {verdicts} do not apply. Omit "
                "--verdicts."
            )
        refuse_others(read, sheet, verdicts)
    strata = strata_of(pairs, sheet, read) if has_pairs else []
    estimated = compute_estimate(strata, candidates, read) if read is not None else None
    hidden = count_common(pairs, subject.hidden) if has_pairs else 0
    summary = answer(findings, candidates, suspected, estimated, hidden)
    content = {
        "name": subject.name,
        "short": Path(subject.name).name or subject.name,
        "kind": subject.kind,
        "sizes": sizes,
        "answer": summary,
        "faults": sorted(
            (one for one in findings if one.status == "fix"), key=lambda one: -one.share
        ),
        "known": sorted(
            (one for one in findings if one.status == "note"), key=lambda one: -one.share
        ),
        "clean": [one for one in findings if one.status == "clean"],
        "candidates": candidates if has_pairs else None,
        "suspected": suspected,
        "estimate": estimated,
        "kinds": [one for one in strata if one["size"] or one["kind"] != KINDS[0]],
        "evidence": evidence(pairs, subject, candidates, hidden) if has_pairs else [],
        "sheet": list_pairs(subject, sheet, read) if sheet is not None else [],
        "address": fingerprint(
            subject.name, str(seed), *(sheet["pair"] if sheet is not None else [])
        )[:16],
        "command": " ".join(
            [
                what,
                *(["--seed", str(seed)] if seed != 13 else []),
                *(["--model", model] if model else []),
                *([] if encode else ["--no-encoder"]),
            ]
        ),
        "how": describe_method(subject, encoder, seed, against),
    }
    page = render(content)
    write_text(out, page)
    plain = {
        "name": subject.name,
        "answer": summary.text,
        "sizes": sizes,
        "findings": {one.name: one.to_dict() for one in findings},
        "candidates": None
        if not has_pairs
        else {
            "how": candidates.how,
            "found": candidates.found,
            "pairs": len(pairs),
            "hidden": hidden,
        },
        "suspected": None
        if suspected is None
        else {name: interval_to_dict(one) for name, one in suspected.items()},
        "kinds": strata,
        "estimate": None
        if estimated is None
        else {
            name: getattr(estimated, name) for name in ("share", "low", "high", "read", "unsure")
        },
    }
    if json:
        write_json(out.with_suffix(".json"), plain)
    for sentence in (summary.wrong, summary.much, summary.do):
        line(sentence)
    line(
        f"Report: {out}. "
        + (
            f"Locations of all findings: {out.with_suffix('.json')}."
            if json
            else "--json also writes the locations of all findings."
        )
    )
    return plain


def refuse_overwriting(what: str, test: str | None, out: Path, verdicts: Path | None) -> None:
    """Raises Refused if the report would be a folder or overwrite an input."""
    if out.is_dir():
        raise Refused(
            f"--out is {out}, which is a folder. Name a file, such as {out / 'audit.html'}."
        )
    if out.suffix != ".html":
        raise Refused(f"--out is {out}. Use a name that ends in .html.")
    for given in (what, test, verdicts):
        if (
            given
            and Path(given).exists()
            and Path(given).resolve() in (out.resolve(), out.with_suffix(".json").resolve())
        ):
            raise Refused(f"--out {out} would overwrite the input {given}. Use a different name.")


def settings() -> tuple[Model, Machine]:
    """The model and the machine of params.yaml, or the defaults without params.yaml."""
    given = params.read() if params.FILE.is_file() else None
    return (given.model, given.machine) if given else (Model(), Machine())


def encoder_of(name: str | None) -> Encoder:
    """The named encoder with its own settings; the model of params.yaml by default."""
    from hone.encoders.encoder import encoder_for
    from hone.encoders.model_folder import folder_of, pinned

    model, machine = settings()
    if name is not None:
        model = Model(name=name, precision=model.precision)
        pinned(name)
    return encoder_for(
        folder_of(model.name, model.revision), model.model_dump(), machine.model_dump()
    )


def reader_of(name: str | None) -> tuple[ModelFolder | None, Reading]:
    """The model whose tokenizer counts tokens (null if it is not on this machine), and its
    reading settings.
    """
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_here

    model = settings()[0] if name is None else Model(name=name)
    reading = Reading.of(model.model_dump())
    try:
        folder = folder_here(model.name, model.revision)
    except Refused:  # a package that is not installed
        folder = None
    return (
        ModelFolder(folder) if folder and any(folder.rglob("tokenizer.json")) else None
    ), reading


def language_of(name: str) -> str:
    given = params.read().collections.get(Path(name).name) if params.FILE.is_file() else None
    return given.language if given else "english"


def sizes_of(subject: Subject) -> list[str]:
    """The size of the data, in words."""
    lines = [count(len(subject.rows), "line")] if subject.kind == "triplets" else []
    splits = [
        f"{len(rows):,} {split}"
        for split in ("train", "dev", "test")
        for rows in [subject.queries.filter(pl.col("split") == split)]
        if len(rows)
    ]
    queries = count(len(subject.queries), "query", "queries") + (
        f" ({', '.join(splits)})" if splits else ""
    )
    negative = [count(len(subject.negatives), "negative")] if len(subject.negatives) else []
    judged = [count(len(subject.judged), "judged negative")] if len(subject.judged) else []
    return [
        *lines,
        queries,
        count(len(subject.documents), "document"),
        count(len(subject.positives), "positive"),
        *negative,
        *judged,
    ]


def mined_siblings(subject: Subject, candidates: candidate_pairs.Candidates) -> Finding:
    """A finding on positives among mined candidates."""
    rows = candidates.known
    return Finding(
        name="siblings",
        title="Positives among the top mined documents",
        count=len(rows),
        of=candidates.seen,
        unit="candidates",
        harm="note",
        means="A miner that uses one positive per query treats the others as negatives. Hone's "
        "filter `labelled` excludes all positives.",
        cure="Keep `sample.filters: [labelled, same-text, near-duplicate]`, as in every mining "
        "recipe.",
        examples=tuple(
            example(subject, row | {"answer": row["document"]})
            for row in rows.head(MAX_EXAMPLES).to_dicts()
        ),
        places=places(subject, rows),
    )


def strata_of(pairs: pl.DataFrame, sheet: pl.DataFrame, read: pl.DataFrame | None) -> list[dict]:
    """Each kind of suspicion with its size, fraction, sampled pairs, labelled pairs, and
    positive verdicts.
    """
    verdicts = (
        sheet.join(read, on="pair", how="inner")
        if read is not None
        else sheet.clear().with_columns(answer=pl.lit(None, dtype=pl.Boolean))
    )
    strata = []
    for kind in KINDS:
        of_kind = verdicts.filter((pl.col("kind") == kind) & pl.col("answer").is_not_null())
        size = int((pairs["kind"] == kind).sum())
        strata.append(
            {
                "kind": kind,
                "description": DESCRIPTIONS[kind],
                "size": size,
                "share": size / len(pairs),
                "drawn": int((sheet["kind"] == kind).sum()),
                "read": len(of_kind),
                "yes": int(of_kind["answer"].sum()),
            }
        )
    return strata


def compute_estimate(
    strata: list[dict], candidates: candidate_pairs.Candidates, read: pl.DataFrame
) -> Estimate:
    return estimate(
        [Stratum(one["size"], one["read"], one["yes"]) for one in strata],
        candidates.drawn,
        candidates.drawn / candidates.total if candidates.total else 1.0,
        int(read["answer"].is_null().sum()),
    )


def count_common(pairs: pl.DataFrame, known: pl.DataFrame) -> int:
    """How many of the pairs are among `known`."""
    return len(
        pairs.join(known.select("query", "document").unique(), on=["query", "document"], how="semi")
    )


def evidence(
    pairs: pl.DataFrame, subject: Subject, candidates: candidate_pairs.Candidates, hidden: int
) -> list[str]:
    """Sentences on labels of the pairs: held-out positives, and documents judged not relevant."""
    sentences = []
    if len(subject.hidden):
        sentences.append(
            f"{hidden:,} of the {len(pairs):,} pairs ({share(hidden / len(pairs))}) are held-out "
            "positives. They are certainly false "
            "negatives, so this is a lower bound of the false-negative rate."
        )
    if len(subject.judged):
        judged = count_common(pairs, subject.judged)
        sentences.append(
            f"{judged:,} of the {len(pairs):,} pairs ({share(judged / len(pairs))}) are judged "
            "not relevant (grade 0) in the collection, "
            f"and {len(pairs) - judged:,} are unjudged. {len(candidates.known):,} more candidates "
            "are positives."
        )
    return sentences


def list_pairs(subject: Subject, sheet: pl.DataFrame, read: pl.DataFrame | None) -> list[dict]:
    """The pairs to label, with their texts."""
    answers = subject.positives.join(
        sheet.select("query").unique(), on="query", how="semi", maintain_order="left"
    )
    answers = (
        answers.select("query", "document")
        .unique(maintain_order=True)
        .group_by("query")
        .agg(pl.col("document").head(ANSWERS))
    )
    of_query = dict(answers.iter_rows())
    words = {True: "yes", False: "no", None: "unsure"}
    verdicts = (
        {}
        if read is None
        else {pair: words[answer] for pair, answer in read.select("pair", "answer").iter_rows()}
    )
    documents = subject.documents["text"]
    return [
        {
            "pair": row["pair"],
            "where": where(subject, row),
            "query": cut(subject.queries["text"][row["query"]]),
            "answers": [
                truncate_text(documents[number]) for number in of_query.get(row["query"], [])
            ],
            "text": truncate_text(documents[row["document"]]),
            "verdict": verdicts.get(row["pair"]),
        }
        for row in sheet.to_dicts()
    ]


def truncate_text(text: str) -> str:
    return text if len(text) <= READABLE else text[:READABLE].rstrip() + " … (truncated)"


def describe_method(
    subject: Subject, encoder: Encoder | None, seed: int, against: Subject | None
) -> list[tuple[str, str]]:
    """The methods and settings behind the numbers."""
    length = f"{encoder.reading.length(encoder.model)} tokens" if encoder else ""
    reader = (
        f"{encoder.model.path.name}, {length}, {encoder.reading.precision}"
        if encoder
        else "none (--no-encoder)"
    )
    return [
        ("Input", subject.name + (f", compared with {against.name}" if against else "")),
        ("Same text", "equal except for case, white space and leading or trailing punctuation"),
        (
            "Near-duplicate",
            "estimated Jaccard similarity of 0.8 or more (MinHash), over word trigrams of "
            "documents and character 4-grams of queries",
        ),
        ("Encoder", reader),
        ("Random seed", str(seed)),
        (
            "Estimate",
            "stratified by suspicion and weighted by the size of each kind, with combined Wilson "
            "intervals (Zou and Donner 2008)",
        ),
        (
            "Output",
            "this report, the JSON file if requested, and vectors in HONE_HOME; no training",
        ),
    ]


def interval_to_dict(found: Interval) -> dict:
    return {"share": found.mean, "low": found.low, "high": found.high}
