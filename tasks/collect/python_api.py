"""python-api: find the function that a sentence describes, in the installed Python libraries.

Each public function or method with a docstring is a document: its signature and body without
docstring and comments. A query is the first sentence of a docstring, and every function whose
docstring begins with it is relevant. The libraries are numpy, scipy, pandas, scikit-learn and
networkx, with versions pinned in requirements.txt. A function's date is the version that introduced
it, if its docstring contains it. Its metadata are `package`, `module`, `name` (the last part of its
id) and `see_also`. The latter are the ids of the functions in the section "See Also".
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.data.source import DATED, DOCUMENTS, QRELS, QUERIES, Source, frame
from hone.errors import Refused
from hone.files import fingerprint
from tasks.collect.see_also import names_in, resolved

MORE = {"module": pl.String, "see_also": pl.List(pl.String)}
PACKAGES = ["numpy", "scipy", "pandas", "sklearn", "networkx"]
# Tests, build tools and vendored code are not part of a library's interface.
NOT_INTERFACE = frozenset(
    {
        "tests",
        "testing",
        "_testing",
        "conftest",
        "distutils",
        "f2py",
        "_pyinstaller",
        "externals",
        "_external",
        "_lib",
        "_build_utils",
        "_mptestutils",
    }
)


def python_api(
    *,
    packages: Annotated[
        list[Literal["numpy", "scipy", "pandas", "sklearn", "networkx"]], Field(min_length=1)
    ] = PACKAGES,
    characters: Annotated[int, Field(ge=100)] = 1500,
    shortest: Annotated[int, Field(ge=1)] = 4,
    longest: Annotated[int, Field(ge=1)] = 40,
) -> Source:
    """Create the collection from the installed packages.

    Args:
        packages: source packages of the functions. [Hone default]
        characters: maximum characters of a function's code. [Hone default]
        shortest: minimum words of a query. [Hone default]
        longest: maximum words of a query. [Hone default]

    Raises:
        Refused: one of the packages is not installed.
    """
    functions = pl.DataFrame(
        [found for package in packages for found in functions_of(package)],
        schema={
            "doc_id": pl.String,
            "text": pl.String,
            "sentence": pl.String,
            "file": pl.String,
            "row": pl.Int64,
        }
        | DATED
        | MORE,
        orient="row",
    ).unique("doc_id", keep="last", maintain_order=True)
    functions = functions.with_columns(
        name=pl.col("doc_id").str.split(".").list.last(), package="clock"
    )
    words = pl.col("sentence").str.split(" ").list.len()
    described = functions.filter(words.is_between(shortest, longest)).with_columns(
        pl.col("sentence").map_elements(query_id, return_dtype=pl.String).alias("query_id")
    )
    queries = described.unique("query_id", keep="first", maintain_order=True)
    return Source(
        documents=frame(
            DOCUMENTS | DATED,
            {
                "doc_id": functions["doc_id"],
                "text": functions["text"].str.slice(0, characters),
                "file": functions["file"],
                "row": functions["row"],
                "clock": functions["clock"],
                "date": functions["date"],
            },
        ),
        queries=frame(
            QUERIES,
            {
                "query_id": queries["query_id"],
                "text": queries["sentence"],
                "file": queries["file"],
                "row": queries["row"],
            },
        ),
        qrels=frame(
            QRELS,
            {
                "query_id": described["query_id"],
                "doc_id": described["doc_id"],
                "relevance": pl.Series([1]).extend_constant(1, len(described) - 1),
                "source": pl.Series(["docstring"]).extend_constant("docstring", len(described) - 1),
                "file": described["file"],
                "row": described["row"],
            },
        ),
        metadata=metadata_of(functions),
    )


def metadata_of(functions: pl.DataFrame) -> pl.DataFrame:
    """The table `metadata` of functions (doc_id, package, module, name, see_also)."""
    references = functions.select("doc_id", target="see_also").explode("target").drop_nulls()
    links = resolved(references, functions).select("doc_id", name=pl.lit("see_also"), value="other")
    named = functions.unpivot(
        ["package", "module", "name"], index="doc_id", variable_name="column"
    ).rename({"column": "name"})
    return pl.concat([named, links])


def query_id(sentence: str) -> str:
    return fingerprint(sentence)[:12]


@dataclass(frozen=True)
class Function:
    """A documented public function: module, name, code, and displayed file."""

    module: str
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    file: str


def functions_of(
    package: str,
) -> Iterator[tuple[str, str, str, str, int, str, str | None, str, list[str]]]:
    """doc_id, code, first sentence, file, line, package, first version, module and "See Also"
    names of each documented public function.
    """
    for one in functions_in(package):
        docstring = ast.get_docstring(one.node)
        where = (
            one.file,
            one.node.lineno,
            package,
            added_in(docstring),
            one.module,
            names_in(docstring),
        )
        yield f"{one.module}.{one.name}", code_of(one.node), first_sentence(docstring), *where


def functions_in(package: str) -> Iterator[Function]:
    """Every documented public function or method of a package.

    Raises:
        Refused: the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise Refused(
            f"this collection needs the package '{package}', which is missing. Run `make setup`."
        )
    root = Path(spec.origin).parent
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if NOT_INTERFACE.isdisjoint(parts) and not any(part.startswith("test_") for part in parts):
            module = ".".join((package, *(part for part in parts if part != "__init__")))
            relative_path = "/".join((package, *file.relative_to(root).parts))
            for name, node in documented(ast.parse(file.read_bytes()).body):
                yield Function(module, name, node, relative_path)


def documented(
    body: list[ast.stmt], inside: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Public functions and methods of public classes with a docstring, with their dotted names."""
    for node in body:
        if getattr(node, "name", "_").startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from documented(node.body, f"{inside}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            yield inside + node.name, node


def code_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Signature and body in a uniform layout, without docstring, decorators and comments."""
    node.body = node.body[1:] or [ast.Pass()]
    node.decorator_list = []
    return ast.unparse(node)


def first_sentence(docstring: str) -> str:
    """The first sentence of the first paragraph, on one line. The whole paragraph if no sentence
    ends in it.
    """
    paragraph = " ".join(re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0].split())
    end = re.match(r".+?[.!?](?=\s|$)", paragraph)
    return end.group() if end else paragraph


def added_in(docstring: str) -> str | None:
    """The version that introduced the function, if its docstring contains it. Indented lines are
    about a parameter.
    """
    directive = re.search(r"^\.\. versionadded:: *([0-9]+(?:\.[0-9]+)*)", docstring, re.MULTILINE)
    return directive.group(1) if directive else None
