"""FixedCombinations: only combinations of values that were seen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from tabdiff_lora.table.constraints.base import Constraint


class FixedCombinations(Constraint):
    """The values of these columns occur together only as they did in the training table (city and country).

    The columns are learned as one category, whose levels are the seen combinations.

    Parameters
    ----------
    columns : list of at least two column labels
    """

    def __init__(self, columns: Sequence[Hashable]):
        self.columns = columns

    @property
    def names(self) -> list[Hashable]:
        """The columns."""
        return list(self.columns)

    @property
    def joint(self) -> str:
        """Label of the category that replaces the columns."""
        return " and ".join(map(str, self.columns))

    def _fit(self, frame: pd.DataFrame) -> None:
        self.combinations_ = frame[self.names].drop_duplicates(ignore_index=True)
        texts = self.combinations_.astype(object).apply(lambda row: ", ".join(map(str, row)), axis=1)
        repeat = texts.groupby(texts).cumcount()
        self.texts_ = texts.where(repeat == 0, texts + " #" + (repeat + 1).astype(str)).tolist()

    def violations(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows hold an unseen combination."""
        return self._codes(frame) < 0

    def _codes(self, frame: pd.DataFrame) -> np.ndarray:
        numbered = self.combinations_.assign(**{self.joint: np.arange(len(self.combinations_))})
        found = frame[self.names].merge(numbered, how="left", on=self.names)
        return found[self.joint].fillna(-1).to_numpy(dtype=np.int64)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the columns by their combination."""
        joint = pd.Categorical.from_codes(self._codes(frame), categories=self.texts_)
        return frame.drop(columns=self.names).assign(**{self.joint: joint})

    def inverse_transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the combination by its columns."""
        values = self.combinations_.take(frame[self.joint].cat.codes).set_index(frame.index)
        return frame.drop(columns=self.joint).join(values)
