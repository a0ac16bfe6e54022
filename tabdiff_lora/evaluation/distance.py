"""One distance between rows, for coverage and privacy.

Numerical columns become their mid-rank in the real table, in [0, 1], so that no outlier squeezes a column; a missing
value sits in the middle and one step aside. Two different categories are at distance 1, as are the smallest and largest
number: d(a, b)^2 = sum_num (rank_a - rank_b)^2 + sum_cat [a != b]. Beyond 100 levels the codes of a column share 100
slots, so that about one pair in a hundred of different categories counts as equal.
"""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from tabdiff_lora.evaluation.columns import Arrays

MAX_SLOTS = 100


def embed(reference: Arrays, table: Arrays, leave_out: str | None = None) -> np.ndarray:
    """Rows as points, (n, d), whose Euclidean distance is the distance above; ``leave_out`` is a column to forget."""
    blocks = []
    for j, name in enumerate(reference.num_names):
        if name == leave_out:
            continue
        known = np.sort(reference.num[:, j][~np.isnan(reference.num[:, j])])
        absent = np.isnan(table.num[:, j])
        low, high = (np.searchsorted(known, table.num[:, j], side=side) for side in ("left", "right"))
        blocks.append(np.where(absent, 0.5, (low + high) / (2 * max(len(known), 1)))[:, None])
        if absent.any() or np.isnan(reference.num[:, j]).any():
            blocks.append(absent[:, None].astype(float))
    for j, name in enumerate(reference.cat_names):
        if name != leave_out:
            slots = min(reference.sizes[j], MAX_SLOTS)
            blocks.append(np.eye(slots)[table.cat[:, j] % slots] / np.sqrt(2))
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
