"""Methods of the user's own, by dotted paths: the example of docs/how-to/own-method.md, and what is
refused.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

from hone.config import code_fingerprint, methods, params, recipe
from hone.config.source_name import source_name
from hone.data import tables
from hone.errors import Refused
from tasks.resolve.stages import everything
from tests.prepared import PROJECT, pairs, prepare, write_rows
from tests.stages import retrieve, sample, score

MINE = "inputs/methods/mine.py"  # where the page has it
EXAMPLE = (PROJECT / "docs/how-to/own-method.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The only block of a language in the page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", EXAMPLE, re.DOTALL)
    return found


@pytest.fixture
def here(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace whose inputs/ can be imported, and is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(workspace))
    forget()
    (workspace / "inputs").mkdir()
    yield workspace
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("inputs", "elsewhere")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def write(text: str, file: str = "inputs/mine.py") -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text, encoding="utf-8")
    forget()


def prepared(example: str = "") -> dict[str, dict]:
    """The example in a workspace: a query with one answer, eight other documents that share its
    words; the stages' settings.
    """
    write(example or block("python"), MINE)
    documents = [
        {"doc_id": f"d{number}", "text": "apple " + "pear " * number} for number in range(1, 10)
    ]
    queries = [
        {"query_id": "q1", "text": "apple", "split": "train"},
        {"query_id": "q2", "text": "pear", "split": "test"},
    ]
    write_rows(Path("inputs/ours"), documents, queries, pairs(("q1", "d5"), ("q2", "d9")))
    Path("recipes").mkdir(exist_ok=True)
    Path("recipes/middling.yaml").write_text(block("yaml"))
    prepare(rounds={"r1": {"from": "r0", "recipe": "middling"}})
    return everything(params.read())


def test_the_example_chooses_from_where_it_says(here: Path):
    """BM25 ranks shorter documents first: d1 to d9; without the answer d5 eight are left, a
    quarter down is place 1.75 of 0 to 7.
    """
    prepared()
    for stage in (retrieve, score, sample):
        stage("r1")
    found = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    assert found["doc_id"].to_list() == [f"d{number}" for number in range(1, 10)]
    negatives = tables.read("negatives", Path("rounds/r1/negatives.parquet"))
    assert negatives["doc_id"].to_list() == ["d2", "d3"]  # places 1 and 2


def test_the_example_is_described_by_its_docstring(here: Path):
    from commands.recipes import text

    prepared()
    lines = list(text.describe_recipe("middling", params.read(), 140))
    assert (
        "    inputs.methods.mine.middling: The `n` candidates of every query that are nearest to "
        "one place in its list." in lines
    )
    place = lines.index("      at = 0.25 (default 0.5; a number from 0 to 1) [Hone default]")
    assert lines[place + 1].strip() == "the place: 0 is the top of the list, 1 its end."


def test_an_edited_method_runs_its_own_stage_again_and_no_other(here: Path):
    before = prepared()
    write(block("python").replace("<= n", "< n + 1"), MINE)
    after = everything(params.read())
    assert {name for name in before if before[name] != after[name]} == {"rounds/r1/sample"}
    write(
        block("python").replace("Negatives that are neither", "Those that are neither")
        + "\n# a comment\n",
        MINE,
    )
    assert everything(params.read()) == before


def test_what_a_method_imports_in_the_project_is_followed(here: Path):
    write(
        "from .helpers import one\nfrom inputs.more import two\n\n\ndef f(pool, *, n: int = 1):\n "
        "   return pool\n"
    )
    write("from inputs import deep\none = 1\n", "inputs/helpers.py")
    write("two = 2\n", "inputs/more.py")
    write("import networkx\n", "inputs/deep.py")
    write("", "inputs/__init__.py")
    found = code_fingerprint.fingerprints(["inputs.mine"])
    assert set(found["code"]) == {
        "inputs",
        "inputs.mine",
        "inputs.helpers",
        "inputs.more",
        "inputs.deep",
    }
    assert set(found["packages"]) == {"networkx"}
    write("import networkx\nthree = 3\n", "inputs/deep.py")
    after = code_fingerprint.fingerprints(["inputs.mine"])["code"]
    assert {name for name in after if after[name] != found["code"][name]} == {"inputs.deep"}


def test_of_an_installed_package_the_module_and_the_version_count(here: Path):
    found = code_fingerprint.fingerprints(["networkx.utils.misc"])
    assert set(found["code"]) == {"networkx.utils.misc"}
    assert set(found["packages"]) == {"networkx"}


def test_what_a_module_says_beside_the_function_is_read_without_import(here: Path):
    write("ABILITY = 'negation'\nraise RuntimeError('imported')\n")
    assert methods.constant("collect", "inputs.mine.read", "ABILITY") == "negation"
    assert methods.constant("collect", "inputs.mine.read", "OTHER") is None


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (
            "",
            "inputs.mien.f",
            "no module inputs.mien, neither inputs/mien.py nor in an installed package; did you "
            "mean 'inputs.mine'",
        ),
        (
            "def closest(pool, *, n: int = 1): ...\n",
            "inputs.mine.closets",
            "mine.py has no function 'closets': did you mean 'closest'",
        ),
        (
            "def g(): ...\nf = 3\n",
            "inputs.mine.f",
            "is not a function but of the type int. Functions of inputs/mine.py: 'g'",
        ),
        ("def f(pool, *, n=4): ...\n", "inputs.mine.f", "has no type for `n`. Write `n: int`"),
        (
            "def f(pool, *, n: Nmuber = 4): ...\n",
            "inputs.mine.f",
            "cannot be imported: line 1: NameError: name 'Nmuber' is not defined",
        ),
        (
            "def f(pool, *, n: 'Nmuber' = 4): ...\n",
            "inputs.mine.f",
            "a type that cannot be checked: NameError: name 'Nmuber'",
        ),
        (
            "def f(pool, grades, *, n: int = 4): ...\n",
            "inputs.mine.f",
            "needs the table `grades`, which sample.choose does not provide. Available: candidates",
        ),
        (
            "def f(pool, *rest, n: int = 4): ...\n",
            "inputs.mine.f",
            "has a parameter *rest. Name each table",
        ),
        (
            "def f(pool, /, *, n: int = 4): ...\n",
            "inputs.mine.f",
            "has a positional-only parameter `pool`. Remove the `/`",
        ),
        (
            "import tasks.tables\n",
            "inputs.mine.f",
            "inputs/mine.py imports tasks.tables, which is now hone.data.tables.",
        ),
        (
            "from tasks import tables\n",
            "inputs.mine.f",
            "inputs/mine.py imports tasks.tables, which is now hone.data.tables.",
        ),
        (
            "from tasks.relabel.client import Call\n",
            "inputs.mine.f",
            "imports tasks.relabel.client, which is now hone.llm.client.",
        ),
        (
            "from tasks.encode.encoder import Encoder\n",
            "inputs.mine.f",
            "tasks.encode.encoder is now hone.encoders.encoder",
        ),
        (
            "import nothing_of_that_name\n",
            "inputs.mine.f",
            "inputs/mine.py imports nothing_of_that_name, which is not installed here",
        ),
        ("def f(:\n", "inputs.mine.f", "inputs/mine.py cannot be imported: line 1: SyntaxError"),
        (
            "\n1 / 0\n",
            "inputs.mine.f",
            "inputs/mine.py cannot be imported: line 2: ZeroDivisionError",
        ),
        (
            "def f(): ...\n",
            "inputs.mine",
            "'inputs.mine' is the file inputs/mine.py. Name one of its functions, "
            "inputs.mine.FUNCTION",
        ),
        ("", "inputs..mine", "'inputs..mine' is not a path to a function"),
    ],
)
def test_what_is_refused(here: Path, text: str, name: str, sentence: str):
    write(text)
    with pytest.raises(Refused) as refusal:
        methods.checked("sample.choose", {name: {"n": 2}}, "sample.choose")
    assert str(refusal.value).startswith("sample.choose: ")
    assert sentence in str(refusal.value)


def test_a_parameter_out_of_its_range_is_refused(here: Path):
    write(block("python"))
    with pytest.raises(
        Refused,
        match="sample.choose: inputs.mine.middling: 'at' is 2: it should be less than or equal to "
        "1",
    ):
        methods.checked("sample.choose", {"inputs.mine.middling": {"at": 2}}, "sample.choose")


def test_code_that_dvc_does_not_watch_is_refused(here: Path):
    write("def f(pool, *, n: int = 1): ...\n", "elsewhere/rules.py")
    with pytest.raises(
        Refused, match=r"elsewhere/rules\.py is outside inputs/.*Move it below inputs/"
    ):
        methods.find("sample.choose", "elsewhere.rules.f")
    write("from elsewhere import rules\n\n\ndef f(pool, *, n: int = 1):\n    return pool\n")
    assert methods.find("sample.choose", "inputs.mine.f").reads == ["pool"]
    with pytest.raises(Refused, match=r"elsewhere/rules\.py is outside inputs/"):
        code_fingerprint.fingerprints(["inputs.mine"])


def test_a_rule_that_chooses_needs_n(here: Path):
    prepared()
    write("def middling(pool, *, at: float = 1):\n    return pool\n", MINE)
    Path("recipes/middling.yaml").write_text(block("yaml").replace("n: 2, ", ""))
    with pytest.raises(
        Refused,
        match=r"recipes/middling\.yaml, line 6: sample\.choose: inputs\.methods\.mine\.middling "
        r"has no parameter `n`",
    ):
        everything(params.read())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return None", "returned NoneType. Return a polars DataFrame with query_id, doc_id"),
        (
            "return pool.drop('rank')",
            "returned a table without 'rank'. It has 'query_id', 'doc_id', 'source', 'score'",
        ),
        (
            "return pool.with_columns(doc_id=pl.lit('d0'))",
            "chose the document 'd0' for the query 'q1', which is not a candidate of the pool",
        ),
        (
            "return pl.concat([pool, pool])",
            "chose the document 'd1' for the query 'q1', which is duplicated",
        ),
    ],
)
def test_what_a_rule_returns_is_looked_at(here: Path, body: str, sentence: str):
    prepared(
        f"import polars as pl\n\n\ndef middling(pool, *, n: int = 1, at: float = 0):\n    {body}\n"
    )
    retrieve("r1")
    score("r1")
    with pytest.raises(Refused) as refusal:
        sample("r1")
    assert str(refusal.value).startswith("inputs.methods.mine.middling ")
    assert sentence in str(refusal.value)


def test_a_source_of_ones_own(here: Path):
    """A collection's text is read by a function of the user's own, named in params.yaml."""
    write(
        "from pathlib import Path\n\nfrom tasks.collect.folder import folder\n\n\n"
        "def theirs(path: Path, what: str | None):\n    return folder(path, what)\n",
        "inputs/read.py",
    )
    documents = [{"doc_id": f"d{number}", "text": f"text {number}"} for number in range(3)]
    queries = [
        {"query_id": "q1", "text": "what", "split": "train"},
        {"query_id": "q2", "text": "who", "split": "test"},
    ]
    write_rows(Path("inputs/ours"), documents, queries, pairs(("q1", "d0"), ("q2", "d1")))
    prepare(collections={"ours": {"source": "inputs.read.theirs", "path": "inputs/ours"}})
    assert "inputs.read" in everything(params.read())["collect/ours"].code
    assert pl.read_parquet("data/ours/documents.parquet")["doc_id"].to_list() == ["d0", "d1", "d2"]


def test_two_sources_of_one_function_are_named_by_their_parameters(here: Path):
    write("def around(queries, labels, *, near: int = 1, depth: int = 5):\n    return labels\n")
    given = {
        "about": "a test",
        "retrieve": ["inputs.mine.around", {"inputs.mine.around": {"near": 2}}],
    }
    Path("own.yaml").write_text(yaml.safe_dump(given))
    made = recipe.check(Path("own.yaml"))
    assert list(map(source_name, made.retrieve)) == [
        "inputs.mine.around",
        "inputs.mine.around:near=2",
    ]
    Path("own.yaml").write_text(
        yaml.safe_dump(
            given | {"retrieve": ["inputs.mine.around", {"inputs.mine.around": {"depth": 9}}]}
        )
    )
    with pytest.raises(Refused, match="differ at most in depth"):
        recipe.check(Path("own.yaml"))
