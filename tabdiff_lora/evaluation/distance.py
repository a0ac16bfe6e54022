"""One distance between rows, for coverage and privacy.

Numerical columns become their mid-rank in the real table, in [0, 1], so that no outlier squeezes a column; a missing
value sits in the middle and one step aside. Two different categories are at distance 1, as are the smallest and largest
number: d(a, b)^2 = sum_num (rank_a - rank_b)^2 + sum_cat [a != b]. Beyond 100 levels the codes of a column share 100
slots, so that about one pair in a hundred of different categories counts as equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors

from tabdiff_lora.evaluation.columns import Arrays

MAX_SLOTS = 100
CHUNK = 200  # rows of a block of distances: two such blocks of 5,000 columns stay in the cache


def ranks(reference: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mid-rank of each value among the present reference values, in [0, 1]; 0.5 for a missing one."""
    known = np.sort(reference[~np.isnan(reference)])
    low, high = (np.searchsorted(known, x, side=side) for side in ("left", "right"))
    return np.where(np.isnan(x), 0.5, (low + high) / (2 * max(len(known), 1)))


def embed(reference: Arrays, *tables: Arrays) -> list[np.ndarray]:
    """Rows of each table as points, (n, d), whose Euclidean distance is the distance above."""
    gaps = np.any([np.isnan(table.num).any(axis=0) for table in (reference, *tables)], axis=0)
    return [_points(reference, table, gaps) for table in tables]


def _points(reference: Arrays, table: Arrays, gaps: np.ndarray) -> np.ndarray:
    """Rows as points; the columns ``gaps``, (D,), have missing values in one of the tables to compare."""
    blocks = []
    for x, y, has_gaps in zip(reference.num.T, table.num.T, gaps, strict=True):
        blocks.append(ranks(x, y)[:, None])
        if has_gaps:
            blocks.append(np.isnan(y)[:, None].astype(float))
    for codes, size in zip(table.cat.T, reference.sizes, strict=True):
        slots = min(size, MAX_SLOTS)
        blocks.append(np.eye(slots)[codes % slots] / np.sqrt(2))
    return np.concatenate(blocks, axis=1)


def nearest(points: np.ndarray, among: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the k nearest of ``among`` and their indices, both (n, k).

    Found with matrix products; the distances are then recomputed from differences, so that equal rows are at exactly 0.
    """
    k = min(k, len(among))
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(among).kneighbors(points, return_distance=False)
    distance = np.empty(index.shape)
    for i in range(k):
        distance[:, i] = np.sqrt(((points - among[index[:, i]]) ** 2).sum(axis=1))
    return distance, index


def nearest_without(reference: Arrays, table: Arrays, among: Arrays, left_out: Sequence[str]) -> np.ndarray:
    """Index of the row of ``among`` nearest to each row of ``table`` when one column is left out, (n, len(left_out)).

    The distances by all columns are summed once; leaving one out takes its own away again.
    """
    columns = [(ranks(x, a), ranks(x, b)) for x, a, b in zip(reference.num.T, table.num.T, among.num.T, strict=True)]
    gaps = [(np.isnan(a), np.isnan(b)) for a, b in zip(table.num.T, among.num.T, strict=True)]
    slots = np.minimum(reference.sizes, MAX_SLOTS)
    codes = list(zip((table.cat % slots).T, (among.cat % slots).T, strict=True))

    def squared(j: int, rows: slice) -> np.ndarray:
        if j >= len(columns):
            a, b = codes[j - len(columns)]
            return (a[rows, None] != b).astype(float)
        (a, b), (a_gap, b_gap) = columns[j], gaps[j]
        distance = (a[rows, None] - b) ** 2
        return distance + (a_gap[rows, None] != b_gap) if a_gap.any() or b_gap.any() else distance

    index = np.empty((len(table), len(left_out)), dtype=np.int64)
    for start in range(0, len(table), CHUNK):
        rows = slice(start, start + CHUNK)
        total = sum(squared(j, rows) for j in range(len(reference.names)))
        for k, name in enumerate(left_out):
            index[rows, k] = (total - squared(reference.names.index(name), rows)).argmin(axis=1)
    return index
