"""Given: what is known of the rows to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Known, TableState
from tabdiff_lora.table import EncodedTable


@dataclass(frozen=True)
class Given:
    """Encoded rows of which some entries are known.

    A single row stands for every row to be drawn; several stand for one each, or for their ``shares`` of all.

    Parameters
    ----------
    table : EncodedTable of m rows
    num : ndarray of shape (m, D), bool
    cat : ndarray of shape (m, C), bool
        Which entries are known.
    shares : ndarray of shape (m,), optional
        Positive, summing to one.
    """

    table: EncodedTable
    num: np.ndarray
    cat: np.ndarray
    shares: np.ndarray | None = None

    @classmethod
    def nothing(cls, layout: TableLayout, n: int) -> Self:
        """Return n rows of which nothing is known."""
        num, cat = np.zeros((n, layout.n_numerical), bool), np.zeros((n, layout.n_categorical), bool)
        free = np.full(num.shape, np.inf)
        return cls(EncodedTable(layout, -free, free, cat.astype(np.int64)), num, cat)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def are_alike(self) -> bool:
        """Whether the same is known of every row to be drawn."""
        return len(self) == 1

    def of(self, numbers: np.ndarray) -> Given:
        """What is known of the rows with these numbers (n,); n rows."""
        rows = self.places(numbers)
        return Given(self.table.take(rows), self.num[rows], self.cat[rows])

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Which of the m rows stands for each of the rows with these numbers (n,); int64 of shape (n,)."""
        if self.are_alike:
            return np.zeros_like(numbers)
        if self.shares is None:
            return numbers
        return spread(self.shares, numbers.min(), numbers.max() + 1)[numbers - numbers.min()]

    def put(self, rows: np.ndarray, other: Given) -> None:
        """Let what is known of rows (m,) be what is known of m other rows."""
        self.table.low[rows], self.table.high[rows] = other.table.low, other.table.high
        self.table.cat[rows], self.num[rows], self.cat[rows] = other.table.cat, other.num, other.cat

    def joined_with(self, single: Given) -> Given:
        """The same rows, where all that is known of a single row is known too."""
        table, added = self.table, single.table
        low, high = (np.where(single.num, a, b) for a, b in ((added.low, table.low), (added.high, table.high)))
        joined = EncodedTable(table.layout, low, high, np.where(single.cat, added.cat, table.cat))
        return replace(self, table=joined, num=self.num | single.num, cat=self.cat | single.cat)

    def condition(self, denoiser: Denoiser, rng: np.random.Generator) -> Denoiser:
        """The denoiser of these rows; a known value that owns an interval of scores is drawn from it."""
        known = Known(*(torch.as_tensor(entries).to(denoiser.device) for entries in (self.num, self.cat)))
        x_0 = (torch.as_tensor(entries).to(denoiser.device) for entries in (self.table.draw(rng), self.table.cat))
        return denoiser.given(TableState(*x_0), known)


def spread(shares: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows ``start`` to ``stop`` - 1 of the endless row of levels whose every beginning keeps their shares.

    The j-th row of level k falls due at (j + 1/2) / share_k: Webster's method of apportionment.

    Parameters
    ----------
    shares : ndarray of shape (K,), positive, summing to one
    start, stop : int

    Returns
    -------
    ndarray of shape (stop - start,), int64
        Level of each row.
    """
    # By a time tau about tau rows are due, give or take K / 2.
    margin = len(shares)
    first = np.ceil(max(start - margin, 0) * shares - 0.5).astype(np.int64)
    counts = np.ceil((stop + margin) * shares - 0.5).astype(np.int64) - first
    level = np.repeat(np.arange(len(shares)), counts)
    rank = np.arange(len(level)) + np.repeat(first - (counts.cumsum() - counts), counts)
    order = np.lexsort((level, (rank + 0.5) / shares[level]))
    return level[order][start - first.sum() : stop - first.sum()]
