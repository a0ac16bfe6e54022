r"""Margins: weights that give drawn rows the single columns of the training rows.

Trees trade a column that is a little off for one that is far off; that no column is off at all is known to be right.
Of all weights near to those given, those with the right margins are

.. math:: w(x) \prod_j \omega_j(x_j),

one factor for each bin of each column, found by going through the columns again and again: iterative proportional
fitting (Deming & Stephan, 1940), as for the categories of a single draw (:mod:`tabdiff_lora.sampling.raking`). They are
found anew for every block of rows, so that chance is evened out too, and only where nothing is known of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff_lora.correction.bins import bin_edges, binned

N_BINS = 20  # of a number
N_ROUNDS = 20
SLACK = 5.0  # rows; what a bin may be off before its factor follows in full


@dataclass(frozen=True)
class Margins:
    """The columns of the training rows, in bins.

    Parameters
    ----------
    edges : list of ndarray
        Of the bins of each column.
    shares : list of ndarray
        Of the training rows in each bin, one more than edges.
    """

    edges: list[np.ndarray]
    shares: list[np.ndarray]

    @classmethod
    def of(cls, real: np.ndarray) -> Margins:
        """Count the training rows (n, F)."""
        edges, alike = [bin_edges(column, N_BINS) for column in real.T], np.ones(len(real))
        columns = zip(edges, real.T, strict=True)
        return cls(edges, [shares(binned(starts, x), len(starts) + 1, alike) for starts, x in columns])

    def rake(self, x: np.ndarray, ratio: np.ndarray, most: float = np.inf) -> np.ndarray:
        """Bend a ratio so that drawn rows weighted by it have these margins.

        Parameters
        ----------
        x : ndarray of shape (n, F)
        ratio : ndarray of shape (n,)
        most : float, default=inf
            What it must not exceed: the other rows make up for it.

        Returns
        -------
        ndarray of shape (n,)
            Its mean is 1, or less where ``most`` leaves no other way.
        """
        bins, slack = [binned(*column) for column in zip(self.edges, x.T, strict=True)], SLACK / max(len(x), 1)
        for _ in range(N_ROUNDS):
            for wanted, bin_ in zip(self.shares, bins, strict=True):
                ratio = ratio * ((wanted + slack) / (shares(bin_, len(wanted), ratio) + slack))[bin_]
            ratio = np.minimum(ratio / ratio.mean(), most)
        return ratio


def shares(bins: np.ndarray, n_bins: int, weight: np.ndarray) -> np.ndarray:
    """Share of the weight of rows in each bin."""
    return np.bincount(bins, weights=weight, minlength=n_bins) / weight.sum()
