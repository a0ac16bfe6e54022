"""The shape of an encoded table: what a row is once every column has become numbers.

A row is D numerical dimensions (each close to a standard normal) and C categorical columns (codes ``0 .. K_c - 1``).
Every room that handles encoded rows receives this object instead of counts and offsets of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby


@dataclass(frozen=True)
class CardinalityGroup:
    """Consecutive categorical columns of one cardinality K: their logits are one contiguous (B, G, K) block."""

    columns: slice
    logits: slice
    cardinality: int


@dataclass(frozen=True)
class TableLayout:
    """Names and sizes of the encoded dimensions.

    Parameters
    ----------
    numerical : tuple of str, length D
        Name of each numerical dimension, usually the column it came from.
    categorical : tuple of str, length C
        Name of each categorical column.
    categories : tuple of tuples of str, length C
        The text of each level, in code order: ``categories[c][k]`` is what code k of column c means.
        Language-model backbones read these texts; every other backbone only needs their number.
    owners : tuple of int, length D + C, optional
        The column of the table that each dimension encodes, numerical dimensions first, counted from 0. By default each
        dimension is a column of its own.
    """

    numerical: tuple[str, ...]
    categorical: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    owners: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n_dims = len(self.numerical) + len(self.categorical)
        object.__setattr__(self, "owners", self.owners or tuple(range(n_dims)))
        if len(self.categorical) != len(self.categories):
            raise ValueError(
                f"categories of TableLayout must have one entry per categorical column ({len(self.categorical)}). "
                f"Got {len(self.categories)} instead."
            )

    @property
    def n_numerical(self) -> int:
        """D, the number of numerical dimensions."""
        return len(self.numerical)

    @property
    def n_categorical(self) -> int:
        """C, the number of categorical columns."""
        return len(self.categorical)

    @property
    def n_columns(self) -> int:
        """Columns of the table that have a dimension."""
        return max(self.owners, default=-1) + 1

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        """K_c of each categorical column, shape (C,)."""
        return tuple(len(levels) for levels in self.categories)

    @property
    def n_logits(self) -> int:
        """Sum of the cardinalities: the width of a flat row of logits."""
        return sum(self.cardinalities)

    @cached_property
    def level_columns(self) -> tuple[int, ...]:
        """The categorical column that each entry of a flat row of logits belongs to."""
        return tuple(column for column, cardinality in enumerate(self.cardinalities) for _ in range(cardinality))

    @cached_property
    def level_starts(self) -> tuple[int, ...]:
        """Where each categorical column begins in a flat row of logits."""
        return tuple(accumulate(self.cardinalities, initial=0))[:-1]

    def logits_of(self, column: int) -> slice:
        """The place of one categorical column in a flat row of logits."""
        start = self.level_starts[column]
        return slice(start, start + self.cardinalities[column])

    @cached_property
    def groups(self) -> tuple[CardinalityGroup, ...]:
        """Runs of neighbouring columns with equal cardinality; few when columns are sorted by cardinality."""
        groups, column, logit = [], 0, 0
        for cardinality, run in groupby(self.cardinalities):
            width = len(list(run))
            columns = slice(column, column + width)
            logits = slice(logit, logit + width * cardinality)
            groups.append(CardinalityGroup(columns, logits, cardinality))
            column, logit = columns.stop, logits.stop
        return tuple(groups)
