"""Bins: a column cut into pieces of about as many values, or one for each value where there are few."""

from __future__ import annotations

import numpy as np


def bin_edges(column: np.ndarray, n_bins: int) -> np.ndarray:
    """Where at most ``n_bins`` bins begin, all but the first: a value belongs to the last one that is not above it."""
    values = np.unique(column)
    if len(values) > n_bins:
        values = np.unique(np.quantile(column, np.arange(n_bins) / n_bins, method="inverted_cdf"))
    return values[1:]


def binned(edges: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The bin of each value (n,), int64."""
    return np.searchsorted(edges, column, side="right")
