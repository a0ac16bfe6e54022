"""Rows: features as a synthesizer takes them and the way back, and a clone fitted to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone

from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer
from tabdiff_lora.table.containers import Container

TARGET = "(target)"
"""Name of the label while it is a column of the synthesizer's table."""


class Rows:
    """Features as a pandas frame, and the way back to what they came in.

    Parameters
    ----------
    X : table of shape (n, p)
        Columns of a pandas frame may be sparse; in ``frame`` they are dense.
    """

    def __init__(self, X):
        frame, self._container = Container.open(X)
        self._sparse = {name: dtype for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.SparseDtype)}
        self.frame = frame.astype({name: dtype.subtype for name, dtype in self._sparse.items()})

    def close(self, frame: pd.DataFrame):
        """Return rows in the container of X."""
        return self._container.close(frame.astype(self._sparse))


def fitted_clone(synthesizer, frame: pd.DataFrame, labels=None, *, is_classes: bool = False, random_state=None):
    """A clone of a synthesizer fitted to features and, as their last column, labels."""
    synth = TabularDiffusionSynthesizer() if synthesizer is None else clone(synthesizer)
    if random_state is not None:
        synth.set_params(random_state=random_state)
    if labels is None:
        return synth.fit(frame)
    if is_classes:
        synth.set_params(types={**(synth.types or {}), TARGET: "categorical"})
    return synth.fit(frame, pd.Series(labels, name=TARGET))


def rows_of_labels(synth, labels: np.ndarray) -> pd.DataFrame:
    """Synthetic features, a row for each of these labels."""
    if not len(labels):
        return synth.sample(0).drop(columns=TARGET)
    return synth.sample(conditions=pd.DataFrame({TARGET: labels})).drop(columns=TARGET)
