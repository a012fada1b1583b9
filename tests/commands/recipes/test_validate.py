"""Mistakes in a recipe: each is told with its file and line, and with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.recipes.validate import check
from hone.errors import Refused
from tests.prepared import write_params

MINE = Path("recipes/mine.yaml")
RIGHT = """about: mine
retrieve:
  - dense: {depth: 50}
sample:
  filters:
    - labelled
    - positive-aware: {share: 0.9}
  choose: {top: {n: 2}}
train: {negatives: 2}
"""
GUIDE = {"guide": {"encoder": {"to": "positives", "model": "r0"}}}
CASCADE = (
    RIGHT + "relabel:\n  cascade:\n    - {judge: guide, escalate: found}\n    - judge: guide\n"
)


@pytest.fixture
def validate(workspace: Path, capsys: pytest.CaptureFixture):
    """What the command says of a recipe with this text, and whether it finds it right."""
    write_params(judges=GUIDE)

    def check_text(text: str | bytes) -> tuple[bool, str]:
        MINE.write_bytes(text if isinstance(text, bytes) else text.encode())
        capsys.readouterr()
        right = check(str(MINE))
        return right, capsys.readouterr().out

    return check_text


def test_what_is_right_is_ok(validate):
    for text in (RIGHT, CASCADE):
        assert validate(text) == (True, "ok    recipes/mine.yaml\n")


@pytest.mark.parametrize(
    ("wrong", "right", "line", "sentence"),
    [
        ("smaple:", "sample:", 4, "'smaple' is not a setting: did you mean 'sample'?"),
        ("chose:", "choose:", 8, "'sample.chose' is not a setting: did you mean 'choose'?"),
        (
            "dens:",
            "dense:",
            3,
            "retrieve: 'dens' is not a method of retrieve: did you mean 'dense'?",
        ),
        (
            "labeled",
            "labelled",
            6,
            "sample.filters: 'labeled' is not a method of sample.filters: did you mean 'labelled'?",
        ),
        (
            "{shar: 0.9}",
            "{share: 0.9}",
            7,
            "sample.filters: positive-aware: 'shar' is not a setting: did you mean 'share'?",
        ),
        (
            "{share: 1.9}",
            "{share: 0.9}",
            7,
            "sample.filters: positive-aware: 'share' is 1.9: it should be less than or equal to 1",
        ),
        (
            "{n: many}",
            "{n: 2}",
            8,
            "sample.choose: top: 'n' is 'many': it should be a valid integer",
        ),
        ("{n: null}", "{n: 2}", 8, "sample.choose: top: 'n' is null: it should be a valid integer"),
        (
            "[top]",
            "{top: {n: 2}}",
            8,
            "sample.choose: ['top'] is a list, but one method is expected",
        ),
        (
            "{top: 2}",
            "{top: {n: 2}}",
            8,
            "sample.choose: top: 2 is not a mapping of parameters. Write {parameter: value}",
        ),
        (
            "{top: {n: 2}, random: {n: 1}}",
            "{top: {n: 2}}",
            8,
            "sample.choose: top and random are 2 names, but one method is expected",
        ),
        (
            "choose: {top: {n: 2}}\n  window: {first: 5, last: 2}",
            "choose: {top: {n: 2}}",
            9,
            "sample.window ends at rank 2 before",
        ),
        (
            "{losses: infonce}",
            "{negatives: 2}",
            9,
            "'train.losses' is 'infonce': it should be a list, such as [infonce]",
        ),
        (
            "{negatives: -2}",
            "{negatives: 2}",
            9,
            "'train.negatives' is -2: it should be greater than or equal to 0",
        ),
        (
            "{losses: [infonce, distil]}",
            "{negatives: 2}",
            9,
            "the loss distil learns from judges' grades. Set `relabel.grades: true`",
        ),
        ("train:", "train: {negatives: 2}", 9, "'train' is empty. Remove it, or set a value"),
        (
            "fidelity: adaptd\nretrieve",
            "retrieve",
            2,
            "it should be 'faithful', 'adapted' or 'partial' (did you mean 'adapted'?)",
        ),
        (
            "about: mine\nabout: yours",
            "about: mine",
            2,
            "'about' is defined twice (also on line 1). Merge both, or delete one.",
        ),
        (
            "\tfilters:",
            "  filters:",
            5,
            "a tab is not allowed in YAML indentation. Indent with spaces.",
        ),
        (
            "{top: {n: 2}",
            "{top: {n: 2}}",
            9,
            "the bracket opened on line 8 is not closed before this, or a comma is missing.",
        ),
        ("about: mine: yours", "about: mine", 1, "Put a text with ': ' in quotes."),
        ("   choose:", "  choose:", 8, "this is not valid YAML"),
    ],
)
def test_the_line_and_what_to_do(validate, wrong: str, right: str, line: int, sentence: str):
    assert right in RIGHT
    good, output = validate(RIGHT.replace(right, wrong, 1))
    assert not good
    assert output.splitlines()[0].startswith(f"wrong recipes/mine.yaml, line {line}: ")
    assert sentence in output


@pytest.mark.parametrize(
    ("wrong", "right", "line", "sentence"),
    [
        (
            "escalate: fuond",
            "escalate: found",
            12,
            "relabel.cascade.escalate: 'fuond' is not a method of relabel.escalate: did you mean "
            "'found'?",
        ),
        (
            "- jugde: guide",
            "- judge: guide",
            13,
            "'relabel.cascade.2.jugde' is not a setting: did you mean 'judge'?",
        ),
        (
            "relabel: guide",
            CASCADE.removeprefix(RIGHT).rstrip(),
            10,
            "'relabel' is 'guide': it should be 'none', or settings by name",
        ),
        (
            "cascade: []",
            CASCADE.partition("relabel:\n  ")[2].rstrip(),
            11,
            "'relabel.cascade' is []: list should have at least 1 item",
        ),
        (
            "action: premote\n  cascade:",
            "cascade:",
            11,
            "'drop-query', 'weight', 'mask' or 'promote' (did you mean 'promote'?)",
        ),
        (
            "action: [{from: 2, action: drop}]\n  cascade:",
            "cascade:",
            11,
            "'relabel.action.1.from' is 2: it should be less than or equal to 1",
        ),
    ],
)
def test_mistakes_of_a_cascade(validate, wrong: str, right: str, line: int, sentence: str):
    assert right in CASCADE
    good, output = validate(CASCADE.replace(right, wrong, 1))
    assert not good
    assert f"recipes/mine.yaml, line {line}: " in output
    assert sentence in output


@pytest.mark.parametrize(
    ("wrong", "right", "line", "sentence"),
    [
        ("  keep:", "  filters:", 5, "'sample.keep' is now called `filters`: rename it"),
        (
            "send: found",
            "escalate: found",
            12,
            "'relabel.cascade.1.send' is now called `escalate`: rename it",
        ),
        (
            "then: drop\n  cascade:",
            "cascade:",
            11,
            "'relabel.then' is now called `action`: rename it",
        ),
        (
            "action: [{from: 0.5, then: drop, action: drop}]\n  cascade:",
            "cascade:",
            11,
            "'relabel.action.1.then' is now called `action`: rename it",
        ),
    ],
)
def test_words_of_earlier_recipes_are_refused_with_the_new_word(
    validate, wrong: str, right: str, line: int, sentence: str
):
    assert right in CASCADE
    good, output = validate(CASCADE.replace(right, wrong, 1))
    assert not good
    assert f"recipes/mine.yaml, line {line}: {sentence}" in output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "recipes/mine.yaml is empty. A recipe needs at least `about: what it does`"),
        ("# nothing\n", "recipes/mine.yaml is empty"),
        ("- dense\n", "recipes/mine.yaml is a list. A recipe is a mapping of sections"),
        ("dense\n", "recipes/mine.yaml is a text"),
        ("retrieve: [dense]\n", "recipes/mine.yaml: 'about' is missing"),
        ("about: a\nfidelity: partial\n", "`fidelity: partial` needs `differs`: what is missing"),
        (
            "about: a\nretrieve: dense\nsample: {filters: [same-text]}\n",
            "line 3: sample.filters lacks `labelled`",
        ),
        ("about: überall\n".encode("latin-1"), "line 1: the file is not UTF-8. Save it as UTF-8."),
    ],
)
def test_mistakes_of_the_whole_file(validate, text: str | bytes, sentence: str):
    good, output = validate(text)
    assert not good
    assert sentence in output


def test_all_mistakes_are_reported_at_once(validate):
    _, output = validate(RIGHT.replace("50", "x").replace("0.9", "0").replace("n: 2", "n: 0"))
    assert [text.partition(": ")[0] for text in output.splitlines()] == [
        f"wrong recipes/mine.yaml, line {number}" for number in (3, 7, 8)
    ]


def test_a_name_that_is_unknown_hides_no_other_mistake(validate):
    """Six: two unknown names, one of them a section's with a wrong value in it, and values in
    others.
    """
    text = """about: mine
retreive:
  - dense: {depth: x}
sample:
  kep: [labelled]
  window: {first: 0}
  choose: {top: {n: 0}}
train: {negatives: 2, batch: {plain: {size: 1}}}
"""
    _, output = validate(text)
    assert sorted(
        int(line.partition("line ")[2].partition(":")[0]) for line in output.splitlines()
    ) == [2, 3, 5, 6, 7, 8], output


def test_a_scorer_that_nothing_gives(validate):
    good, output = validate(RIGHT.replace("share: 0.9", "scorer: dence"))
    assert not good
    assert output.startswith(
        "wrong recipes/mine.yaml, line 7: a rule needs the scores of 'dence', which no source or "
        "scorer of"
    )
    MINE.rename("recipes/unused.yaml")
    assert not check(None)  # it is wrong wherever it is used


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            CASCADE.replace("- judge: guide", "- judge: {encodr: {to: query}}"),
            13,
            "there is no judge 'encodr'",
        ),
        (
            CASCADE.replace("- judge: guide", "- judge: giude"),
            13,
            "no judge 'giude' in params.yaml's `judges`: did you mean 'guide'?",
        ),
        (
            RIGHT.replace("dense: {depth: 50}", "run: {file: inputs/none.trec}"),
            3,
            "a recipe reads inputs/none.trec, which is not a file",
        ),
        (RIGHT.replace("depth: 50", "model: inputs/none"), 3, "inputs/none"),
    ],
)
def test_what_a_recipe_needs_beside_itself(validate, text: str, line: int, sentence: str):
    good, output = validate(text)
    assert not good
    assert output.startswith(f"needs recipes/mine.yaml, line {line}: ")
    assert sentence in output


def test_all_recipes_and_rounds_are_checked_and_unused_ones_may_wait_for_a_judge(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(judges=GUIDE)
    assert check(None)
    output = capsys.readouterr().out
    line = 1 + next(
        number
        for number, text in enumerate(Path("recipes/rlhn.yaml").read_text().splitlines())
        if "judge: cheap" in text
    )
    assert f"needs recipes/rlhn.yaml, line {line}: " in output
    assert "ok    round r1: top-k" in output
    write_params(judges=GUIDE, rounds={"r1": {"from": "r0", "recipe": "rlhn"}})
    assert not check(None)
    later_output = capsys.readouterr().out
    assert (
        f"wrong round r1: recipes/rlhn.yaml, line {line}: relabel.cascade.1: there is no judge "
        "'cheap'" in later_output
    )


def test_a_change_of_a_round_is_found_in_params_yaml(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_params(
        rounds={"r1": {"from": "r0", "recipe": "top-k", "sample": {"choose": {"top": {"n": 0}}}}}
    )
    line = 1 + next(
        number
        for number, text in enumerate(Path("params.yaml").read_text().splitlines())
        if text.strip() == "n: 0"
    )
    assert not check(None)
    assert (
        f"wrong round r1: params.yaml, line {line}: sample.choose: top: 'n' is 0"
        in capsys.readouterr().out
    )


def test_a_file_that_is_not_there(workspace: Path):
    write_params()
    with pytest.raises(
        Refused,
        match=r"recipes/tpo-k\.yaml is neither a file nor a recipe in recipes/ or "
        r"recipes/generate/: did you mean 'top-k'",
    ):
        check("recipes/tpo-k.yaml")
