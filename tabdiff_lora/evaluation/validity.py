"""Are values possible, alone and in pairs, and do they go missing together as they should?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.evaluation.impossible import impossible_pairs
from tabdiff_lora.evaluation.metric import NO_CEILING, Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable

MAX_DECIMALS = 6


def decimals(x: np.ndarray) -> int | None:
    """Fewest decimals that write every value exactly (0 for integers); None beyond six, or if the column is empty."""
    x = x[~np.isnan(x)]
    if len(x) == 0:
        return None
    for d in range(MAX_DECIMALS + 1):
        if on_grid(x, d).all():
            return d
    return None


def on_grid(x: np.ndarray, d: int) -> np.ndarray:
    """Whether each value has at most d decimals, up to a few units in the last place of a float64."""
    scaled = x * 10.0**d
    return np.abs(scaled - np.round(scaled)) <= 1e-9 + 8 * np.finfo(float).eps * np.abs(scaled)


def row_keys(table: Arrays) -> np.ndarray:
    """One opaque key per row, (n,); equal keys are equal rows, missing values equal to each other."""
    num = np.where(np.isnan(table.num), np.nan, table.num) + 0.0  # one NaN, and no negative zero
    rows = np.concatenate([num, table.cat.astype(float)], axis=1)
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()


def missing_pattern_error(real: Arrays, synthetic: Arrays) -> float:
    """Total variation between the distributions of the rows' missingness patterns (which columns are missing together).

    Raises
    ------
    MetricUnavailable
        If nothing is missing in either table.
    """
    masks = np.concatenate([real.missing(), synthetic.missing()])
    if not masks.any():
        raise MetricUnavailable("no value is missing in either table")
    codes = np.unique(np.packbits(masks, axis=1), axis=0, return_inverse=True)[1].ravel()
    n = len(real)
    p, q = (np.bincount(part, minlength=codes.max() + 1) for part in (codes[:n], codes[n:]))
    return float(0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def column_validity(real: Arrays, synthetic: Arrays) -> pd.DataFrame:
    """Shares of impossible values per column: column, kind, out_of_range, off_grid, unseen, decimals."""
    rows = []
    for name in real.names:
        x, y = real.column(name), synthetic.column(name)
        row = {"column": name, "out_of_range": np.nan, "off_grid": np.nan, "unseen": np.nan, "decimals": np.nan}
        if real.is_numerical(name):
            x, y, d = x[~np.isnan(x)], y[~np.isnan(y)], decimals(x)
            if len(x) and len(y):
                row["out_of_range"] = float(((y < x.min()) | (y > x.max())).mean())
            if d is not None and len(y):
                row |= {"off_grid": float(1 - on_grid(y, d).mean()), "decimals": d}
        else:
            row["unseen"] = float((y == len(real.labels(name)) - 1).mean())
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Validity(Metric):
    """Shares of values out of range, off the column's decimal grid, or of a category never seen; pairs; missingness.

    Each share is the mean over the columns it concerns. ``impossible_pairs`` is the share of rows with two values that
    never stand together (:mod:`tabdiff_lora.structural_zeros`). ``repeated_rows`` is the share of rows that occur more
    than once in the same table: above the ceiling the generator has collapsed, below it on a discrete table it avoids
    repeating itself as real tables do.
    """

    name: ClassVar[str] = "validity"
    group: ClassVar[str] = "Validity"
    directions: ClassVar[dict] = {
        "out_of_range": "lower",
        "off_grid": "lower",
        "unseen_categories": "lower",
        "impossible_pairs": "lower",
        "missing_pattern_error": "lower",
        "repeated_rows": "match",
    }

    def ceiling(self, case: Case) -> Case:
        """Return the case in which held-out rows stand in: what the training rows do not show may still be possible."""
        if case.holdout is None:
            raise MetricUnavailable(NO_CEILING)
        return replace(case, candidate=case.holdout.subsample(len(case.candidate), case.rng(2)))

    def measure(self, case: Case) -> Measurement:
        """Measure the candidate's values against those the real table shows."""
        table = column_validity(case.real, case.candidate)
        share, pairs = impossible_pairs(case.real, case.candidate)
        values: dict[str, float | MetricUnavailable] = {}
        for name, column, kind in [
            ("out_of_range", "out_of_range", "numerical column"),
            ("off_grid", "off_grid", "numerical column with at most six decimals"),
            ("unseen_categories", "unseen", "categorical column"),
        ]:
            shares = table[column].dropna()
            values[name] = float(shares.mean()) if len(shares) else MetricUnavailable(f"there is no {kind}")
        values["impossible_pairs"] = share
        try:
            values["missing_pattern_error"] = missing_pattern_error(case.real, case.candidate)
        except MetricUnavailable as reason:
            values["missing_pattern_error"] = reason
        counts = np.unique(row_keys(case.candidate), return_counts=True)[1]
        values["repeated_rows"] = float(counts[counts > 1].sum() / len(case.candidate))
        # Rows are independent, the columns of a row may not be: a mean share is as sure as one share of n rows.
        known = {name: value for name, value in values.items() if not isinstance(value, MetricUnavailable)}
        intervals = {name: wilson(value, len(case.candidate)) for name, value in known.items()}
        rows = {"n_real": len(case.real), "n_synthetic": len(case.candidate)}
        return Measurement(values, intervals, "binomial", {"columns": table, "pairs": pairs}, rows)


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a share of n independent rows.

    Its ends solve a quadratic equation, and the lower one follows from the upper by their product: it is not the
    difference of two like numbers, and exactly 0 for a share of 0.
    """

    def lower(share: float) -> float:
        spread = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
        return share**2 / (share + z**2 / (2 * n) + spread)

    return lower(share), 1.0 - lower(1.0 - share)
