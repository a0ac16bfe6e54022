"""EncodedTable: what the table room hands to everybody else.

A numerical entry is not a point but an *interval* of normal scores. A tied value (a zero, a cap, an integer) owns the
interval of the standard normal that its mass covers, a value seen once is a point, a missing value is the whole line.
Drawing the point uniformly (in probability) from its interval makes every column exactly standard normal: the
distributional transform (Rueschendorf, 2009). A fresh draw per epoch costs one inverse normal per entry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import entropy

from tabdiff_lora.layout import TableLayout
from tabdiff_lora.structural_zeros import level_counts


@dataclass(frozen=True)
class EncodedTable:
    """Rows as numbers.

    Parameters
    ----------
    layout : TableLayout
    low, high : ndarray of shape (n, D), float64
        Interval of normal scores of each numerical entry, ``low <= high``; ``(-inf, inf)`` where the entry carries no
        number (missing, or held by a categorical state).
    cat : ndarray of shape (n, C), int64
        Codes ``0 .. K_c - 1``.
    """

    layout: TableLayout
    low: np.ndarray
    high: np.ndarray
    cat: np.ndarray

    @classmethod
    def empty(cls, layout: TableLayout) -> EncodedTable:
        """No rows of a layout."""
        return cls(layout, *np.empty((2, 0, layout.n_numerical)), np.empty((0, layout.n_categorical), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.cat)

    @property
    def observed(self) -> np.ndarray:
        """Which numerical entries carry a number; bool of shape (n, D)."""
        return np.isfinite(self.low) | np.isfinite(self.high)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one point per interval; float32 of shape (n, D). Uninformative entries become N(0, 1)."""
        return draw_interval(self.low, self.high, rng)

    def centre(self) -> np.ndarray:
        """Return the median of each interval, float64 of shape (n, D); uninformative entries are 0."""
        return centre(self.low, self.high)

    def counts(self) -> np.ndarray:
        """Rows with each level, categorical columns side by side; int64 of shape (sum of K_c,)."""
        return level_counts(self.cat, self.layout.cardinalities)

    def frequencies(self) -> list[np.ndarray]:
        """Share of each level, one array of shape (K_c,) per categorical column; uniform for an empty table."""
        counts = self.counts() if len(self) else np.ones(self.layout.n_logits)
        columns = np.split(counts, np.cumsum(self.layout.cardinalities)[:-1]) if self.layout.n_categorical else []
        return [column / column.sum() for column in columns]

    def entropies(self) -> np.ndarray:
        """Entropy of each categorical column in nats, shape (C,)."""
        return np.array([entropy(frequency) for frequency in self.frequencies()])

    def take(self, rows) -> EncodedTable:
        """The table restricted to ``rows`` (an index array or slice)."""
        return EncodedTable(self.layout, self.low[rows], self.high[rows], self.cat[rows])

    def split(self, n: int, rng: np.random.Generator) -> tuple[EncodedTable, EncodedTable]:
        """The table without ``n`` rows, and these, chosen by chance."""
        order = rng.permutation(len(self))
        return self.take(order[n:]), self.take(order[:n])


def draw_interval(low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from N(0, 1) truncated to [low, high], entry by entry; float32 of the same shape."""
    u_low = ndtr(low)
    point = ndtri(u_low + rng.random(low.shape) * (ndtr(high) - u_low))
    return np.where(low == high, low, point).astype(np.float32)


def centre(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the median of N(0, 1) truncated to [low, high], entry by entry; float64 of the same shape."""
    return np.where(low == high, low, ndtri((ndtr(low) + ndtr(high)) / 2))
