"""Near-duplicate texts by MinHash: estimated Jaccard similarity of shingle sets.

Source: Broder, "On the resemblance and containment of documents" (1997); hashing by datasketch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 128
SEED = 1
ROWS_PER_BAND = 4
PAIRS_PER_BLOCK = 100_000  # signatures held in memory at once: 100 MB
ENTRIES_BEYOND = (
    8  # entries compared beyond the allowed number of differences: dissimilar texts share few
)


def signatures(texts: Sequence[str], *, characters: int | None = None) -> np.ndarray:
    """MinHash signatures of texts, with case and white space folded.

    Args:
        texts: n texts.
        characters: use shingles of this number of characters (for short texts). By default,
            shingles are three words.

    Returns:
        Array [n, 128] of unsigned integers. The fraction of equal entries of two rows estimates
        their Jaccard similarity with a standard error of at most 0.045.
    """
    from datasketch import MinHash

    if not len(texts):
        return np.empty((0, PERMUTATIONS), dtype=np.uint32)
    sets = (_shingles(" ".join(text.lower().split()), characters) for text in texts)
    # datasketch keeps its 32-bit hashes in 64 bits, which would be twice the memory.
    found = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    for row, sketch in enumerate(MinHash.generator(sets, num_perm=PERMUTATIONS, seed=SEED)):
        found[row] = sketch.hashvalues
    return found


def similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of two arrays of signatures, row by row: [n, 128] and [n,
    128] -> [n].
    """
    return (left == right).mean(axis=1, dtype=np.float32)


def similar(
    sketches: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find pairs of rows of `sketches` that are similar enough, with their similarity.

    The first entries of the signatures rule out most pairs: too many differences for the others to
    make up.

    Args:
        sketches: [n, 128], from `signatures`.
        left, right: [k], rows of `sketches`.
        threshold: minimum estimated similarity.

    Returns:
        Places [m] in `left` and `right`, ascending, and the estimated similarities [m].
    """
    differ = int(PERMUTATIONS * (1 - threshold))  # entries, at most
    first = np.ascontiguousarray(sketches[:, : differ + ENTRIES_BEYOND])
    places, alike = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.float32)]
    for start in range(0, len(left), PAIRS_PER_BLOCK):
        mine, theirs = left[start : start + PAIRS_PER_BLOCK], right[start : start + PAIRS_PER_BLOCK]
        may = np.flatnonzero((first[mine] != first[theirs]).sum(axis=1) <= differ)
        near = similarity(sketches[mine[may]], sketches[theirs[may]])
        enough = near >= threshold
        places.append(start + may[enough])
        alike.append(near[enough])
    return np.concatenate(places), np.concatenate(alike)


def clusters(
    texts: Sequence[str], threshold: float, *, characters: int | None = None
) -> np.ndarray:
    """The cluster number of each text. Texts with an estimated similarity of at least `threshold`
    share one.

    Pairs are found by banding (32 bands of 4 rows: a pair of similarity 0.8 is found with
    probability 1 - 5e-8) and then verified. Memory grows with the number of duplicates, not with
    the square of the number of texts.
    """
    import polars as pl
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sketches = signatures(texts, characters=characters)
    count = len(sketches)
    links = [np.empty((0, 2), dtype=np.int64)]
    for band in range(0, PERMUTATIONS, ROWS_PER_BAND):
        columns = [f"row {number}" for number in range(ROWS_PER_BAND)]
        rows = pl.DataFrame(
            sketches[:, band : band + ROWS_PER_BAND], schema=columns
        ).with_row_index("text")
        # Compare each text with the first of its bucket: a chain of links is enough to find
        # connected texts.
        first = rows.select("text", first=pl.col("text").first().over(columns))
        links.append(first.filter(pl.col("text") != pl.col("first")).cast(pl.Int64).to_numpy())
    pairs = np.unique(np.concatenate(links), axis=0)
    places, _ = similar(sketches, pairs[:, 0], pairs[:, 1], threshold)
    alike = pairs[places]
    graph = coo_array(
        (np.ones(len(alike), dtype=bool), (alike[:, 0], alike[:, 1])), shape=(count, count)
    )
    return connected_components(graph, directed=False)[1]


def _shingles(text: str, characters: int | None) -> list[bytes]:
    if characters:
        return [
            text[at : at + characters].encode() for at in range(max(1, len(text) - characters + 1))
        ]
    words = text.split(" ")
    return [" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))]
