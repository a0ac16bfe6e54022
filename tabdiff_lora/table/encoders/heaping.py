"""Heaping: numbers that are often round, as amounts are that people choose or remember.

Who pays a thousand this month seldom pays 1,037 in the next. A denoiser sees no such thing in the scores of two
numbers: round ones are thin lines among the others. How round a number is becomes a state of its column, as a heavy
value is: one level for multiples of 1,000, one for multiples of 100 that are none of 1,000, and so on. So the levels of
different columns are learned together. Each has a law of its own, in which 3,000 comes after 2,000.

References
----------
Ignorability and coarse data (Heitjan & Rubin, 1991), of ages that are reported to the year or to the half year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff_lora.table.encoders.grid import Grid

MIN_SHARE = 0.05  # of the rows, which must be that round
MIN_VALUES = 5  # different ones
MIN_ROWS = 100  # in each level
EXCESS = 2.0  # times as many rows for each round value as for each of those that are less round


@dataclass(frozen=True)
class Heaping:
    """The levels of roundness of a column, from not round to the roundest.

    Parameters
    ----------
    grid : Grid
    units : tuple of int
        1 and, increasing, the powers of ten whose multiples make a level, in steps of the last decimal.
    anchor : int
        A number of the roundest level.
    """

    grid: Grid
    units: tuple[int, ...]
    anchor: int

    @classmethod
    def find(cls, grid: Grid | None, support: np.ndarray, counts: np.ndarray) -> Heaping | None:
        """Look for powers of ten whose multiples have more rows each than other values, the roundest first.

        Parameters
        ----------
        grid : Grid, optional
        support : ndarray of shape (k,), increasing
            Distinct values, as counts of the grid.
        counts : ndarray of shape (k,)
            Rows of each.

        Returns
        -------
        Heaping or None
            None where there are no heaps.
        """
        if grid is None or abs(grid.offset) + grid.step * grid.n_steps >= 2**53 or counts.sum() < MIN_ROWS:
            return None
        numbers, units = _numbers(grid, support), []
        rest = numbers != 0  # zero is a multiple of everything
        for unit in (10**digits for digits in range(15, 0, -1)):
            is_round = numbers % unit == 0
            heap, others = rest & is_round, rest & ~is_round
            is_frequent = heap.sum() >= MIN_VALUES and counts[heap].sum() >= MIN_SHARE * counts.sum()
            if min(counts[heap].sum(), counts[others].sum()) < MIN_ROWS or not (units or is_frequent):
                continue
            if counts[heap].mean() >= EXCESS * counts[others].mean():
                units.insert(0, unit)
                rest = others
        return cls(grid, (1, *units), int(numbers[numbers % units[-1] == 0][0])) if units else None

    def __len__(self) -> int:
        return len(self.units)

    def level_of(self, x: np.ndarray) -> np.ndarray:
        """Return how round each number is: its level, int64 of shape (n,); x are counts of the grid."""
        numbers = _numbers(self.grid, x)
        return sum((numbers % unit == 0).astype(np.int64) for unit in self.units[1:])

    def place(self, x: np.ndarray, level: int) -> np.ndarray:
        """Return the places of numbers among all that are exactly as round, whole numbers of shape (n,)."""
        step = (_numbers(self.grid, x) - self.anchor) // self._spacing(level)
        ratio = self._ratio(level)
        return step.astype(np.float64) if ratio is None else (step // ratio * (ratio - 1) + step % ratio - 1.0)

    def number(self, place: np.ndarray, level: int) -> np.ndarray:
        """Return the numbers at places (n,) of a level, as counts of the grid; the inverse of :meth:`place`."""
        step, ratio = np.rint(place).astype(np.int64), self._ratio(level)
        if ratio is not None:
            step = step // (ratio - 1) * ratio + step % (ratio - 1) + 1
        return (step * self._spacing(level) + self.anchor - self.grid.offset) / self.grid.step

    def texts(self) -> tuple[str, ...]:
        """Return what the levels are called, from the second on."""
        return tuple(f"(multiple of {unit / self.grid.scale:g})" for unit in self.units[1:])

    def _spacing(self, level: int) -> int:
        """Between numbers that are at least as round."""
        return int(np.lcm(self.units[level], self.grid.step))

    def _ratio(self, level: int) -> int | None:
        """Every how many of them is rounder; None in the last level."""
        return self._spacing(level + 1) // self._spacing(level) if level + 1 < len(self) else None


def _numbers(grid: Grid, x: np.ndarray) -> np.ndarray:
    """Counts of a grid as whole numbers, int64."""
    return np.rint(x).astype(np.int64) * grid.step + grid.offset
