r"""Structural zeros: pairs of levels that a table never holds, though chance would put them together.

No account of one country is empty, no single person has the capital gain that only couples report: cells of a
contingency table that hold no row, and no fresh one either. Of two levels that occur in :math:`f_i` and :math:`f_j` of
n rows, independent columns would hold both in :math:`E = f_i f_j / n`. Where no row does although E is 30 or more, the
pair is at least ten times rarer than chance has it, at 95 % confidence: of an event that n rows do not show, less than
3 / n is likely (the rule of three). By accident an empty cell happens once in :math:`e^{30}`.

Levels are numbered as in a flat row of logits, columns side by side. A column of numbers has a level for each value
that 30 rows share, one for the others and one for a missing number (:class:`ImpossiblePairs`).

References
----------
Discrete Multivariate Analysis (Bishop, Fienberg & Holland, 1975), chapter 5; If Nothing Goes Wrong, Is Everything All
Right? (Hanley & Lippman-Hand, 1983) for the rule of three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

EXPECTED = 30.0
"""Rows in which chance must put a pair together for its absence to mean something."""

PENALTY = 30.0
"""Nats by which what makes such a pair becomes less likely: next to never, but finite, since it may be asked for."""

MOST_LEVELS = 1_024
"""Levels that are looked at, the most frequent ones: pairs grow with their square."""

CHUNK = 2**16
"""Rows that are looked at together."""


def structural_zeros(codes: np.ndarray, cardinalities: Sequence[int]) -> np.ndarray:
    """Find the pairs of levels of two columns that never occur.

    Parameters
    ----------
    codes : ndarray of shape (n, C), int64
    cardinalities : sequence of int, length C

    Returns
    -------
    ndarray of shape (P, 2), int64
        Numbers of the two levels, the smaller one first.
    """
    frequencies = level_counts(codes, cardinalities)
    levels = np.sort(np.argsort(-frequencies, kind="stable")[:MOST_LEVELS])
    levels = levels[frequencies[levels] >= EXPECTED]  # in fewer rows no pair of it is expected so often
    together = np.zeros((len(levels), len(levels)))
    for held in _held(codes, cardinalities):
        together += (held[:, levels].T @ held[:, levels]).toarray()
    column = np.repeat(np.arange(len(cardinalities)), cardinalities)[levels]
    chance = np.outer(frequencies[levels], frequencies[levels]) / max(len(codes), 1)
    is_zero = (together == 0) & (chance >= EXPECTED) & (column[:, None] != column)
    return levels[np.argwhere(np.triu(is_zero))]


def level_counts(codes: np.ndarray, cardinalities: Sequence[int]) -> np.ndarray:
    """Count the rows (n, C) with each level, columns side by side; int64 of shape (sum of K_c,)."""
    pairs = zip(codes.T, cardinalities, strict=True)
    return np.concatenate([np.empty(0, dtype=np.int64), *(np.bincount(column, minlength=k) for column, k in pairs)])


def rows_with(pairs: np.ndarray, codes: np.ndarray, cardinalities: Sequence[int]) -> np.ndarray:
    """Count the rows (n, C) that hold each of the pairs (P, 2); int64 of shape (P,)."""
    counts = (_both(pairs, held).sum(axis=0) for held in _held(codes, cardinalities))
    return sum(counts, np.zeros(len(pairs))).astype(np.int64)


def hold_any(pairs: np.ndarray, codes: np.ndarray, cardinalities: Sequence[int]) -> np.ndarray:
    """Tell which rows (n, C) hold one of the pairs (P, 2) or more; bool of shape (n,)."""
    counts = (_both(pairs, held).sum(axis=1) for held in _held(codes, cardinalities))
    return np.concatenate([np.empty(0), *counts]) > 0


@dataclass(frozen=True)
class ImpossiblePairs:
    """Structural zeros of columns of numbers.

    Parameters
    ----------
    values : tuple of ndarray, one for each of F columns
        Numbers that are levels of their own, sorted.
    pairs : ndarray of shape (P, 2), int64
    """

    values: tuple[np.ndarray, ...]
    pairs: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> ImpossiblePairs:
        """Find them in the rows of a table (n, F)."""
        values = tuple(_common(column) for column in x.T)
        found = cls(values, np.empty((0, 2), dtype=np.int64))
        return cls(values, structural_zeros(found.codes(x), found.cardinalities))

    @property
    def cardinalities(self) -> list[int]:
        """Levels of each column: its values, any other number, none."""
        return [len(values) + 2 for values in self.values]

    def codes(self, x: np.ndarray) -> np.ndarray:
        """Levels of rows (n, F); int64 of the same shape."""
        columns = [_coded(*column) for column in zip(x.T, self.values, strict=True)]
        return np.stack(columns, axis=1) if columns else np.empty(x.shape, dtype=np.int64)

    def counts(self, x: np.ndarray) -> np.ndarray:
        """Rows (n, F) that hold each pair; int64 of shape (P,)."""
        return rows_with(self.pairs, self.codes(x), self.cardinalities)

    def held_by(self, x: np.ndarray) -> np.ndarray:
        """Which rows (n, F) hold any of them; bool of shape (n,)."""
        return hold_any(self.pairs, self.codes(x), self.cardinalities)


def _common(column: np.ndarray) -> np.ndarray:
    values, counts = np.unique(column, return_counts=True)
    return values[(counts >= EXPECTED) & ~np.isnan(values)]


def _coded(column: np.ndarray, values: np.ndarray) -> np.ndarray:
    place = np.searchsorted(values, column)  # at the end for NaN
    is_common = np.append(values, np.nan)[place] == column
    return np.where(is_common, place, len(values) + np.isnan(column))


def _held(codes: np.ndarray, cardinalities: Sequence[int]) -> Iterator[csr_array]:
    """Yield which levels the rows hold, as ones of shape (m, sum of K_c), for some rows after the others."""
    starts = np.cumsum([0, *cardinalities])
    for first in range(0, len(codes), CHUNK):
        levels = codes[first : first + CHUNK] + starts[:-1]
        ends = np.arange(len(levels) + 1) * len(cardinalities)
        yield csr_array((np.ones(levels.size), levels.ravel(), ends), shape=(len(levels), starts[-1]))


def _both(pairs: np.ndarray, held: csr_array) -> csr_array:
    """Which rows hold which pair, as ones of shape (m, P)."""
    return held[:, pairs[:, 0]].multiply(held[:, pairs[:, 1]])
