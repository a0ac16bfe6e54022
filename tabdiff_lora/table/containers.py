"""Containers: pandas inside, whatever the user has outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Container:
    """How the training table came, so that drawn rows go back the same way.

    Parameters
    ----------
    library : {"pandas", "numpy"}
    dtype : str
        Dtype of a numpy array, else empty.
    """

    library: str
    dtype: str = ""

    @classmethod
    def open(cls, X) -> tuple[pd.DataFrame, Container]:
        """Return the table as a pandas frame (never a view that is written to) and its container."""
        container = cls("pandas") if isinstance(X, pd.DataFrame) else cls("numpy", np.asarray(X).dtype.str)
        return container.view(X), container

    def view(self, X) -> pd.DataFrame:
        """Return a table of any container as a pandas frame."""
        if isinstance(X, pd.DataFrame):
            return X
        values = np.asarray(X)
        if values.ndim != 2:
            raise ValueError(f"shape of the table must be (n, p). Got {values.shape} instead. Reshape your data.")
        frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
        return frame.infer_objects() if values.dtype == object else frame

    def close(self, frame: pd.DataFrame):
        """Return a pandas frame in this container."""
        return frame if self.library == "pandas" else frame.to_numpy(dtype=np.dtype(self.dtype))
