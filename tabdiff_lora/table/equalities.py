"""Equalities: numbers that often equal an earlier column of their row, such as a bill that is paid in full.

Rows in which two columns are equal lie on a line without width. A denoiser sees no further than its smallest noise, so
the rows it draws lie *near* the line, and anyone can tell. The line is therefore a state of the column, as a heavy
value is (``NumericalEncoder(elsewhere=...)``): it names the column that holds the value, the number is free in these
rows, and decoding writes the value that the other column has.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from tabdiff_lora.table.dtypes import replace_cells

MIN_SHARE = 0.05  # of the rows, in which a column must repeat a source that no better source explains
MIN_ROWS = 20  # and at least as many rows
CHANCE = 10.0  # times as often as independent columns would be equal
HEAVY = 0.005  # share of the rows from which on a value is so common that it may be equal for other reasons
N_PROBED = 2_000  # rows that a pair is first looked at in


@dataclass(frozen=True)
class Equalities:
    """The columns of a table that repeat earlier ones.

    Parameters
    ----------
    sources : mapping of column label to tuple of column labels
        What each column repeats, the most frequent first; in the order of the table, so that a source has its value
        before it is repeated.
    """

    sources: Mapping[Hashable, tuple[Hashable, ...]]

    @classmethod
    def find(cls, frame: pd.DataFrame, candidates: list[Hashable]) -> Self:
        """Look for them among ``candidates``, columns in the order of the table; only plain numbers can be equal."""
        plain = [n for n in candidates if isinstance(frame[n].dtype, np.dtype) and frame[n].dtype.kind in "iuf"]
        values = {name: _ordinary(frame[name]) for name in plain}
        probe = np.random.default_rng(0).permutation(len(frame))[:N_PROBED]
        probes = {name: x[probe] for name, x in values.items()}
        equal: dict[Hashable, dict[Hashable, np.ndarray]] = {}
        for source, name in combinations(plain, 2):
            if (probes[source] == probes[name]).mean() < MIN_SHARE / 2:
                continue
            rows = values[source] == values[name]
            if rows.sum() >= CHANCE * _equal_by_chance(values[source], values[name]):
                equal.setdefault(name, {})[source] = rows
        sources = {name: _best_sources(equal[name]) for name in plain if name in equal}
        return cls({name: best for name, best in sources.items() if best})

    def repeated(self, name: Hashable, columns: Mapping[Hashable, pd.Series]) -> np.ndarray:
        """Return which source each row of a column repeats, its number or -1; int64 of shape (n,).

        ``columns`` has those that are known, with the index of the rows that they are known in.
        """
        column = columns[name]
        found = np.full(len(column), -1)
        for number, source in reversed(list(enumerate(self.sources.get(name, ())))):
            if source in columns:
                found[_equal(column, columns[source].reindex(column.index))] = number
        return found

    def fill(self, frame: pd.DataFrame, repeated: Mapping[Hashable, np.ndarray], can_hold) -> pd.DataFrame:
        """Return decoded rows with the values that columns repeat.

        Parameters
        ----------
        frame : DataFrame of n rows
        repeated : mapping of column label to int64 of shape (n,)
            As of :meth:`repeated`.
        can_hold : callable
            Tells of a label and a Series which of its values the column could hold; others are not repeated.
        """
        frame = frame.copy(deep=False)
        for name, sources in self.sources.items():
            for number, source in enumerate(sources):
                rows = np.flatnonzero((repeated[name] == number) & frame[source].notna().to_numpy(dtype=bool))
                values = frame[source].iloc[rows]
                fits = can_hold(name, values)
                frame[name] = replace_cells(frame[name], rows[fits], values[fits])
        return frame


def _best_sources(equal: dict[Hashable, np.ndarray]) -> tuple[Hashable, ...]:
    """Choose sources, the one with the most rows that no other explains first; rows are masks of shape (n,)."""
    equal, chosen = dict(equal), []
    while equal:
        best = max(equal, key=lambda source: equal[source].sum())
        rows = equal.pop(best)
        if rows.sum() < max(MIN_SHARE * len(rows), MIN_ROWS):
            break
        chosen.append(best)
        equal = {source: others & ~rows for source, others in equal.items()}
    return tuple(chosen)


def _ordinary(column: pd.Series) -> np.ndarray:
    """Values as float64 of shape (n,), NaN for gaps and for values that are too common to tell anything."""
    x = column.to_numpy(dtype=np.float64)
    common = column.value_counts(normalize=True)
    return np.where(column.isin(common.index[common >= HEAVY]), np.nan, x)


def _equal(a: pd.Series, b: pd.Series) -> np.ndarray:
    return (a == b).fillna(False).to_numpy(dtype=bool)


def _equal_by_chance(x: np.ndarray, y: np.ndarray) -> float:
    """Rows in which two independent columns with these values would be equal, on average."""
    (a, n_a), (b, n_b) = (np.unique(z[~np.isnan(z)], return_counts=True) for z in (x, y))
    _, in_a, in_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return float(n_a[in_a] @ n_b[in_b]) / len(x)
