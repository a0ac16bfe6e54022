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
            weight = excess[spare]
            chosen[places] = n_rows + rng.choice(spare, len(places), replace=False, p=weight / weight.sum())
    return chosen
