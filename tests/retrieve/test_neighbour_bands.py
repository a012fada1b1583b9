"""Bands of ranks around known answers: by hand on small graphs, in an encoder's space, and that
a gap between bands holds.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.errors import Refused
from hone.graph import neighbour_bands as bands
from hone.graph.neighbours import by_edges, inside
from tasks.retrieve.neighbour_bands import neighbour_bands
from tests.retrieve import around

IDS = [f"d{number}" for number in range(8)]
TEXTS = dict(
    zip(
        IDS,
        [
            "red cat",
            "red dog",
            "blue stone",
            "hot fire",
            "cold water",
            "old tree",
            "green bird",
            "small cat",
        ],
        strict=True,
    )
)


def ranked(
    tmp_path: Path, text: str, known=(("q", "d0"),), name: str = "inputs.csv", **band
) -> list[tuple[str, str, int]]:
    """query_id, doc_id and rank of a band in a graph of a file."""
    (tmp_path / name).write_text(text)
    band = {"counted": "ranks", "file": str(tmp_path / name)} | band
    found = neighbour_bands(
        around.documents(tmp_path, TEXTS), around.labels(*known), None, None, "", **band
    )
    return found.select("query_id", "doc_id", "rank").rows()


def test_ranks_of_a_file_by_hand(tmp_path: Path):
    """Four neighbours of d0, given out of order; the band from 2 to 3 has the second and third."""
    graph = "doc_id,neighbour_id,rank\nd0,d4,4\nd0,d2,2\nd0,d1,1\nd0,d3,3\nd5,d6,1\n"
    assert ranked(tmp_path, graph, first=2, last=3) == [("q", "d2", 1), ("q", "d3", 2)]


def test_weights_of_a_file_are_nearer_the_larger_they_are(tmp_path: Path):
    rows = [("d0", "d1", 0.1), ("d0", "d2", 0.9), ("d0", "d3", 0.5)]
    graph = "".join(
        json.dumps({"doc_id": a, "neighbour_id": b, "weight": w}) + "\n" for a, b, w in rows
    )
    assert ranked(tmp_path, graph, first=1, last=2, name="graph.jsonl") == [
        ("q", "d2", 1),
        ("q", "d3", 2),
    ]


def test_links_are_followed_by_hops_and_then_by_the_number_of_ways(tmp_path: Path):
    """d0 -> d1, d2; d1 -> d3, d4; d2 -> d4; d4 -> d5. d4 is reached in two ways, d3 in one, d5
    is three links away.
    """
    graph = "doc_id,neighbour_id\nd0,d1\nd0,d2\nd1,d3\nd1,d4\nd2,d4\nd4,d5\n"
    whole = ranked(tmp_path, graph, first=1, last=9, hops=3)
    assert [doc for _, doc, _ in whole] == ["d1", "d2", "d4", "d3", "d5"]
    assert ranked(tmp_path, graph, first=1, last=9, hops=1) == [("q", "d1", 1), ("q", "d2", 2)]
    assert ranked(tmp_path, graph, known=(("q", "d5"),), first=1, last=1, hops=1) == [
        ("q", "d4", 1)
    ]
    with pytest.raises(Refused, match="no labelled positive of a training query has a neighbor"):
        ranked(tmp_path, graph, known=(("q", "d5"),), first=1, last=1, both_ways=False)


def test_what_is_too_near_to_one_answer_is_in_no_later_band_of_another(tmp_path: Path):
    """d3 has rank 1 with d0 and 3 with d1: its rank is 1."""
    graph = "doc_id,neighbour_id,rank\nd0,d3,1\nd0,d4,2\nd1,d5,1\nd1,d6,2\nd1,d3,3\n"
    known = (("q", "d0"), ("q", "d1"))
    assert {doc for _, doc, _ in ranked(tmp_path, graph, known, first=1, last=1)} == {"d3", "d5"}
    with pytest.raises(Refused, match="has a neighbor from 3"):
        ranked(tmp_path, graph, known, first=3, last=3)


def test_links_in_a_metadata_column(tmp_path: Path):
    links = around.metadata(
        tmp_path, ("d0", "cites", "d1"), ("d0", "cites", "d3"), ("d0", "year", "d2")
    )
    found = neighbour_bands(
        around.documents(tmp_path, TEXTS),
        around.labels(("q", "d0")),
        links,
        None,
        "",
        first=1,
        last=5,
        counted="ranks",
        column="cites",
    )
    assert found["doc_id"].to_list() == ["d1", "d3"]


def test_a_band_of_an_encoders_space_is_a_slice_of_its_ranking(tmp_path: Path):
    models = around.models(tmp_path)
    (row,) = around.cosines(models, ["red cat"], [TEXTS[doc] for doc in IDS])
    order = sorted((doc for doc in IDS if doc != "d0"), key=lambda doc: -row[IDS.index(doc)])
    found = neighbour_bands(
        around.documents(tmp_path, TEXTS),
        around.labels(("q", "d0")),
        None,
        models,
        "",
        first=0.25,
        last=0.5,
        counted="share",
    )  # of 8 documents: ranks 3 and 4
    assert found["doc_id"].to_list() == order[2:4]
    assert found["score"].to_list() == pytest.approx(
        [row[IDS.index(doc)] for doc in order[2:4]], abs=1e-5
    )


def test_promoted_answers_are_no_anchors(tmp_path: Path):
    (tmp_path / "g.csv").write_text("doc_id,neighbour_id\nd0,d1\nd2,d3\n")
    known = pl.concat([around.labels(("q", "d0")), around.labels(("q", "d2"), judge="neighbours")])
    band = {"first": 1, "last": 5, "counted": "ranks", "file": str(tmp_path / "g.csv"), "hops": 1}
    assert neighbour_bands(around.documents(tmp_path, TEXTS), known, None, None, "", **band)[
        "doc_id"
    ].to_list() == ["d1"]


def test_ids_that_are_not_here_are_counted_and_reported(tmp_path: Path, capsys):
    graph = "doc_id,neighbour_id\nd0,d1\nd0,elsewhere\nnowhere,d1\n"
    assert ranked(tmp_path, graph, known=(("q", "d0"), ("p", "d6")), first=1, last=2, hops=1) == [
        ("q", "d1", 1)
    ]
    output = capsys.readouterr().err
    assert "2 edges of" in output
    assert "name a document that is not in the collection and are ignored" in output
    assert "1 of 2 labelled positives have no neighbor" in output


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("doc_id,neighbour_id\n", "has no rows. It needs 'doc_id', 'neighbour_id'"),
        ("doc_id,neighbour_id\nx,y\n", "has no edge between two documents of the collection"),
        ("doc_id,neighbour_id\nd0,d0\n", "has no edge between two documents of the collection"),
        (
            "doc_id,neighbor_id\nd0,d1\n",
            "lacks the column 'neighbour_id'.*did you mean 'neighbor_id'",
        ),
        (
            "doc_id,neighbour_id,rank\nd0,d1,1\nd0,d2,near\n",
            "row 2: the rank 'near' is not a number",
        ),
        ("doc_id,neighbour_id,rank\nd0,d1,nan\n", "row 1: the rank 'nan' is not a number"),
        ("doc_id,neighbour_id\nd0,d1\nd0,\n", "row 2: 'neighbour_id' is empty"),
        ("doc_id,neighbour_id,rank,weight\nd0,d1,1,1\n", "has both `rank` and `weight`"),
    ],
)
def test_a_graph_that_cannot_be_meant(tmp_path: Path, graph: str, message: str):
    with pytest.raises(Refused, match=message):
        ranked(tmp_path, graph, first=1, last=3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"first": 5, "last": 3, "counted": "ranks"},
            "the band ends at 3.0 before it begins at 5.0",
        ),
        ({"first": 0.5, "last": 3, "counted": "ranks"}, "needs whole ranks of at least 1"),
        ({"first": 0.5, "last": 3}, "needs fractions of the collection"),
        ({"file": "inputs/g.csv", "column": "cites"}, "Keep one of them"),
        ({"file": "inputs/g.csv", "model": "other"}, "Keep one of them"),
    ],
)
def test_a_band_that_cannot_be_meant(line: dict, message: str):
    with pytest.raises(Refused, match=message):
        methods.checked("retrieve", {"neighbour-bands": line}, "here")


def test_a_share_of_a_collection_by_hand():
    """Of 5,183 documents .01 to .02 are the ranks 52 to 103; bands that meet do not overlap; 40
    documents have no such rank.
    """
    assert bands.ranks(0.01, 0.02, "share", 5183) == (52, 103)
    assert bands.ranks(0.0, 0.01, "share", 5183) == (1, 51)
    with pytest.raises(Refused, match="contains no rank of a collection of 40 documents"):
        bands.ranks(0.01, 0.02, "share", 40)


edges_between = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), min_size=1, max_size=25
)


@given(
    edges=edges_between,
    known=st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True),
    near=st.integers(1, 3),
    gap=st.integers(1, 3),
    hops=st.integers(1, 4),
    both=st.booleans(),
)
def test_two_bands_keep_the_gap_between_them(tmp_path_factory, edges, known, near, gap, hops, both):
    """Nothing in the far band has with any answer a rank that is less than its first; ranks of
    one answer have no holes.
    """
    place = tmp_path_factory.mktemp("graph")
    pl.DataFrame(edges, schema=["doc_id", "neighbour_id"], orient="row").write_parquet(
        place / "g.parquet"
    )
    graph, _ = inside(
        pl.DataFrame(edges, schema=["doc_id", "neighbour_id"], orient="row"), pl.Series(IDS)
    )
    if graph.is_empty():
        return
    whole = by_edges(pl.Series(known), graph, pl.Series(IDS), 99, hops, both)
    for _, ranks in whole.group_by("anchor").agg("rank").iter_rows():
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
    least = dict(whole.group_by("doc_id").agg(pl.col("rank").min()).iter_rows())
    band = {
        "counted": "ranks",
        "file": str(place / "g.parquet"),
        "hops": hops,
        "both_ways": both,
        "column": None,
        "model": None,
    }
    documents, positives = (
        around.documents(place, TEXTS),
        pl.DataFrame({"query_id": "q", "doc_id": known}),
    )
    bands_of = [
        bands.in_band(
            positives,
            documents,
            None,
            None,
            "",
            "test",
            first=first,
            last=last,
            quiet=True,
            **band,
        )["doc_id"].to_list()
        for first, last in ((1, near), (near + gap + 1, 99))
    ]
    assert set(bands_of[0]) == {doc for doc, rank in least.items() if rank <= near}
    assert set(bands_of[1]) == {doc for doc, rank in least.items() if rank > near + gap}
