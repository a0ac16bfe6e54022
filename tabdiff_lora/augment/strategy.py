"""Which classes grow to how many rows, in imbalanced-learn's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np


def rows_to_add(strategy: str | float | Mapping | Callable, labels: np.ndarray) -> dict:
    """How many rows each class lacks under a strategy of :class:`SyntheticOverSampler`; classes in their order.

    Raises
    ------
    ValueError
        If there is a single class, or the strategy asks for fewer rows than there are.
    """
    counts = dict(sorted(Counter(labels.tolist()).items()))
    if len(counts) < 2:
        raise ValueError(f"y must have at least two classes. Got 1 class, {next(iter(counts))!r}, instead.")
    largest, smallest = max(counts, key=counts.get), min(counts, key=counts.get)
    if callable(strategy):
        strategy = strategy(labels)
    if isinstance(strategy, Mapping):
        wanted = dict(strategy)
    elif isinstance(strategy, str):
        grows = {
            "minority": lambda label: label == smallest,
            "not minority": lambda label: label != smallest,
            "all": lambda label: True,
        }.get(strategy, lambda label: label != largest)
        wanted = {label: counts[largest] for label in counts if grows(label)}
    else:
        if len(counts) > 2:
            raise ValueError(
                f"sampling_strategy must be a float for two classes only. Got {len(counts)} classes instead."
            )
        wanted = {smallest: int(strategy * counts[largest])}
    for label, n in wanted.items():
        if n < counts.get(label, np.inf):
            n_now = counts.get(label, "none")
            raise ValueError(f"rows of class {label!r} must be at least those it has ({n_now}). Got {n} instead.")
    return {label: n - counts[label] for label, n in wanted.items()}
