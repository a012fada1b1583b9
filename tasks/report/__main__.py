"""report: scores, tables and texts -> reports/index.html, tables for `dvc plots`, and the answer in a sentence."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import polars as pl

from hone.compare import by_stratum
from hone.compare.contrast import Score, combine_collections, describe_counts, find_largest_changes, score_rounds
from hone.compare.query_strata import BASE_MODEL, QuerySlices, Tables, slice_queries
from hone.compare.unjudged import bound_differences, describe_bounds, read_judgments
from hone.config import stage_settings
from hone.data import training_set
from hone.data.tables import Documents
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import cut_documents
from hone.files import read_json, write_text
from hone.ir.alignment_uniformity import NAMES as GEOMETRY
from hone.ir.collapse import warning as collapse
from hone.ir.measures import DEPTH
from hone.ir.results import OWN_DROPPED, ranking_of
from hone.layout import DATA, REPORTS
from hone.present.mlflow_client import LOOP
from hone.present.provenance import git_commit, hashes, machine
from hone.stage import run, say
from hone.stats.bootstrap import DRAWS
from tasks.report import diagnostics, export_tables, figures, leakage, plots, regressions
from tasks.report.card import write_cards
from tasks.report.drift import drift
from tasks.report.examples import Example, examples
from tasks.report.figure_sources import sources
from tasks.report.loss import dev_checks, loss_by_step
from tasks.report.negative_flips import all_flips
from tasks.report.negatives import CHOSEN, NOT_CHOSEN, NOT_FOUND, hidden_pairs, mined
from tasks.report.overview import first_screen
from tasks.report.page.render import render
from tasks.report.relabelled import judged_rounds
from tasks.report.summary import MARGIN, seen, sentence, summary

PAGE = Path("reports/index.html")
TENTHS = 10


def main() -> None:
    """Write the page and the tables for `dvc plots`, and say what improved and where to look."""
    suites, settings = diagnostics.apart(stage_settings.of_stage("report"))
    rounds = settings["rounds"]
    training = training_set.read()
    found = score_rounds(rounds, settings["compare_with"], settings["evaluate_on"], settings["seed"])
    answer = summary(found, rounds, settings["compare_with"])
    harms, leaked = regressions.harms(found, rounds, settings["train_on"]), leakage.leaks([*settings["evaluate_on"], *suites])
    lying = {name: spaces(name, found) for name in settings["evaluate_on"]}
    warnings = [*leakage.first_lines(leaked), *regressions.damage(harms, answer.shown), *collapses(lying, answer.base, list(rounds))]
    unhurt = regressions.elsewhere(harms, answer.shown)
    hidden = hidden_pairs(training)
    mining = mined(rounds, hidden)
    losses, checked = {name: loss_by_step(name) for name in rounds}, {name: dev_checks(name) for name in rounds}
    shown = {name: examples(name, training, hidden, settings["seed"]) for name in rounds}
    plots.write_scores(found, list(dict.fromkeys((answer.base, *rounds))))
    plots.write_losses(losses)
    parted = {name: parts(name, found, settings) for name in settings["evaluate_on"]}
    levels = by_stratum.adjust_p(
        [one for name, cut in parted.items() for one in by_stratum.compare_levels(name, answer.base, rounds, cut, settings["seed"])]
    )
    flipped = all_flips(rounds, settings["evaluate_on"], [*settings["compare_with"], *rounds])
    unjudged = {name: holes_on(name, found, settings, answer.base) for name in settings["evaluate_on"]}
    recipes = {name: json.dumps(recipe, indent=2, ensure_ascii=False) for name, recipe in settings["recipes"].items()}
    made_on = f"{machine()}, {settings['model']['precision']}"
    of_suites = diagnostics.shown(suites, list(dict.fromkeys(one.name for one in found)), answer.base, set(rounds), settings)
    mteb, rows_of_holes = (
        {name: by_mteb(name, found) for name in settings["evaluate_on"]},
        {name: one["rows"] for name, one in unjudged.items()},
    )
    together = combine_collections(found)
    tables = export_tables.flat(found, harms, levels, flipped, mining, rows_of_holes, leaked, of_suites, mteb, lying, together)
    export_tables.write(tables, [answer.headline, *warnings, *unhurt, *answer.details])
    models = {f"models/{name}": name for name in rounds}
    about = {"commit": git_commit(), "machine": made_on, "models": hashes(models), "recipes": recipes}
    sentences = {name: about_round(name, found, answer.base, harms, leaked) for name in rounds}
    for name, record in checked.items():
        sentences[name] += [record["better_before"]] if record["better_before"] else []
    write_cards(tables, rounds, answer.base, about | {"sentences": sentences}, settings)
    loop = read_json(LOOP)["name"]
    judging = judged_rounds(rounds, hidden, training, settings["evidence"])
    moved = changed(found, rounds, len(settings["evaluate_on"]) > 1)
    kinds_told = {
        name: by_stratum.find_hidden_losses([one for one in levels if one.collection == name], found) for name in settings["evaluate_on"]
    }
    worse = [line for told in kinds_told.values() for line in told]
    content = {
        **{name: settings[name] for name in ("rounds", "recipes", "model", "seed", "train_on", "evaluate_on", "versions")},
        "summary": answer,
        "first_screen": first_screen(answer, found, rounds, moved, worse, judging, lengths(settings)),
        "sources": sources(answer.base, answer.shown, first_negative(shown)),
        "machine": made_on,
        "by_collection": {name: [score for score in found if score.collection == name] for name in settings["evaluate_on"]},
        "detectable": {
            name: seen([one for one in found if one.collection == name and one.name in rounds]) for name in settings["evaluate_on"]
        },
        "holes": unjudged,
        "spaces": lying,
        "by_mteb": mteb,
        "own_dropped": {name: own_dropped(name, found) for name in settings["evaluate_on"]},
        "warnings": warnings,
        "unhurt": unhurt,
        "harms": harms,
        "margin": MARGIN,
        "leaks": leaked,
        "refuse_above": settings["refuse_above"],
        "flips": flipped,
        "drift": drift(training),
        "by_kind": {
            name: {"rows": [one for one in levels if one.collection == name], "told": told, "left_out": parted[name].left_out}
            for name, told in kinds_told.items()
        },
        "kind_contrasts": by_stratum.count_contrasts(levels),
        "abilities": of_suites,
        "overall": together,
        "contrasts": sum(one is not None and one.p is not None for score in found for one in (score.base, score.start)),
        "changed": moved,
        "losses": [ends(name, frame) | {"checked": checked[name]} for name, frame in losses.items() if len(frame)],
        "mined": mining,
        "judged": judging,
        "hidden_total": len(hidden),
        "chosen": CHOSEN,
        "plain_fates": (CHOSEN, NOT_CHOSEN, NOT_FOUND),
        "examples": [{"round": name, "examples": drawn} for name, drawn in shown.items() if drawn],
        "settings_text": recipes,
        "figures": {
            "scores": figures.scores(found, rounds),
            "differences": figures.differences(found, answer.base),
            "changes": figures.changes(found),
            "losses": figures.losses({name: frame for name, frame in losses.items() if len(frame)}),
            "fates": figures.fates(mining),
            "hidden": figures.hidden(mining),
        },
        "commit": about["commit"],
        "loop_name": loop,
        "draws": DRAWS,
    }
    write_text(PAGE, render(content))
    say(f"report: {answer.text}")
    for line in [*warnings, *unhurt]:
        say(f"report: {line}")
    say(f"report: open {PAGE}, or `make ui` for MLflow (experiment hone, run {loop})")


def first_negative(shown: dict[str, list[Example]]) -> tuple[str, str, str] | None:
    """A round, and the ids of a query and of one of its negatives there that the page shows; null where nothing was mined."""
    return next(
        ((name, one.query_id, negative.doc_id) for name, drawn in shown.items() for one in drawn for negative in one.negatives), None
    )


def about_round(name: str, found: list[Score], base: str, harms: list[regressions.Harm], leaked: list[dict]) -> list[str]:
    """What a round's card says first: what it gives on each collection, whom it hurts, what leaked."""
    own = [one for one in found if one.name == name and one.base is not None]
    sentences = [f"{sentence(one)} on {one.collection}. {describe_counts(one.base)}" for one in own]
    return [*sentences, *leakage.first_lines(leaked), *regressions.damage(harms, name), *regressions.elsewhere(harms, name)]


def changed(found: list[Score], rounds: dict[str, dict], several: bool) -> list[dict]:
    """For each round and collection, the queries that rose and fell most against the base."""
    return [
        {
            "name": score.name,
            "title": f"{score.name} on {score.collection}" if several else score.name,
            "against": score.base,
            "rows": find_largest_changes(score.name, score.base.other, score.collection).to_dicts(),
        }
        for score in found
        if score.name in rounds and score.base is not None
    ]


def parts(collection: str, found: list[Score], settings: dict) -> QuerySlices:
    """The kinds of queries of a collection, of the split that the page is about."""
    split = next(score.split for score in found if score.collection == collection)
    reading, grade, language = Reading.of(settings["model"]), settings["min_relevance"][collection], settings["language"][collection]
    return slice_queries(Tables(collection, split, grade, language, reading, tuple(settings["compare_with"])))


def holes_on(collection: str, found: list[Score], settings: dict, base: str) -> dict:
    """What nobody has judged of a collection's rankings, and what one must know of it."""
    own = [score for score in found if score.collection == collection]
    by = read_judgments(collection, own[0].split, settings["min_relevance"][collection])
    rows = bound_differences([score.name for score in own], base, by, partial(ranking_of, collection=collection, depth=DEPTH))
    told = [describe_bounds(one) for one in rows if one.bounds and one.name in settings["rounds"]]
    return {"rows": rows, "told": told, "wrong": by.wrong}


def by_mteb(collection: str, found: list[Score]) -> list[tuple[str, str, float]]:
    """Name, measure and value of each ranking by mteb's own scorer, on a collection that is a task of MTEB."""
    own = [(one.name, read_json(REPORTS / "metrics" / one.name / f"{collection}.json")) for one in found if one.collection == collection]
    return [(name, measure, value) for name, measured in own for measure, value in measured.get("mteb", {}).items()]


def own_dropped(collection: str, found: list[Score]) -> int | None:
    """Pairs of a query and the document of its own id that every ranking of a collection leaves out; null where none is left out."""
    one = next(score for score in found if score.collection == collection)
    measured = read_json(REPORTS / "metrics" / one.name / f"{collection}.json")
    return (measured if one.split == "test" else measured.get(one.split, {})).get(OWN_DROPPED)


def lengths(settings: dict) -> list[str]:
    """A sentence for each collection, and each length of training, that cuts documents; none where the base model has no tokenizer."""
    if not any(BASE_MODEL.rglob("tokenizer.json")):
        return []
    model, reading = ModelFolder(BASE_MODEL), Reading.of(settings["model"])
    trained = {settings["recipes"][name]["train"].get("max_length") for name in settings["rounds"]} - {None}
    sentences = []
    for name in dict.fromkeys([*settings["train_on"], *settings["evaluate_on"]]):
        documents = Documents(DATA / name / "documents.parquet")
        for length in [None, *(sorted(trained) if name in settings["train_on"] else ())]:
            found = cut_documents(documents, model, reading, length)
            if found.cut:
                sentences.append(f"Of {name}{' in training' if length else ''}, {found.told()}.")
    return sentences


def spaces(collection: str, found: list[Score]) -> list[dict]:
    """How the vectors of each model lie on a collection, of those that were asked."""
    made = []
    for one in found:
        measured = read_json(REPORTS / "metrics" / one.name / f"{collection}.json") if one.collection == collection else {}
        own = measured if one.split == "test" else measured.get(one.split, {})
        if own.get("uniformity") is not None:
            made.append({"name": one.name} | {name: own[name] for name in GEOMETRY})
    return made


def collapses(lying: dict[str, list[dict]], base: str, rounds: list[str]) -> list[str]:
    """A sentence for each round whose vectors draw together on a collection, against the base model's."""
    found = []
    for collection, rows in lying.items():
        by_name = {row["name"]: row for row in rows}
        found += [collapse(name, collection, by_name[name], base, by_name.get(base, {})) for name in rounds if name in by_name]
    return [sentence for sentence in found if sentence]


def ends(name: str, frame: pl.DataFrame) -> dict:
    """How many steps a round trained, and the mean loss of the first and of the last tenth of them."""
    part = -(-len(frame) // TENTHS)
    return {"round": name, "steps": len(frame), "first": frame["loss"].head(part).mean(), "last": frame["loss"].tail(part).mean()}


if __name__ == "__main__":
    run(main)
