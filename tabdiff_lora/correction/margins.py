r"""Margins: weights that give drawn rows the single columns of the training rows.

Trees trade a column that is a little off for one that is far off; that no column is off at all is known to be right.
Of all weights near to those given, those with the right margins are

.. math:: w(x) \prod_j \omega_j(x_j),

one factor for each bin of each column, found by going through the columns again and again: iterative proportional
fitting (Deming & Stephan, 1940), as for the categories of a single draw (:mod:`tabdiff_lora.sampling.raking`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_BINS = 20  # of a number
N_ROUNDS = 20
SLACK = 5.0  # rows; what a bin may be off before its factor follows in full


@dataclass(frozen=True)
class Margins:
    """One factor for each bin of each column.

    Parameters
    ----------
    edges : list of ndarray
        Of each column: a value belongs to the bin after the last edge that is not above it.
    factors : list of ndarray
        Logarithms, one more than edges.
    """

    edges: list[np.ndarray]
    factors: list[np.ndarray]

    @classmethod
    def rake(cls, real: np.ndarray, drawn: np.ndarray, log_weight: np.ndarray) -> Margins:
        """Find the factors.

        Parameters
        ----------
        real, drawn : ndarray of shape (n, F) and (m, F)
        log_weight : ndarray of shape (m,)
            Of the drawn rows, before.
        """
        edges = [bin_edges(column) for column in real.T]
        factors = [np.zeros(len(edge) + 1) for edge in edges]
        wanted = [shares(_bins(edge, column), len(edge) + 1) for edge, column in zip(edges, real.T, strict=True)]
        bins = [_bins(edge, column) for edge, column in zip(edges, drawn.T, strict=True)]
        weight, slack = _relative(log_weight), SLACK / len(drawn)
        for _ in range(N_ROUNDS):
            for factor, want, bin_ in zip(factors, wanted, bins, strict=True):
                step = np.log(want + slack) - np.log(shares(bin_, len(want), weight) + slack)
                factor += step
                weight = _relative(np.log(weight) + step[bin_])
        return cls(edges, factors)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Logarithm of all factors of rows x (n, F), float64 of shape (n,)."""
        columns = zip(self.edges, self.factors, x.T, strict=True)
        return sum((factors[_bins(edges, column)] for edges, factors, column in columns), np.zeros(len(x)))


def bin_edges(column: np.ndarray) -> np.ndarray:
    """Where bins of about as many values begin, all but the first: each value has its own where there are few."""
    values = np.unique(column)
    if len(values) > N_BINS:
        values = np.unique(np.quantile(column, np.arange(N_BINS) / N_BINS, method="inverted_cdf"))
    return values[1:]


def shares(bins: np.ndarray, n_bins: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Share of the rows, or of their weight, in each bin."""
    return np.bincount(bins, weights=weight, minlength=n_bins) / (len(bins) if weight is None else weight.sum())


def _bins(edges: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.searchsorted(edges, column, side="right")


def _relative(log_weight: np.ndarray) -> np.ndarray:
    """Weights with mean 1."""
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.mean()
