"""Do two values stand in a row that never stand together?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.structural_zeros import EXPECTED, hold_any, rows_with, structural_zeros

OTHER, NONE = "other", "none"
"""A number that few real rows share, and a missing one."""


def impossible_pairs(real: Arrays, synthetic: Arrays) -> tuple[float, pd.DataFrame]:
    """Share of rows with two values that no real row holds together, though chance would put them into thirty.

    A value is a category, a number that thirty real rows share, any other number, or none.

    Returns
    -------
    float
    DataFrame
        The pairs: columns first and second ("column = value"), and the synthetic ``rows`` that hold them.
    """
    columns = _columns(real, synthetic)
    codes = np.column_stack([codes for codes, _ in columns])
    labels = [label for _, labels in columns for label in labels]
    cardinalities = [len(labels) for _, labels in columns]
    zeros = structural_zeros(codes[: len(real)], cardinalities)
    drawn = codes[len(real) :]
    first, second = ([labels[level] for level in side] for side in zeros.T)
    table = pd.DataFrame({"first": first, "second": second, "rows": rows_with(zeros, drawn, cardinalities)})
    table = table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
    return float(hold_any(zeros, drawn, cardinalities).mean()), table


def _columns(real: Arrays, synthetic: Arrays) -> list[tuple[np.ndarray, list[str]]]:
    """Codes of either table's rows, real ones first, and what the codes mean, column by column."""
    both, columns = real + synthetic, []
    for name in both.names:
        x = both.column(name)
        if not both.is_numerical(name):
            columns.append((x, [f"{name} = {label}" for label in both.labels(name)]))
            continue
        values, counts = np.unique(x[: len(real)], return_counts=True)
        values = values[(counts >= EXPECTED) & ~np.isnan(values)]
        place = np.searchsorted(values, x)  # NaN is sorted last
        known = np.isin(x, values)
        codes = np.where(known, place, np.where(np.isnan(x), len(values) + 1, len(values)))
        columns.append((codes, [f"{name} = {value}" for value in [*(f"{v:g}" for v in values), OTHER, NONE]]))
    return columns
