"""Do two values stand in a row that never stand together?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.structural_zeros import ImpossiblePairs


def impossible_pairs(real: Arrays, synthetic: Arrays) -> tuple[float, pd.DataFrame]:
    """Share of rows with two values that no real row holds together, though chance would put them into thirty.

    A value is a category, a number that thirty real rows share, any other number, or none.

    Returns
    -------
    float
    DataFrame
        The pairs: columns first and second ("column = value"), and the synthetic ``rows`` that hold them.
    """
    x, drawn = (np.concatenate([table.num, table.cat], axis=1) for table in (real, synthetic))
    zeros = ImpossiblePairs.of(x)
    labels = [
        label for name, values in zip(real.names, zeros.values, strict=True) for label in _labels(real, name, values)
    ]
    first, second = ([labels[level] for level in side] for side in zeros.pairs.T)
    table = pd.DataFrame({"first": first, "second": second, "rows": zeros.counts(drawn)})
    table = table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
    return float(zeros.held_by(drawn).mean()), table


def _labels(real: Arrays, name: str, values: np.ndarray) -> list[str]:
    """What the levels of a column mean."""
    if real.is_numerical(name):
        common = [f"{value:g}" for value in values]
    else:
        common = [real.labels(name)[int(code)] for code in values]
    return [f"{name} = {label}" for label in (*common, "another value", "none")]
