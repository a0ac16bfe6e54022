"""Arrangement: which encoded dimensions belong to which column."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.table.encoders import ColumnEncoder


@dataclass(frozen=True)
class Arrangement:
    """The layout of a table and the slots of each column in it.

    Parameters
    ----------
    layout : TableLayout
        Numerical dimensions in column order; categorical ones sorted by cardinality, so that equal ones are neighbours.
    numerical : dict of column label to slice
    categorical : dict of column label to list of int
    """

    layout: TableLayout
    numerical: dict[Hashable, slice]
    categorical: dict[Hashable, list[int]]

    @classmethod
    def of(cls, encoders: Mapping[Hashable, ColumnEncoder]) -> Arrangement:
        """Arrange the dimensions of fitted encoders."""
        numerical, names = {}, []
        for label, encoder in encoders.items():
            numerical[label] = slice(len(names), len(names) + len(encoder.numerical_))
            names.extend(encoder.numerical_)
        owners = [(label, c) for label, encoder in encoders.items() for c in range(len(encoder.categorical_))]
        owners.sort(key=lambda owner: len(encoders[owner[0]].categories_[owner[1]]))
        categorical = {label: [] for label in encoders}
        for slot, (label, _) in enumerate(owners):
            categorical[label].append(slot)
        learned = [label for label, encoder in encoders.items() if encoder.numerical_ + encoder.categorical_]
        number_of = {label: number for number, label in enumerate(learned)}
        layout = TableLayout(
            tuple(names),
            tuple(encoders[label].categorical_[c] for label, c in owners),
            tuple(encoders[label].categories_[c] for label, c in owners),
            tuple(number_of[label] for label in learned for _ in encoders[label].numerical_)
            + tuple(number_of[label] for label, _ in owners),
        )
        return cls(layout, numerical, categorical)

    def check(self, num: np.ndarray, cat: np.ndarray) -> None:
        """Raise EncodingError unless num is (n, D) and finite and cat is (n, C) and within the cardinalities."""
        layout = self.layout
        widths, expected = (num.shape[1:], cat.shape[1:]), ((layout.n_numerical,), (layout.n_categorical,))
        if widths != expected or len(num) != len(cat):
            raise EncodingError(f"widths of num and cat must be {expected}. Got {widths} instead.")
        if not np.isfinite(num).all():
            row, slot = np.argwhere(~np.isfinite(num))[0]
            name = layout.numerical[slot]
            raise EncodingError(f"scores of {name!r} must be finite. Got {num[row, slot]} (row {row}) instead.")
        outside = (cat < 0) | (cat >= np.array(layout.cardinalities, dtype=np.int64))
        if outside.any():
            row, slot = np.argwhere(outside)[0]
            name, top = layout.categorical[slot], layout.cardinalities[slot] - 1
            raise EncodingError(f"codes of {name!r} must be in 0 .. {top}. Got {cat[row, slot]} (row {row}) instead.")
