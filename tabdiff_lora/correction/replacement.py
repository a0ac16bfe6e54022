r"""Replacement: rows of q become rows of p, most of them the same.

A row stays with probability :math:`\min(1, w)`, where :math:`w = p / q`. What is then lost has the law of
:math:`(q - p)^+`, and is made up for by rows of the law :math:`(p - q)^+`, chosen among spare rows of q by the weight
:math:`(w - 1)^+`. No two tables of these laws could have more rows in common (the maximal coupling), so what was even
about the drawn rows stays so, and no row is there twice. It is exact for an endless choice of spare rows.
"""

from __future__ import annotations

import numpy as np


def replacing(ratio: np.ndarray, n_rows: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Choose the rows of a table among drawn ones and spare ones.

    Parameters
    ----------
    ratio : ndarray of shape (n_rows + n_spare,)
        p / q of the drawn rows, the spare ones behind them.
    n_rows : int
    rng : numpy Generator
    groups : ndarray of the same shape, int64, optional
        Rows may take each other's place within a group only. There the ratio is one of conditional laws, so it is
        scaled to be 1 on average.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        The row that stands in each place: its own, or a spare one.
    """
    chosen = np.arange(n_rows)
    if groups is None:
        groups = np.zeros(len(ratio), dtype=np.int64)
    else:
        sums, counts = np.bincount(groups, weights=ratio), np.bincount(groups)
        ratio = ratio / (sums / np.maximum(counts, 1))[groups]
    falls = rng.random(n_rows) >= ratio[:n_rows]
    excess = np.maximum(ratio[n_rows:] - 1.0, 0.0)
    for group in np.unique(groups[:n_rows][falls]):
        places = np.flatnonzero(falls & (groups[:n_rows] == group))
        spare = np.flatnonzero((groups[n_rows:] == group) & (excess > 0.0))
        places = places[: len(spare)]  # the rest stays, for lack of better ones
        if len(places):
            chosen[places] = n_rows + spare[systematic(excess[spare], len(places), rng)]
    return chosen


def systematic(weight: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Choose n different entries, each as probable as its weight says, or certain where it says more than that.

    Systematic sampling (Madow, 1949): n equidistant points on the line of the probabilities, in random order.

    Parameters
    ----------
    weight : ndarray of shape (m,), positive
    n : int, at most m
    rng : numpy Generator

    Returns
    -------
    ndarray of shape (n,), int64
    """
    chance = n * weight / weight.sum()
    while (chance > 1.0 + 1e-9).any():
        is_certain = chance >= 1.0
        left = n - is_certain.sum()
        chance = np.where(is_certain, 1.0, left * weight / max(weight[~is_certain].sum(), 1e-300))
    order = rng.permutation(len(weight))
    ends = chance[order].cumsum()
    points = (rng.random() + np.arange(n)) * (ends[-1] / n)
    return order[np.minimum(np.searchsorted(ends, points, side="right"), len(weight) - 1)]
