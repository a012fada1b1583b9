"""What filters ask of a recipe, said before any stage works; and how a recipe is cited."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import pytest
import yaml

from hone.config import recipe
from hone.config.params import Params
from hone.config.recipe_schema import Recipe
from hone.errors import Refused
from tasks.resolve.recipe_lines import scorers
from tasks.resolve.recipe_models import RecipeModels

GUARDED = ["labelled", "same-text"]


def refused(folder: Path, **sections) -> str:
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump({"about": "a test", "retrieve": ["dense"]} | sections))
    with pytest.raises(Refused) as refusal:
        recipe.check(file)
    return str(refusal.value)


PARAMS = {
    "collections": {"ours": {"source": "folder", "path": "inputs"}},
    "train_on": ["ours"],
    "evaluate_on": ["ours"],
    "rounds": {"r1": {"from": "r0", "recipe": "top-k"}},
}


def made(folder: Path, *rules, retrieve=("dense",), **more) -> Recipe:
    file = folder / "mine.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "about": "a test",
                "retrieve": list(retrieve),
                "sample": {"filters": [*GUARDED, *rules]},
                **more,
            }
        )
    )
    return recipe.check(file)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("guide", "guide: 'scorer' is missing"),
        ({"guide": {"scorer": "dense"}}, "own: true"),
        ({"positive-aware": {"share": None}}, "no threshold"),
        ("query-quality", "no threshold"),
        ({"semi-hard": {"margin": 0.1, "gap": 0.2}}, "empty"),
        ({"cross-encoder": {"negative": 0.9, "positive": 0.1}}, "is above"),
        ({"closer-to-query": {"scorer": "encoder:a"}}, "the same model in both"),
        ({"semi-hard": {"margin": -1}}, "greater than 0"),
        ({"late-stopping": {"share": 2}}, "less than 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_file_and_the_rule(tmp_path, rule, says):
    with pytest.raises(Refused, match=says) as refusal:
        made(tmp_path, rule)
    message = str(refusal.value)
    assert message.startswith(str(tmp_path / "mine.yaml"))
    assert ": sample.filters: " in message


def test_the_scorer_that_top_chooses_by_must_be_the_recipes(tmp_path):
    choose = {"filters": GUARDED, "choose": {"top": {"n": 1, "by": "ensemble"}}}
    with pytest.raises(
        Refused,
        match="a rule needs the scores of 'ensemble', which no source or scorer of the recipe "
        "computes",
    ):
        scorers(made(tmp_path, sample=choose))
    named = scorers(made(tmp_path, score=[{"ensemble": {"encoders": [None, "r0"]}}], sample=choose))
    assert list(named) == ["dense", "ensemble"]
    assert list(
        scorers(made(tmp_path, sample={"filters": GUARDED, "choose": {"top": {"n": 1}}}))
    ) == ["dense"]


def test_earlier_evidence_on_a_judge_counts(tmp_path):
    """What a recipe mines has the hash that it had before `top` and `attribute` could do more;
    what uses that is mined otherwise.
    """
    retrieve = [
        {"dense": {"depth": 50}},
        {"attribute": {"depth": 5}},
        {"fused": {"of": ["bm25", {"attribute": {"share": "entities"}}]}},
    ]
    keep = ["labelled", "same-text", {"positive-aware": {"share": 0.95}}]
    given = {"retrieve": retrieve, "score": [{"ensemble": {"encoders": [None, "r0"]}}]}
    assert (
        recipe.mined_as(
            made(tmp_path, **given, sample={"filters": keep, "choose": {"top": {"n": 4}}})
        )
        == "0ed5ddaf4c9a"
    )
    assert (
        recipe.mined_as(
            made(
                tmp_path,
                **given,
                sample={"filters": keep, "choose": {"top": {"n": 4, "by": "ensemble"}}},
            )
        )
        != "0ed5ddaf4c9a"
    )


def test_evidence_from_before_quota_had_an_order_counts(tmp_path):
    def mined(**more) -> str:
        choose = {"quota": {"shares": {"dense": 0.5, "random": 0.5}, "n": 4} | more}
        sampling = {"filters": GUARDED, "choose": choose}
        return recipe.mined_as(
            made(tmp_path, retrieve=["dense", {"random": {"depth": 20}}], sample=sampling)
        )

    assert (
        mined() == mined(order="best") == "514dab1fc9e2"
    )  # as it was before the rule had the parameter
    assert mined(order="random") != mined()


def test_a_guard_that_leaves_nothing_of_a_source_is_refused_by_its_parameters(tmp_path):
    sampling = {"filters": [*GUARDED, "same-parent"]}
    assert "removes every passage of a positive's own document" in refused(
        tmp_path, retrieve=[{"attribute": {"within": "parent"}}], sample=sampling
    )
    made(tmp_path, retrieve=["attribute"], sample=sampling)


@pytest.mark.parametrize(
    "sections",
    [
        {"sample": {"filters": [*GUARDED, {"positive-aware": {"absolute": nan}}]}},
        {"sample": {"choose": {"simans": {"a": inf}}}},
        {
            "retrieve": ["dense", "bm25"],
            "sample": {"choose": {"quota": {"shares": {"dense": nan, "bm25": 1}}}},
        },
        {"retrieve": [{"fused": {"of": ["dense", "bm25"], "weights": [1, inf]}}]},
        {"train": {"learning_rate": inf}},
    ],
)
def test_a_number_that_is_none_or_has_no_end_is_refused(tmp_path, sections):
    """YAML has both: .nan and .inf."""
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"about": "a test", "retrieve": ["dense"]} | sections))
    with pytest.raises(Refused, match="it should be a finite number"):
        recipe.check(file)


@pytest.mark.parametrize("rule", ["late-stopping", "training-dynamics"])
def test_a_rule_about_queries_in_a_recipe_that_mines_nothing_is_refused(tmp_path, rule):
    with pytest.raises(Refused, match=f"{rule} needs mined negatives"):
        made(tmp_path, rule, retrieve=())


def test_scorers_that_rules_want_are_refused_where_nobody_gives_them(tmp_path):
    with pytest.raises(
        Refused,
        match="needs the scores of 'encoder-to-positives', which no source or scorer of the "
        "recipe computes",
    ):
        scorers(made(tmp_path, "closer-to-query"))
    named = scorers(made(tmp_path, "closer-to-query", score=[{"encoder": {"to": "positives"}}]))
    assert list(named) == ["dense", "encoder-to-positives"]
    with pytest.raises(
        Refused, match="needs the scores of 'encoder:techer'.*did you mean 'encoder:teacher'"
    ):
        scorers(
            made(
                tmp_path,
                {"guide": {"scorer": "encoder:techer"}},
                score=[{"encoder": {"model": "teacher"}}],
            )
        )


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        (
            [{"fused": {"of": ["dense", {"dense": {"depth": 5}}]}}],
            r"fused\.of: two sources have the name 'dense' and differ at most in depth",
        ),
        (
            [{"fused": {"of": [{"dense": {"model": name}} for name in ("a/x", "b/x")]}}],
            "the model a/x in one and b/x in the other",
        ),
        (
            [{"dense": {"model": name}} for name in ("a/x", "b/x")],
            "the model a/x in one and b/x in the other",
        ),
        (
            [{"run": {"file": name}} for name in ("a/x.trec", "b/x.trec")],
            "the file a/x.trec in one and b/x.trec in the other",
        ),
    ],
)
def test_sources_of_one_name_are_refused_beside_each_other_and_inside_a_line(
    tmp_path, sources, says
):
    with pytest.raises(Refused, match=says):
        made(tmp_path, retrieve=sources)


def test_the_same_source_alone_and_inside_a_line_is_two(tmp_path):
    assert (
        len(made(tmp_path, retrieve=["dense", {"fused": {"of": ["dense", "bm25"]}}]).retrieve) == 2
    )


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {"sample": {"choose": {"simans": {"form": "absolute", "b": 1}}}},
            "`form: absolute` has no b, but b is 1",
        ),
        (
            {"retrieve": [{"attribute": {"pattern": "[a-z]", "share": "entities"}}]},
            "`pattern` replaces `share: entities`",
        ),
        (
            {"sample": {"window": {"first": 50, "last": 60}, "choose": {"top": {"n": 20}}}},
            "has 11 ranks, 50 to 60, but sample.choose",
        ),
        (
            {"sample": {"choose": {"top": {"n": 1}}}, "train": {"negatives": 3}},
            "train.negatives is 3, but sample.choose selects only 1 for each query",
        ),
    ],
)
def test_settings_that_would_be_ignored_or_never_met_are_refused(tmp_path, sections, says):
    assert says in refused(tmp_path, **sections)


def test_settings_that_can_be_met(tmp_path):
    """A short window may be filled up at random; 11 ranks have 11 negatives; in-batch training
    asks no rule.
    """
    window = {"first": 50, "last": 60}
    made(tmp_path, sample={"window": window, "choose": {"top": {"n": 20}}, "on_shortage": "random"})
    made(tmp_path, sample={"window": window, "choose": {"top": {"n": 11}}}, train={"negatives": 11})
    made(tmp_path, retrieve=(), train={"negatives": 9})


def test_no_encoder_takes_the_place_of_another(tmp_path):
    """One alone and one that a line holds, both called x: the scores of one would be lost."""
    nested = {"fused": {"of": ["bm25", {"dense": {"model": "b/x"}}]}}
    with pytest.raises(
        Refused, match="two encoders of the recipe have the same scorer name 'dense:x': a/x and b/x"
    ):
        scorers(made(tmp_path, retrieve=[{"dense": {"model": "a/x"}}, nested]))
    revised = made(
        tmp_path,
        retrieve=[{"dense": {"model": "a/x", "revision": "1"}}],
        score=[{"encoder": {"model": "a/x", "revision": "2"}}],
    )
    with pytest.raises(Refused, match="names the model a/x@1 in one line and a/x@2 in another"):
        RecipeModels(Params(**PARAMS), revised, "r1").encoders("retrieve", "score")


def test_the_rounds_own_model_scores_where_a_rule_wants_it_and_nothing_dense_is_retrieved(tmp_path):
    named = scorers(
        made(
            tmp_path, "closer-to-query", retrieve=["bm25"], score=[{"encoder": {"to": "positives"}}]
        )
    )
    assert list(named) == ["dense", "encoder-to-positives"]


def test_a_card_cites_the_paper_and_says_what_is_otherwise(tmp_path):
    assert recipe.cited(made(tmp_path)) is None
    assert recipe.cited(made(tmp_path, paper="A")) == "A"
    assert recipe.cited(made(tmp_path, paper="A", fidelity="faithful")) == "A; faithful"
    assert (
        recipe.cited(made(tmp_path, paper="A", fidelity="partial", differs="Without B."))
        == "A; partial: Without B"
    )
