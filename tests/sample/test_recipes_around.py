"""Recipes that look around the known answer, on one library's functions: their negatives against
top-k's, as their papers say.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from hone.data import tables, training_set
from hone.encoders.round_encoders import Models
from hone.errors import Refused
from hone.graph.neighbour_bands import in_band, ranks
from hone.layout import PAIR
from hone.text.attributes import extracted
from tasks.retrieve.settings import RetrieveSettings
from tests.prepared import NETWORKX, prepare, write_params, write_rows
from tests.stages import collect, relabel, resolve, retrieve, sample, score

RECIPES = ("top-k", "scincl", "scincl-links", "apollo", "skills", "coder", "tripclick")
# apollo looks inside the answer's own document, and functions are no chunks of one: here it looks
# for the same numbers anywhere.
ANYWHERE = {
    "retrieve": [{"attribute": {"share": "numbers", "depth": 20}}],
    "sample": {
        "filters": ["labelled", "same-text", "near-duplicate"],
        "choose": {"random": {"n": 3}},
        "on_shortage": "random",
    },
}
CHANGES = {"apollo": ANYWHERE}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, encoded: Path) -> Path:
    """Every recipe sampled, and relabelled where it promotes; clicked is every answer that the
    collection hides.
    """
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(
            "HONE_HOME", str(shutil.copytree(encoded, tmp_path_factory.mktemp("homes") / "home"))
        )
        write_params(**NETWORKX | {"rounds": {"r1": {"from": "r0", "recipe": "top-k"}}})
        resolve()
        collect("python-api")
        clicked = pl.read_parquet("data/python-api/hidden.parquet").select(*PAIR, clicked=pl.lit(1))
        clicked.write_csv("inputs/clicks.csv")
        prepare(
            **NETWORKX
            | {
                "rounds": {
                    f"r{name}": {"from": "r0", "recipe": name} | CHANGES.get(name, {})
                    for name in RECIPES
                }
            }
        )
        for name in RECIPES:
            for stage in (retrieve, score, sample, relabel):
                stage(f"r{name}")
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> training_set.TrainingCollection:
    monkeypatch.chdir(project)
    return next(iter(training_set.read()))


def negatives(name: str) -> pl.DataFrame:
    """What is trained as negative, with the source it came from."""
    found = tables.read("labels", Path(f"rounds/r{name}/labels.parquet"))
    return found.filter(pl.col("rank").is_not_null()).select(*PAIR, "source")


def positives(name: str = "top-k", promoted: bool = False) -> pl.DataFrame:
    found = tables.read("labels", Path(f"rounds/r{name}/labels.parquet")).filter(
        pl.col("label") == "positive"
    )
    return found.filter((pl.col("judge") != "qrels") == promoted).select(PAIR)


def among(pairs: pl.DataFrame, others: pl.DataFrame) -> float:
    """The share of pairs that others have too."""
    return len(pairs.join(others, on=PAIR, how="semi")) / len(pairs)


def alike(pairs: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Those pairs whose document has a value (doc_id, value) in common with a known answer of
    the query.
    """
    theirs = positives().join(values, on="doc_id").select("query_id", "value")
    return (
        pairs.join(values, on="doc_id")
        .join(theirs, on=["query_id", "value"], how="semi")
        .select(PAIR)
        .unique()
    )


def test_scincls_hard_negatives_lie_in_the_band_and_top_ks_nearer(here):
    models, count = Models.of(RetrieveSettings.read(round="rscincl")), len(here.documents)
    nothing = {"file": None, "column": None, "hops": 1, "both_ways": True, "model": None}
    first, last = ranks(0.01, 0.02, "share", count)
    near, band = (
        in_band(
            positives(),
            here.documents,
            here.metadata,
            models,
            "",
            "test",
            first=a,
            last=b,
            counted="ranks",
            **nothing,
        )
        for a, b in ((1, first - 1), (first, last))
    )
    found = negatives("scincl")
    by_source = {source: rows for (source,), rows in found.group_by("source")}
    assert among(by_source["neighbour-bands:hard"], band) == 1
    assert among(by_source["random"], band) < 0.2
    assert among(negatives("top-k"), near) > 0.5
    assert among(found, near) < 0.1
    assert found.group_by("query_id").len()["len"].unique().to_list() == [5]
    assert by_source["neighbour-bands:hard"].group_by("query_id").len()[
        "len"
    ].unique().to_list() == [2]


def test_scincl_links_promotes_what_an_answer_links_to_and_trains_what_is_several_links_away(here):
    links = here.metadata.of("see_also")
    both = pl.concat([links, links.select(doc_id="value", value="doc_id")]).unique()
    linked = positives().join(both, on="doc_id").select("query_id", doc_id="value")
    promoted = positives("scincl-links", promoted=True)
    assert len(promoted) > 20
    assert among(promoted, linked) == 1
    hard = negatives("scincl-links").filter(pl.col("source") == "neighbour-bands:hard")
    assert len(hard) > 10
    assert among(hard, linked) == 0
    assert positives("top-k", promoted=True).is_empty()


def test_negatives_by_attribute_share_a_number_with_the_answer(here):
    texts = here.documents.texts(here.documents.ids)
    numbers = (
        texts.select("doc_id", value=extracted(texts["full_text"], "numbers"))
        .explode("value")
        .drop_nulls()
    )
    rare = numbers.unique().filter(pl.len().over("value") <= 0.1 * len(here.documents))
    shared = negatives("apollo").filter(pl.col("source") == "attribute")
    assert len(shared) >= 3
    assert among(shared, alike(shared, rare)) == 1
    plain = negatives("top-k").join(shared, on="query_id", how="semi")
    assert among(plain, alike(plain, rare)) < 1


def test_skills_takes_half_of_its_negatives_from_the_answers_module(here):
    modules, found = here.metadata.of("module"), negatives("skills")
    siblings = found.filter(pl.col("source").str.starts_with("siblings"))
    assert len(siblings) > 0.4 * len(found)
    assert among(siblings, alike(siblings, modules)) == 1
    drawn = found.filter(pl.col("source") == "random")
    assert among(drawn, alike(drawn, modules)) < 0.2
    nearest = negatives("top-k")
    assert among(nearest, alike(nearest, modules)) < 1
    assert len(found) == 10 * found["query_id"].n_unique()


def test_coders_positives_are_of_the_answers_group_and_its_negatives_are_not(here):
    names = here.metadata.of("name")
    promoted, found = positives("coder", promoted=True), negatives("coder")
    assert len(promoted) > 20
    assert among(promoted, alike(promoted, names)) == 1
    assert among(found, alike(found, names)) == 0
    assert among(negatives("top-k"), alike(negatives("top-k"), names)) > 0.1
    # Of a group that has more than are taken, the farthest are: their order is that of the scores,
    # upwards.
    candidates = tables.read("candidates", Path("rounds/rcoder/candidates.parquet")).filter(
        pl.col("source").str.starts_with("siblings")
    )
    assert all(
        scores == sorted(scores)
        for _, scores in candidates.group_by("query_id").agg("score").iter_rows()
    )


def test_tripclicks_negatives_are_none_that_users_clicked(here):
    clicked = pl.read_csv("inputs/clicks.csv").select(PAIR)
    removed = tables.read("removed", Path("rounds/rtripclick/removed/sample.parquet"))
    assert len(removed.filter(pl.col("rule") == "click-policy")) > 5
    assert among(negatives("tripclick"), clicked) == 0
    assert among(negatives("top-k"), clicked) > 0.1
    assert set(negatives("tripclick")["source"]) == {"bm25"}


@pytest.mark.parametrize(
    ("name", "column"), [("skills", "module"), ("coder", "name"), ("scincl-links", "see_also")]
)
def test_a_collection_without_the_column_is_refused_before_anything_is_encoded(
    workspace: Path, monkeypatch, name: str, column: str
):
    rows = [
        {"query_id": f"q{split}", "text": f"about {split}", "split": split}
        for split in ("train", "test")
    ]
    qrels = [{"query_id": row["query_id"], "doc_id": "d1"} for row in rows]
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d1", "text": "one"}, {"doc_id": "d2", "text": "two"}],
        rows,
        qrels,
    )
    prepare(rounds={"r1": {"from": "r0", "recipe": name}})
    monkeypatch.setattr("tasks.retrieve.sources.source_of", None)  # no source is asked
    with pytest.raises(
        Refused, match=f"needs the metadata column '{column}', but the collection ours lacks it"
    ):
        retrieve("r1")


@pytest.mark.parametrize("name", RECIPES[1:])
def test_recipes_say_what_they_are_to_their_paper(name: str):
    written = yaml.safe_load((Path(__file__).parents[2] / "recipes" / f"{name}.yaml").read_text())
    assert written["fidelity"] in ("adapted", "partial")
    assert len(written["differs"]) > 100
