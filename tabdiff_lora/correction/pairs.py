r"""Pairs of columns: a table of log p / q for each pair in which training rows and drawn rows still differ.

Trees that may ask about any column soon run out of rows for fine questions about two: on a map they split by income
long before they see a coast. So each pair is looked at as a picture of cells, to add what the trees left. A picture is
found by boosting: again and again each pair takes a small Newton step of the logistic loss, on the coarser or finer
cells whose step helps most on rows held out, or none. One step is counting rows in cells, so hundreds of pairs take a
second, and drawn rows are looked up.

References
----------
Accurate intelligible models with pairwise interactions (Lou et al., 2013); boosting with the L2 loss (Bühlmann & Yu,
2003), for steps of one component at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import expit

from tabdiff_lora.correction.bins import bin_edges, binned
from tabdiff_lora.correction.two_samples import MIN_GAIN, TwoSamples

N_BINS = 32  # of a column
RESOLUTIONS = (4, 8, 16, N_BINS)  # cells along each side of a picture
MAX_COLUMNS = 40  # of wider tables so many are looked at, chosen by chance
MAX_PAIRS = 60  # that are looked at more than once
N_ROUNDS = 30
LEARNING_RATE = 0.3
SHRINKAGE = 5.0  # added to the curvature of each cell, in which a row has up to a quarter
MIN_PROGRESS = 0.5  # nats that a further step, or a whole round, must be worth on the rows held out


@dataclass(frozen=True)
class PairTables:
    """A sum of tables, each over the cells of two columns.

    Parameters
    ----------
    edges : list of ndarray
        Of the bins of each column.
    columns : ndarray of shape (K, 2), int64
    tables : ndarray of shape (K, N_BINS, N_BINS), float64
    """

    edges: list[np.ndarray]
    columns: np.ndarray
    tables: np.ndarray

    @classmethod
    def none(cls) -> PairTables:
        """No pair, which says nothing."""
        return cls([], np.zeros((0, 2), np.int64), np.zeros((0, N_BINS, N_BINS)))

    def __len__(self) -> int:
        return len(self.tables)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Sum of the tables at the rows x (n, F), float64 of shape (n,)."""
        x, total = x.astype(np.float32), np.zeros(len(x))
        bins = {column: binned(self.edges[column], x[:, column]) for column in np.unique(self.columns)}
        for (a, b), table in zip(self.columns, self.tables, strict=True):
            total += table[bins[a], bins[b]]
        return total


def boosted_pairs(
    samples: TwoSamples,
    log_ratio: np.ndarray,
    rng: np.random.Generator,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> PairTables:
    """Find the pairs of columns that tell rows apart, and what they add to what is known.

    Parameters
    ----------
    samples : TwoSamples
    log_ratio : ndarray of shape (n,)
        What is known of log p / q, up to a constant.
    rng : numpy Generator
        Chooses columns of wide tables.
    is_over : callable
        Whether there is no time left for another round; there is one in any case.
    """
    edges = [bin_edges(column, N_BINS) for column in samples.x.T]
    bins = np.stack([binned(*column) for column in zip(edges, samples.x.T, strict=True)])
    boosting = _Boosting(samples, bins, log_ratio)
    n_columns = samples.x.shape[1]
    columns = np.sort(rng.permutation(n_columns)[:MAX_COLUMNS]).tolist()
    worth = {pair: boosting.step(pair)[0] for pair in combinations(columns, 2)}
    pairs = [pair for pair in sorted(worth, key=worth.get, reverse=True)[:MAX_PAIRS] if worth[pair] >= MIN_GAIN]
    gain = samples.gain(log_ratio)
    for _ in range(N_ROUNDS):
        pairs, before = [pair for pair in pairs if boosting.improve(pair)], gain
        gain = samples.gain(boosting.log_ratio)
        if not pairs or gain - before < MIN_PROGRESS or is_over():
            break
    found = boosting.tables
    columns = np.array(list(found), dtype=np.int64).reshape(-1, 2)
    return PairTables(edges, columns, np.array(list(found.values())).reshape(-1, N_BINS, N_BINS))


class _Boosting:
    """Tables that grow step by step.

    Parameters
    ----------
    samples : TwoSamples
    bins : ndarray of shape (F, n), int64
    log_ratio : ndarray of shape (n,)
        Where the sum starts.
    """

    def __init__(self, samples: TwoSamples, bins: np.ndarray, log_ratio: np.ndarray):
        self.samples, self.bins = samples, bins
        self.halves = [np.flatnonzero(~samples.is_held_out), np.flatnonzero(samples.is_held_out)]
        self.tables: dict[tuple[int, int], np.ndarray] = {}
        self._move(log_ratio)

    def improve(self, pair: tuple[int, int]) -> bool:
        """Take the best step of a pair, if it is worth one."""
        gain, step = self.step(pair)
        if gain < MIN_PROGRESS:
            return False
        self.tables[pair] = self.tables.get(pair, 0.0) + step
        self._move(self.log_ratio + step.ravel()[self._cells(pair)])
        return True

    def step(self, pair: tuple[int, int]) -> tuple[float, np.ndarray]:
        """Return what the best step of a pair is worth on held-out rows, in nats (to second order), and its table."""
        cells = self._cells(pair)
        (slope, curvature), (held_slope, held_curvature) = (
            [self._counted(cells[rows], of[rows]) for of in (self.slope, self.curvature)] for rows in self.halves
        )
        best, table = -np.inf, np.zeros((N_BINS, N_BINS))
        for n in RESOLUTIONS:
            step = LEARNING_RATE * pooled(slope, n) / (pooled(curvature, n) + SHRINKAGE)
            gain = float((step * pooled(held_slope, n) - step**2 / 2 * pooled(held_curvature, n)).sum())
            if gain > best:
                best, table = gain, np.kron(step, np.ones((N_BINS // n, N_BINS // n)))
        return best, table

    def _move(self, log_ratio: np.ndarray) -> None:
        """Set where the sum stands, and the derivatives of the log-likelihood there."""
        self.log_ratio, chance = log_ratio, expit(log_ratio)
        self.slope = self.samples.weight * (self.samples.is_real - chance)
        self.curvature = self.samples.weight * chance * (1.0 - chance)

    def _cells(self, pair: tuple[int, int]) -> np.ndarray:
        return self.bins[pair[0]] * N_BINS + self.bins[pair[1]]

    @staticmethod
    def _counted(cells: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.bincount(cells, weight, N_BINS**2).reshape(N_BINS, N_BINS)


def pooled(table: np.ndarray, n: int) -> np.ndarray:
    """Sums over n by n cells of a table."""
    width = len(table) // n
    return table.reshape(n, width, n, width).sum(axis=(1, 3))
