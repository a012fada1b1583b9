"""`hone audit`: what is wrong with training data before anything is trained on it, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from commands.audit import candidates as looked_at
from commands.audit import collections
from commands.audit.dataset import Subject
from commands.audit.duplicates import duplicates
from commands.audit.estimate import Estimate, Stratum, estimate
from commands.audit.false_negative_suspects import KINDS, LIKE_POSITIVE, scored, suspicious
from commands.audit.finding import SHOWN, Finding, cut, places, where
from commands.audit.leakage import leakage
from commands.audit.malformed import broken
from commands.audit.negatives import example, negatives, with_kind
from commands.audit.page import render
from commands.audit.sheet import drawn, read_verdicts, refuse_others
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

ANSWERS = 2  # known answers that are shown beside a text on trial
READABLE = 3_000  # characters of a text that is to be judged
TOLD = {
    KINDS[0]: f"like a known answer (cosine {LIKE_POSITIVE} or more)",
    KINDS[1]: "nearer to the query than a known answer",
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
    """Write the page (and a JSON beside it), print the answer, and give back what the JSON holds.

    Args:
        what: a training file, a folder, or a collection (see `collections.read`).
        test: another such, whose queries must not be in training.
        out: the page.
        json: whether to write the JSON, with every place of every finding.
        verdicts: what a person said of the pairs to read.
        encode: whether an encoder is asked; without, nothing is under suspicion and BM25 mines.
        model: the encoder; null: that of params.yaml, or the embedded one.
        seed: of all draws; verdicts hold for the seed they were given with.
        most: texts to look for near-duplicates in.

    Raises:
        Refused: something cannot be read; nothing is written then.
    """
    refuse_overwriting(what, test, out, verdicts)
    read = read_verdicts(verdicts) if verdicts else None
    subject = collections.read(what)
    against = collections.read(test) if test else None
    encoder = encoder_of(model) if encode else None
    reader, reading = (encoder.model, encoder.reading) if encoder else reader_of(model)
    sizes = sizes_of(subject)
    say(f"audit: {', '.join(sizes)}; looking for duplicates")
    found, clusters = duplicates(subject, seed, most)
    kinds = with_kind(subject, clusters["documents"])
    findings = [
        *negatives(subject, kinds),
        *leakage(subject, against, seed, most),
        *broken(subject, reader, reading),
        *found,
    ]
    say("audit: looking for answers among the negatives")
    given = not subject.negatives.is_empty()
    candidates = None
    if given or len(subject.positives):
        candidates = looked_at.given(subject, kinds, seed) if given else looked_at.mined(subject, encoder, language_of(what), seed)
    if candidates is not None and candidates.how == "mined":
        findings.insert(0, mined_siblings(subject, candidates))
    pairs = scored(subject, candidates.pairs, encoder) if candidates is not None else None
    there = pairs is not None and not pairs.is_empty()
    suspected = suspicious(pairs, seed) if there and encoder else None
    sheet = drawn(subject, pairs, seed) if there else None
    if read is not None:
        if sheet is None:
            raise Refused(f"{verdicts} has verdicts, and there are no pairs to read in {what}: leave --verdicts out.")
        refuse_others(read, sheet, verdicts)
    strata = strata_of(pairs, sheet, read) if there else []
    estimated = estimated_of(strata, candidates, read) if read is not None else None
    hidden = matching(pairs, subject.hidden) if there else 0
    said = answer(findings, candidates, suspected, estimated, hidden)
    content = {
        "name": subject.name,
        "short": Path(subject.name).name or subject.name,
        "kind": subject.kind,
        "sizes": sizes,
        "answer": said,
        "faults": sorted((one for one in findings if one.told == "mend"), key=lambda one: -one.share),
        "known": sorted((one for one in findings if one.told == "know"), key=lambda one: -one.share),
        "clean": [one for one in findings if one.told == "clean"],
        "candidates": candidates if there else None,
        "suspected": suspected,
        "estimate": estimated,
        "kinds": [one for one in strata if one["size"] or one["kind"] != KINDS[0]],
        "evidence": evidence(pairs, subject, candidates, hidden) if there else [],
        "sheet": shown(subject, sheet, read) if sheet is not None else [],
        "address": fingerprint(subject.name, str(seed), *(sheet["pair"] if sheet is not None else []))[:16],
        "command": " ".join(
            [
                what,
                *(["--seed", str(seed)] if seed != 13 else []),
                *(["--model", model] if model else []),
                *([] if encode else ["--no-encoder"]),
            ]
        ),
        "how": how(subject, encoder, seed, against),
    }
    page = render(content)
    write_text(out, page)
    plain = {
        "name": subject.name,
        "answer": said.text,
        "sizes": sizes,
        "findings": {one.name: one.plain() for one in findings},
        "candidates": None if not there else {"how": candidates.how, "found": candidates.found, "pairs": len(pairs), "hidden": hidden},
        "suspected": None if suspected is None else {name: plainly(one) for name, one in suspected.items()},
        "kinds": strata,
        "estimate": None if estimated is None else {name: getattr(estimated, name) for name in ("share", "low", "high", "read", "unsure")},
    }
    if json:
        write_json(out.with_suffix(".json"), plain)
    for sentence in (said.wrong, said.much, said.do):
        line(sentence)
    line(
        f"{out}: open it in a browser"
        + (f"; {out.with_suffix('.json')} has every place" if json else "; --json writes every place beside it")
    )
    return plain


def refuse_overwriting(what: str, test: str | None, out: Path, verdicts: Path | None) -> None:
    """Raises Refused where the page would be a folder, or stand in place of what is read."""
    if out.is_dir():
        raise Refused(f"--out is {out}, which is a folder: name a file, such as {out / 'audit.html'}.")
    if out.suffix != ".html":
        raise Refused(f"--out is {out}: the page is an HTML file, so give it a name that ends in .html.")
    for given in (what, test, verdicts):
        if given and Path(given).exists() and Path(given).resolve() in (out.resolve(), out.with_suffix(".json").resolve()):
            raise Refused(f"--out {out} would be written over {given}, which is read: choose another name.")


def settings() -> tuple[Model, Machine]:
    """The model and the machine of params.yaml, or the defaults where there is none."""
    given = params.read() if params.FILE.is_file() else None
    return (given.model, given.machine) if given else (Model(), Machine())


def encoder_of(name: str | None) -> Encoder:
    """The encoder of a name, read as it comes; that of params.yaml by default."""
    from hone.encoders.encoder import encoder_for
    from hone.encoders.model_folder import folder_of, pinned

    model, machine = settings()
    if name is not None:
        model = Model(name=name, precision=model.precision)
        pinned(name)
    return encoder_for(folder_of(model.name, model.revision), model.model_dump(), machine.model_dump())


def reader_of(name: str | None) -> tuple[ModelFolder | None, Reading]:
    """The model whose tokenizer counts where nothing is encoded, null where it is not on this machine, and how it reads."""
    from hone.encoders.encoder import Reading
    from hone.encoders.model_folder import ModelFolder, folder_here

    model = settings()[0] if name is None else Model(name=name)
    reading = Reading.of(model.model_dump())
    try:
        folder = folder_here(model.name, model.revision)
    except Refused:  # a package that is not installed
        folder = None
    return (ModelFolder(folder) if folder and any(folder.rglob("tokenizer.json")) else None), reading


def language_of(name: str) -> str:
    given = params.read().collections.get(Path(name).name) if params.FILE.is_file() else None
    return given.language if given else "english"


def sizes_of(subject: Subject) -> list[str]:
    """How much there is, in words."""
    lines = [count(len(subject.rows), "line")] if subject.kind == "triplets" else []
    splits = [
        f"{len(rows):,} {split}"
        for split in ("train", "dev", "test")
        for rows in [subject.queries.filter(pl.col("split") == split)]
        if len(rows)
    ]
    queries = count(len(subject.queries), "query", "queries") + (f" ({', '.join(splits)})" if splits else "")
    negative = [count(len(subject.negatives), "negative")] if len(subject.negatives) else []
    judged = [count(len(subject.judged), "judged negative")] if len(subject.judged) else []
    return [*lines, queries, count(len(subject.documents), "document"), count(len(subject.positives), "positive"), *negative, *judged]


def mined_siblings(subject: Subject, candidates: looked_at.Candidates) -> Finding:
    """Known answers among what mining would take."""
    rows = candidates.known
    return Finding(
        name="siblings",
        title="Known answers among the documents that mining finds first",
        count=len(rows),
        of=candidates.seen,
        unit="candidates",
        harm="know",
        means="A miner that knows one answer of a query takes the others for negatives. Hone's rule `labelled` honours all of them.",
        cure="Keep `sample.filters: [labelled, same-text, near-duplicate]`, which every recipe that mines has.",
        examples=tuple(example(subject, row | {"answer": row["document"]}) for row in rows.head(SHOWN).to_dicts()),
        places=places(subject, rows),
    )


def strata_of(pairs: pl.DataFrame, sheet: pl.DataFrame, read: pl.DataFrame | None) -> list[dict]:
    """Each kind of suspicion with its size, share, pairs to read, pairs with a verdict, and yes among them."""
    said = (
        sheet.join(read, on="pair", how="inner") if read is not None else sheet.clear().with_columns(answer=pl.lit(None, dtype=pl.Boolean))
    )
    strata = []
    for kind in KINDS:
        of_kind = said.filter((pl.col("kind") == kind) & pl.col("answer").is_not_null())
        size = int((pairs["kind"] == kind).sum())
        strata.append(
            {
                "kind": kind,
                "told": TOLD[kind],
                "size": size,
                "share": size / len(pairs),
                "drawn": int((sheet["kind"] == kind).sum()),
                "read": len(of_kind),
                "yes": int(of_kind["answer"].sum()),
            }
        )
    return strata


def estimated_of(strata: list[dict], candidates: looked_at.Candidates, read: pl.DataFrame) -> Estimate:
    return estimate(
        [Stratum(one["size"], one["read"], one["yes"]) for one in strata],
        candidates.drawn,
        candidates.drawn / candidates.total if candidates.total else 1.0,
        int(read["answer"].is_null().sum()),
    )


def matching(pairs: pl.DataFrame, known: pl.DataFrame) -> int:
    """How many of the pairs are among `known`."""
    return len(pairs.join(known.select("query", "document").unique(), on=["query", "document"], how="semi"))


def evidence(pairs: pl.DataFrame, subject: Subject, candidates: looked_at.Candidates, hidden: int) -> list[str]:
    """What labels say of the pairs: hidden answers, and judgments of relevance 0."""
    sentences = []
    if len(subject.hidden):
        sentences.append(
            f"{hidden:,} of the {len(pairs):,} pairs ({share(hidden / len(pairs))}) are answers that were hidden from training on purpose: "
            "false negatives for certain, and a floor for their share."
        )
    if len(subject.judged):
        judged = matching(pairs, subject.judged)
        sentences.append(
            f"{judged:,} of the {len(pairs):,} pairs ({share(judged / len(pairs))}) were judged not relevant (grade 0) by whoever labelled "
            f"the collection, and {len(pairs) - judged:,} by nobody; {len(candidates.known):,} more candidates are known answers."
        )
    return sentences


def shown(subject: Subject, sheet: pl.DataFrame, read: pl.DataFrame | None) -> list[dict]:
    """The pairs to read with their texts."""
    answers = subject.positives.join(sheet.select("query").unique(), on="query", how="semi", maintain_order="left")
    answers = answers.select("query", "document").unique(maintain_order=True).group_by("query").agg(pl.col("document").head(ANSWERS))
    of_query = dict(answers.iter_rows())
    words = {True: "yes", False: "no", None: "unsure"}
    said = {} if read is None else {pair: words[told] for pair, told in read.select("pair", "answer").iter_rows()}
    documents = subject.documents["text"]
    return [
        {
            "pair": row["pair"],
            "where": where(subject, row),
            "query": cut(subject.queries["text"][row["query"]]),
            "answers": [readable(documents[number]) for number in of_query.get(row["query"], [])],
            "text": readable(documents[row["document"]]),
            "said": said.get(row["pair"]),
        }
        for row in sheet.to_dicts()
    ]


def readable(text: str) -> str:
    return text if len(text) <= READABLE else text[:READABLE].rstrip() + " … (cut here)"


def how(subject: Subject, encoder: Encoder | None, seed: int, against: Subject | None) -> list[tuple[str, str]]:
    """What the figures rest on."""
    length = f"{encoder.reading.length(encoder.model)} tokens" if encoder else ""
    reader = f"{encoder.model.path.name}, {length}, {encoder.reading.precision}" if encoder else "none (--no-encoder)"
    return [
        ("Read", subject.name + (f", against {against.name}" if against else "")),
        ("Same text", "equal but for case, white space and punctuation at the ends"),
        (
            "Near-duplicate",
            "estimated Jaccard similarity .8 or more: of runs of three words of documents, of four characters of queries (MinHash)",
        ),
        ("Encoder", reader),
        ("Draws", f"seed {seed}"),
        (
            "Estimate",
            "stratified by suspicion, each kind weighing as many pairs as it has; Wilson's intervals joined (Zou and Donner 2008)",
        ),
        ("Nothing was trained", "and nothing written but this page, the JSON if asked for, and vectors in HONE_HOME"),
    ]


def plainly(found: Interval) -> dict:
    return {"share": found.mean, "low": found.low, "high": found.high}
